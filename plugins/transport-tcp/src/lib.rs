//! The `tcp` transport: one connection a lane, loopback unless configured otherwise.
//!
//! The worker listens on a port of its own and announces it to the host; home asks the host for it (`rendezvous`). Both keep
//! their connection to the host: its end is the end of the link. Every connection opens with a token
//! of 256 random bits, compared in constant time; a connection without it is dropped and counted.

mod endpoint;
mod hello;
mod link;
mod rendezvous;

use std::net::Ipv4Addr;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{GoFile, Link, LinkRequest, Transport};
use fire_transport_stream::DEFAULT_LIMIT;

/// The transport's options, as in `fire.toml`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// The longest payload of a frame, in bytes.
    limit: u32,
    /// The address on which host and worker listen.
    address: Ipv4Addr,
    /// The port on which the host listens while a link is made. 0: any.
    port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            address: Ipv4Addr::LOCALHOST,
            port: 0,
        }
    }
}

/// The transport.
#[derive(Debug, Clone)]
pub struct Tcp {
    options: Options,
}

impl Tcp {
    /// Reads the transport's options: the text of a TOML table, empty for the defaults.
    pub fn new(options: &str) -> Result<Self, Error> {
        let options: Options = fire_plugin_api::options::read(options)?;
        if options.limit == 0 {
            return Err(Error::new("`limit` must be at least 1"));
        }
        Ok(Self { options })
    }
}

impl Transport for Tcp {
    fn go_half(&self) -> Vec<GoFile> {
        let mut files = fire_transport_stream::go_half();
        files.push(GoFile {
            name: "lane.go".into(),
            source: include_str!("../go/lane.go").into(),
        });
        files
    }

    fn create(&self, _request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let Options {
            limit,
            address,
            port,
        } = self.options;
        Ok(Box::new(link::TcpLink::create(
            (address, port).into(),
            limit,
        )?))
    }
}
