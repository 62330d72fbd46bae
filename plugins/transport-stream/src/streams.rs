//! The streams of one side of a link: closing the link shuts all of them down, which wakes everyone
//! who waits in one.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A connected byte stream that several threads may hold.
pub trait Stream: Send + Sync {
    /// Reads some bytes; 0 at the end.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;
    /// Writes all bytes.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;
    /// Ends both directions and wakes whoever waits.
    fn shutdown(&self);
}

macro_rules! stream {
    ($type:ty) => {
        impl Stream for $type {
            fn read(&self, into: &mut [u8]) -> io::Result<usize> {
                let mut this = self;
                Read::read(&mut this, into)
            }
            fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
                let mut this = self;
                Write::write_all(&mut this, bytes)
            }
            fn shutdown(&self) {
                // It fails only when the peer is gone already.
                let _ = <$type>::shutdown(self, Shutdown::Both);
            }
        }
    };
}
stream!(TcpStream);
#[cfg(test)]
stream!(std::os::unix::net::UnixStream);

/// Every open stream of one side of a link. Cheap to clone; clones are the same set.
#[derive(Clone, Default)]
pub struct Streams(Arc<Mutex<Set>>);

#[derive(Default)]
struct Set {
    open: HashMap<u64, Arc<dyn Stream>>,
    next: u64,
    closed: bool,
}

impl Streams {
    /// Adds a stream; `None`, and the stream is shut down, when the link is closed.
    pub fn add(&self, stream: Arc<dyn Stream>) -> Option<u64> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if set.closed {
            stream.shutdown();
            return None;
        }
        set.next += 1;
        let id = set.next;
        set.open.insert(id, stream);
        Some(id)
    }

    /// Shuts one stream down and forgets it.
    pub fn remove(&self, id: u64) {
        let removed = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open
            .remove(&id);
        if let Some(stream) = removed {
            stream.shutdown();
        }
    }

    /// Shuts all of them down, and every one that is added later.
    pub fn close(&self) {
        let open = {
            let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            set.closed = true;
            std::mem::take(&mut set.open)
        };
        for stream in open.values() {
            stream.shutdown();
        }
    }

    /// Whether `close` has been called.
    pub fn is_closed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).closed
    }
}
