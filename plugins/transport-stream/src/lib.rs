//! What every transport over byte streams shares: the framing, the lane over a stream, and the
//! bookkeeping that wakes everyone when a link is closed. `pipe` and `tcp` add how streams are made.

mod lane;
mod streams;

pub use lane::StreamLane;
pub use streams::{Stream, Streams};

use fire_plugin_api::transport::GoFile;

/// Bytes before each payload: length u32, kind u16, flags u16, call u64, little endian.
pub const HEADER_SIZE: usize = 16;

/// The default for the longest payload.
pub const DEFAULT_LIMIT: u32 = 64 << 20;

/// The shared files of the Go half.
pub fn go_half() -> Vec<GoFile> {
    [
        ("doorman_linux.go", include_str!("../go/doorman_linux.go")),
        ("stream.go", include_str!("../go/stream.go")),
        ("yield_linux.go", include_str!("../go/yield_linux.go")),
        ("patience.go", include_str!("../go/patience.go")),
    ]
    .map(|(name, source)| GoFile {
        name: name.into(),
        source: source.into(),
    })
    .into()
}
