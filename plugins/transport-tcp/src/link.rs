//! A link, as the host sees it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Link, Side};

use crate::endpoint::TcpEndpoint;
use crate::hello::Token;
use crate::rendezvous::Rendezvous;

/// A link of the tcp transport.
pub struct TcpLink {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    token: Token,
    limit: u32,
    rendezvous: Arc<Rendezvous>,
}

impl TcpLink {
    pub(crate) fn create(address: SocketAddr, limit: u32) -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(format!("cannot listen on {address}: {error}"))
                .with_hint("set `port = 0` in the transport's options to take any free port")
        };
        let listener = Arc::new(TcpListener::bind(address).map_err(failed)?);
        let address = listener.local_addr().map_err(failed)?;
        let token =
            Token::random().map_err(|error| Error::new(format!("no random numbers: {error}")))?;
        let rendezvous = Rendezvous::start(listener.clone(), token.clone());
        Ok(Self {
            listener,
            address,
            token,
            limit,
            rendezvous,
        })
    }

    fn stop_listening(&self) {
        // It fails only when it has been shut down before.
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
    }
}

impl Link for TcpLink {
    fn descriptor(&self, _side: Side) -> String {
        format!(
            "host={};token={};limit={}",
            self.address,
            self.token.hexadecimal(),
            self.limit
        )
    }

    fn attached(&self) -> Result<(), Error> {
        self.stop_listening();
        Ok(())
    }

    fn close(&self, _cause: &str) {
        self.stop_listening();
        self.rendezvous.close();
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        Ok(Box::new(TcpEndpoint::attach(
            side,
            self.address,
            &self.token,
            self.limit,
        )?))
    }
}

impl Drop for TcpLink {
    fn drop(&mut self) {
        self.close("dropped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fire_plugin_api::transport::Frame;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::atomic::Ordering::Relaxed;

    fn link() -> TcpLink {
        TcpLink::create("127.0.0.1:0".parse().unwrap(), 1000).unwrap()
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let link = link();
        let error = TcpLink::create(link.address, 1000).err().unwrap();
        assert!(error.message.contains(&link.address.to_string()), "{error}");
    }

    #[test]
    fn a_connection_without_the_token_is_dropped_and_counted() {
        let link = link();
        let mut stranger = TcpStream::connect(link.address).unwrap();
        stranger.write_all(&[b'w'; 39]).unwrap();
        assert_eq!(stranger.read(&mut [0]).unwrap_or(0), 0, "the host hangs up");
        assert_eq!(link.rendezvous.dropped.load(Relaxed), 1);
    }

    #[test]
    fn lanes_work_and_end_with_the_link() {
        let link = link();
        let worker = link.attach(Side::Worker).unwrap();
        let home = link.attach(Side::Home).unwrap();
        link.attached().unwrap();
        let mut lane = home.open().unwrap();
        let mut served = worker.accept().unwrap();
        lane.send(&Frame {
            kind: 9,
            ..Frame::default()
        })
        .unwrap();
        assert_eq!(served.recv().unwrap().kind, 9);
        std::thread::scope(|scope| {
            let waiting = [
                scope.spawn(move || lane.recv().is_err()),
                scope.spawn(|| worker.accept().is_err()),
            ];
            link.close("a test");
            for wait in waiting {
                assert!(wait.join().unwrap());
            }
        });
    }
}
