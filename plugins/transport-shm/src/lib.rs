//! The `shm` transport, the default: lanes in shared memory. `go/link.go` has the theory of operation.
//!
//! The segment is made with the `shared_memory` crate: mode 0600, exclusive, under a random name that is unlinked once
//! both sides have attached. It is sparse; pages are allocated (`fallocate`) for the header, the arena and the first
//! lanes at creation, and for further lanes before they are opened, so that a link costs little more than a megabyte
//! and a /dev/shm that is too small leads to an error instead of a bus fault in a call.

mod endpoint;
mod lane;
mod layout;
mod link;
mod segment;
mod sweep;
mod wait;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{GoFile, Link, LinkRequest, Transport};

pub use wait::ended_by_timeout;

/// The transport's options, as in `fire.toml`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// The longest payload of a frame, in bytes.
    limit: u32,
    /// How many lanes a link can have: calls in progress at once.
    lanes: u32,
    /// How many blocks of 64 KiB the lanes of a link share for long frames.
    blocks: u32,
    /// The longest time to spin for an answer before parking, in microseconds. 0: never spin.
    spin_us: u32,
    /// The sequence number that lanes start at. For tests of its overflow.
    #[serde(rename = "first-sequence")]
    first_sequence: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: 64 << 20,
            lanes: layout::MOST_LANES,
            blocks: 16,
            spin_us: 20,
            first_sequence: 0,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: u32, from: u32, to: u32| {
            if (from..=to).contains(&value) {
                Ok(())
            } else {
                Err(format!("`{name}` must be from {from} to {to}, not {value}"))
            }
        };
        within("limit", self.limit, 1, i32::MAX as u32)?;
        within("lanes", self.lanes, 1, layout::MOST_LANES)?;
        within("blocks", self.blocks, 0, layout::MOST_BLOCKS)?;
        within("spin_us", self.spin_us, 0, 1000)
    }
}

/// The transport.
#[derive(Debug, Clone)]
pub struct Shm {
    options: Options,
}

impl Shm {
    /// Reads the transport's options: the text of a TOML table, empty for the defaults. Removes the segments that hosts
    /// which were killed have left behind.
    pub fn new(options: &str) -> Result<Self, Error> {
        let options: Options = fire_plugin_api::options::read(options)?;
        options.check().map_err(Error::new)?;
        sweep::leftovers();
        Ok(Self { options })
    }
}

impl Transport for Shm {
    fn go_half(&self) -> Vec<GoFile> {
        [
            ("doorman.go", include_str!("../go/doorman.go")),
            ("lane.go", include_str!("../go/lane.go")),
            ("publish_amd64.go", include_str!("../go/publish_amd64.go")),
            (
                "publish_ordered.go",
                include_str!("../go/publish_ordered.go"),
            ),
            ("layout.go", include_str!("../go/layout.go")),
            ("link.go", include_str!("../go/link.go")),
            ("long.go", include_str!("../go/long.go")),
            ("memory_unsafe.go", include_str!("../go/memory_unsafe.go")),
            ("wait.go", include_str!("../go/wait.go")),
            ("apart_unsafe.go", include_str!("../go/apart_unsafe.go")),
            ("getcpu_amd64.go", include_str!("../go/getcpu_amd64.go")),
            ("getcpu_arm64.go", include_str!("../go/getcpu_arm64.go")),
            ("yield_linux.go", include_str!("../go/yield_linux.go")),
        ]
        .map(|(name, source)| GoFile {
            name: name.into(),
            source: source.into(),
        })
        .into()
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let shape = layout::Geometry {
            lanes: self.options.lanes,
            blocks: self.options.blocks,
            limit: self.options.limit,
            first: self.options.first_sequence,
            spin_ns: self.options.spin_us * 1000,
        };
        Ok(Box::new(link::ShmLink::create(&request.directory, shape)?))
    }
}
