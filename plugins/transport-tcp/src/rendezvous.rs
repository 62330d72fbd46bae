//! Where the sides of a link find each other: the host's listener, while the link is being made.

use std::io::Write;
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use fire_transport_stream::Streams;

use crate::hello::{self, Token, Who};

/// What the host knows of the link's sides. The connections in `sides` stay open until the link is closed.
pub(crate) struct Rendezvous {
    token: Token,
    worker: Mutex<Option<SocketAddrV4>>,
    announced: Condvar,
    pub sides: Streams,
    /// Connections that did not know the token.
    pub dropped: AtomicU64,
}

impl Rendezvous {
    /// Answers on the listener, on a thread that ends once the listener is shut down.
    pub fn start(listener: Arc<TcpListener>, token: Token) -> Arc<Self> {
        let this = Arc::new(Self {
            token,
            worker: Mutex::new(None),
            announced: Condvar::new(),
            sides: Streams::default(),
            dropped: AtomicU64::new(0),
        });
        let rendezvous = this.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let rendezvous = rendezvous.clone();
                std::thread::spawn(move || rendezvous.receive(stream));
            }
        });
        this
    }

    fn receive(&self, stream: TcpStream) {
        let stream = Arc::new(stream);
        match hello::hear(&stream, &self.token) {
            Some(Who::Worker(address)) => {
                *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
                self.announced.notify_all();
                self.sides.add(stream);
            }
            Some(Who::Home) => {
                // Added first: closing the link ends home's wait.
                if self.sides.add(stream.clone()).is_none() {
                    return;
                }
                if let Some(address) = self.worker() {
                    // It fails only if home has gone.
                    let _ = (&*stream).write_all(&hello::encode(address));
                }
            }
            Some(Who::Lane) | None => {
                self.dropped.fetch_add(1, Relaxed);
            }
        }
    }

    /// Waits until the worker has announced itself; `None` once the link is closed.
    fn worker(&self) -> Option<SocketAddrV4> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if worker.is_some() || self.sides.is_closed() {
                return *worker;
            }
            worker = self
                .announced
                .wait(worker)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the sides' connections, and with them the link.
    pub fn close(&self) {
        self.sides.close();
        drop(self.worker.lock()); // A waiter either has seen the close or waits by now.
        self.announced.notify_all();
    }
}
