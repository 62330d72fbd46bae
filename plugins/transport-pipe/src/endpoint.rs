//! One side of a link, driven from Rust.

use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Lane, Side};
use fire_transport_stream::{StreamLane, Streams};

use crate::fifos::{Ends, Fifos};

/// One side of a link. Its lanes end with it.
pub(crate) struct PipeEndpoint {
    side: Side,
    /// Home is connected to the worker's; each datagram carries the worker's ends of a lane.
    socket: Arc<UnixDatagram>,
    /// Where FIFOs are until they are open: one lane is made at a time.
    place: Mutex<PathBuf>,
    limit: u32,
    streams: Streams,
    host: Arc<UnixStream>,
}

impl PipeEndpoint {
    pub(crate) fn attach(side: Side, lanes: &Path, host: &Path, limit: u32) -> Result<Self, Error> {
        let failed = |what: &str, path: &Path, error: std::io::Error| {
            Error::new(format!("cannot {what} {}: {error}", path.display()))
        };
        let host =
            Arc::new(UnixStream::connect(host).map_err(|error| failed("dial", host, error))?);
        let socket = match side {
            Side::Home => UnixDatagram::unbound()
                .and_then(|socket| socket.connect(lanes).map(|()| socket))
                .map_err(|error| failed("dial", lanes, error))?,
            Side::Worker => {
                UnixDatagram::bind(lanes).map_err(|error| failed("make", lanes, error))?
            }
        };
        let this = Self {
            side,
            socket: Arc::new(socket),
            place: Mutex::new(lanes.into()),
            limit,
            streams: Streams::default(),
            host,
        };
        this.close_at_end();
        Ok(this)
    }

    /// Starts the thread that closes this side's lanes when the host closes the link. It ends with the link or
    /// with the endpoint, whichever is first.
    fn close_at_end(&self) {
        let (host, streams, socket) =
            (self.host.clone(), self.streams.clone(), self.socket.clone());
        std::thread::spawn(move || {
            // The host never writes: whatever this returns, the link is over.
            let _ = (&*host).read(&mut [0]);
            streams.close();
            // Wakes whoever is in accept. A failure means that nobody is.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        });
    }

    fn lane(&self, ends: Ends) -> Result<Box<dyn Lane>, Error> {
        let fifos = Fifos::new(ends).map_err(no_lane)?;
        Ok(Box::new(StreamLane::new(
            Arc::new(fifos),
            &self.streams,
            self.limit,
        )?))
    }
}

fn no_lane(error: std::io::Error) -> Error {
    Error::new(format!("cannot make a lane: {error}"))
}

impl Endpoint for PipeEndpoint {
    fn open(&self) -> Result<Box<dyn Lane>, Error> {
        if self.side != Side::Home {
            return Err(Error::new("only home opens lanes"));
        }
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let (ours, theirs) = Ends::pair(
            &place.with_extension("back"),
            &place.with_extension("there"),
        )
        .map_err(no_lane)?;
        drop(place);
        theirs.hand(&*self.socket).map_err(no_lane)?;
        self.lane(ours)
    }

    fn accept(&self) -> Result<Box<dyn Lane>, Error> {
        if self.side != Side::Worker {
            return Err(Error::new("only a worker accepts lanes"));
        }
        loop {
            let ends = Ends::take(&*self.socket).map_err(no_lane)?;
            if self.streams.is_closed() {
                return Err(Error::new("the link is closed"));
            }
            // Without ends it is not from home.
            if let Some(ends) = ends {
                return self.lane(ends);
            }
        }
    }
}

impl Drop for PipeEndpoint {
    fn drop(&mut self) {
        let _ = self.host.shutdown(std::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pipe;
    use fire_plugin_api::transport::{Frame, LinkRequest, Transport};

    #[test]
    fn a_closed_link_wakes_every_waiter() {
        let directory = tempfile::tempdir().unwrap();
        let request = LinkRequest {
            generation: 1,
            directory: directory.path().into(),
        };
        let link = Pipe::new("").unwrap().create(&request).unwrap();
        let worker = link.attach(Side::Worker).unwrap();
        let home = link.attach(Side::Home).unwrap();
        let mut lane = home.open().unwrap();
        let mut served = worker.accept().unwrap();
        lane.send(&Frame {
            kind: 3,
            ..Frame::default()
        })
        .unwrap();
        assert_eq!(served.recv().unwrap().kind, 3);
        std::thread::scope(|scope| {
            let waits = [
                scope.spawn(move || lane.recv().is_err()),
                scope.spawn(move || served.recv().is_err()),
                scope.spawn(|| worker.accept().is_err()),
            ];
            link.close("a test");
            for wait in waits {
                assert!(wait.join().unwrap());
            }
        });
        assert!(home.open().is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_unknown_option_is_named() {
        let error = Pipe::new("limits = 3").unwrap_err();
        assert!(error.message.contains("limits"), "{error}");
    }
}
