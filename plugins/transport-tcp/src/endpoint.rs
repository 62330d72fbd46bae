//! One side of a link, driven from Rust.

use std::io::Read;
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Lane, Side};
use fire_transport_stream::{StreamLane, Streams};

use crate::hello::{self, Token, Who, decode};

/// One side of a link. Its lanes end with it.
pub(crate) struct TcpEndpoint {
    door: Door,
    token: Token,
    limit: u32,
    streams: Streams,
    host: Arc<TcpStream>,
}

enum Door {
    Home(SocketAddrV4),
    Worker(Mutex<Receiver<TcpStream>>),
}

impl TcpEndpoint {
    pub(crate) fn attach(
        side: Side,
        host: SocketAddr,
        token: &Token,
        limit: u32,
    ) -> Result<Self, Error> {
        Self::connect(side, host, token, limit)
            .map_err(|error| Error::new(format!("cannot attach to the link at {host}: {error}")))
    }

    fn connect(side: Side, host: SocketAddr, token: &Token, limit: u32) -> std::io::Result<Self> {
        let streams = Streams::default();
        let watched = Arc::new(TcpStream::connect(host)?);
        let (door, listener) = match side {
            Side::Home => {
                hello::say(&watched, token, Who::Home)?;
                let mut address = [0; 6];
                (&*watched).read_exact(&mut address)?;
                (Door::Home(decode(address)), None)
            }
            Side::Worker => {
                let listener = Arc::new(TcpListener::bind((host.ip(), 0))?);
                if let SocketAddr::V4(address) = listener.local_addr()? {
                    hello::say(&watched, token, Who::Worker(address))?;
                }
                let (admitted, incoming) = channel();
                listen(listener.clone(), token.clone(), admitted);
                (Door::Worker(Mutex::new(incoming)), Some(listener))
            }
        };
        close_at_end(watched.clone(), streams.clone(), listener);
        Ok(Self {
            door,
            token: token.clone(),
            limit,
            streams,
            host: watched,
        })
    }

    fn lane(&self, stream: TcpStream) -> Result<Box<dyn Lane>, Error> {
        Ok(Box::new(StreamLane::new(
            Arc::new(stream),
            &self.streams,
            self.limit,
        )?))
    }
}

/// Admits connections that know the token, on threads that end once the listener is shut down or have heard.
fn listen(listener: Arc<TcpListener>, token: Token, admitted: Sender<TcpStream>) {
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let (token, admitted) = (token.clone(), admitted.clone());
            std::thread::spawn(move || {
                if hello::hear(&stream, &token) == Some(Who::Lane) {
                    // It fails when nobody accepts any more.
                    let _ = admitted.send(stream);
                }
            });
        }
    });
}

/// Closes this side's lanes when the host closes the link, on a thread that ends with the link or the endpoint.
fn close_at_end(host: Arc<TcpStream>, streams: Streams, listener: Option<Arc<TcpListener>>) {
    std::thread::spawn(move || {
        // The host writes nothing more: whatever this returns, the link is over.
        let _ = (&*host).read(&mut [0]);
        streams.close();
        if let Some(listener) = listener {
            let _ = rustix::net::shutdown(&*listener, rustix::net::Shutdown::Both);
        }
    });
}

impl Endpoint for TcpEndpoint {
    fn open(&self) -> Result<Box<dyn Lane>, Error> {
        let Door::Home(address) = &self.door else {
            return Err(Error::new("only home opens lanes"));
        };
        let failed = |error: std::io::Error| {
            Error::new(format!("cannot dial the worker at {address}: {error}"))
        };
        let stream = TcpStream::connect(address).map_err(failed)?;
        hello::say(&stream, &self.token, Who::Lane).map_err(failed)?;
        self.lane(stream)
    }

    fn accept(&self) -> Result<Box<dyn Lane>, Error> {
        let Door::Worker(incoming) = &self.door else {
            return Err(Error::new("only a worker accepts lanes"));
        };
        let incoming = incoming.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = incoming
            .recv()
            .map_err(|_| Error::new("the link is closed"))?;
        self.lane(stream)
    }
}

impl Drop for TcpEndpoint {
    fn drop(&mut self) {
        let _ = self.host.shutdown(std::net::Shutdown::Both);
    }
}
