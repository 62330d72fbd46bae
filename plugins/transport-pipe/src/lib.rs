//! The `pipe` transport: a pair of FIFOs a lane, which are made in a directory of mode 0700 and have no name once
//! both are open.
//!
//! The worker has a datagram socket there, and home sends it its ends of each lane: the worker attaches first.
//! Both also dial another socket, on which the host listens and never accepts: when the host closes the
//! link, or dies, the kernel ends these connections, and each side closes its lanes.

mod endpoint;
mod fifos;
mod link;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{GoFile, Link, LinkRequest, Transport};
use fire_transport_stream::DEFAULT_LIMIT;

pub use fifos::Ends;
pub use link::PipeLink;

/// The transport's options, as in `fire.toml`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// The longest payload of a frame, in bytes.
    limit: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
        }
    }
}

/// The transport.
#[derive(Debug, Clone)]
pub struct Pipe {
    options: Options,
}

impl Pipe {
    /// Reads the transport's options: the text of a TOML table, empty for the defaults.
    pub fn new(options: &str) -> Result<Self, Error> {
        let options: Options = fire_plugin_api::options::read(options)?;
        if options.limit == 0 {
            return Err(Error::new("`limit` must be at least 1"));
        }
        Ok(Self { options })
    }
}

impl Transport for Pipe {
    fn go_half(&self) -> Vec<GoFile> {
        let mut files = fire_transport_stream::go_half();
        files.push(GoFile {
            name: "lane.go".into(),
            source: include_str!("../go/lane.go").into(),
        });
        files
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        Ok(Box::new(PipeLink::create(
            &request.directory,
            self.options.limit,
        )?))
    }
}
