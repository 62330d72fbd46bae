//! One side of a link, driven from Rust.

use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Lane, Side};
use fire_transport_stream::{StreamLane, Streams};

/// One side of a link. Its lanes end with it.
pub(crate) struct PipeEndpoint {
    door: Door,
    limit: u32,
    streams: Streams,
    host: Arc<UnixStream>,
}

enum Door {
    Home(PathBuf),
    Worker(Arc<UnixListener>),
}

impl PipeEndpoint {
    pub(crate) fn attach(side: Side, lanes: &Path, host: &Path, limit: u32) -> Result<Self, Error> {
        let failed = |what: &str, path: &Path, error: std::io::Error| {
            Error::new(format!("cannot {what} {}: {error}", path.display()))
        };
        let host =
            Arc::new(UnixStream::connect(host).map_err(|error| failed("dial", host, error))?);
        let door = match side {
            Side::Home => Door::Home(lanes.into()),
            Side::Worker => Door::Worker(Arc::new(
                UnixListener::bind(lanes).map_err(|error| failed("listen on", lanes, error))?,
            )),
        };
        let this = Self {
            door,
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
        let (host, streams) = (self.host.clone(), self.streams.clone());
        let listener = match &self.door {
            Door::Home(_) => None,
            Door::Worker(listener) => Some(listener.clone()),
        };
        std::thread::spawn(move || {
            // The host never writes: whatever this returns, the link is over.
            let _ = (&*host).read(&mut [0]);
            streams.close();
            if let Some(listener) = listener {
                // Wakes whoever is in accept. A failure means that nobody is.
                let _ = rustix::net::shutdown(&*listener, rustix::net::Shutdown::Both);
            }
        });
    }

    fn lane(&self, stream: UnixStream) -> Result<Box<dyn Lane>, Error> {
        Ok(Box::new(StreamLane::new(
            Arc::new(stream),
            &self.streams,
            self.limit,
        )?))
    }
}

impl Endpoint for PipeEndpoint {
    fn open(&self) -> Result<Box<dyn Lane>, Error> {
        let Door::Home(path) = &self.door else {
            return Err(Error::new("only home opens lanes"));
        };
        let stream = UnixStream::connect(path)
            .map_err(|error| Error::new(format!("cannot dial {}: {error}", path.display())))?;
        self.lane(stream)
    }

    fn accept(&self) -> Result<Box<dyn Lane>, Error> {
        let Door::Worker(listener) = &self.door else {
            return Err(Error::new("only a worker accepts lanes"));
        };
        let (stream, _) = listener
            .accept()
            .map_err(|_| Error::new("the link is closed"))?;
        self.lane(stream)
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
