//! For transports over byte streams: everything but the streams themselves. A plugin says how streams are
//! made ([`Connect`]); frames, lanes and closing are done here.
//!
//! A frame is a header of 16 bytes (payload length u32, kind u16, flags u16, call u64, little endian)
//! and the payload. [`go_half`] does the same in Go; the plugin adds a file with `Attach`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::Error;
use crate::transport::{Endpoint, Frame, GoFile, Lane, Link, Side};

const HEADER: usize = 16;
/// The longest payload: what is longer is taken for garbage.
const LIMIT: usize = 64 << 20;

/// A connected stream that several threads may hold.
pub trait Stream: Send + Sync {
    /// Fills the buffer.
    fn read_exact(&self, into: &mut [u8]) -> io::Result<()>;
    /// Writes everything.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;
    /// Ends both directions and wakes who waits.
    fn shut(&self);
}

macro_rules! stream {
    ($type:ty) => {
        impl Stream for $type {
            fn read_exact(&self, into: &mut [u8]) -> io::Result<()> {
                Read::read_exact(&mut &*self, into)
            }

            fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
                Write::write_all(&mut &*self, bytes)
            }

            fn shut(&self) {
                // It fails only if the peer is gone already.
                let _ = self.shutdown(Shutdown::Both);
            }
        }
    };
}
stream!(UnixStream);
stream!(TcpStream);

/// Waits for the next stream.
pub type Accept = Box<dyn Fn() -> io::Result<Arc<dyn Stream>> + Send + Sync>;

/// How the streams of one link are made. The worker listens before home dials.
pub trait Connect: Send + Sync + 'static {
    /// What the Go half's `Attach` on that side is given: one line.
    fn descriptor(&self, side: Side) -> String;
    /// The worker's side.
    fn listen(&self) -> io::Result<Accept>;
    /// Home's side: a stream for a new lane.
    fn dial(&self) -> io::Result<Arc<dyn Stream>>;
}

/// What every transport over byte streams has in common in Go. The plugin adds a file of `package
/// lane` with `func Attach(side Side, descriptor string) (*Link, error)`.
pub fn go_half(attach: &str) -> Vec<GoFile> {
    [
        ("stream.go", include_str!("stream/stream.go")),
        ("attach.go", attach),
    ]
    .map(|(name, source)| GoFile {
        name: name.to_owned(),
        source: source.to_owned(),
    })
    .into()
}

/// A link over such streams.
///
/// Closing it ends what was attached in this process. Streams between two other processes end with
/// either of them, and fire ends the worker after it has closed the link.
pub fn link(connect: impl Connect) -> Box<dyn Link> {
    Box::new(StreamLink {
        shared: Arc::new(Shared {
            connect: Box::new(connect),
            open: Mutex::new(Some(Vec::new())),
        }),
    })
}

/// The same by functions: both sides are told `descriptor`, the worker listens and accepts, home dials. Since 1.1.
pub fn link_by<L: Send + Sync + 'static, S: Stream + 'static>(
    descriptor: impl Into<String>,
    listen: impl Fn() -> io::Result<L> + Send + Sync + 'static,
    accept: fn(&L) -> io::Result<S>,
    dial: impl Fn() -> io::Result<S> + Send + Sync + 'static,
) -> Box<dyn Link> {
    link(Functions {
        descriptor: descriptor.into(),
        listen,
        accept,
        dial,
    })
}

struct Functions<I, L, S, O> {
    descriptor: String,
    listen: I,
    accept: fn(&L) -> io::Result<S>,
    dial: O,
}

impl<I, L, S, O> Connect for Functions<I, L, S, O>
where
    I: Fn() -> io::Result<L> + Send + Sync + 'static,
    L: Send + Sync + 'static,
    S: Stream + 'static,
    O: Fn() -> io::Result<S> + Send + Sync + 'static,
{
    fn descriptor(&self, _: Side) -> String {
        self.descriptor.clone()
    }

    fn listen(&self) -> io::Result<Accept> {
        let (listener, accept) = ((self.listen)()?, self.accept);
        Ok(Box::new(move || Ok(Arc::new(accept(&listener)?))))
    }

    fn dial(&self) -> io::Result<Arc<dyn Stream>> {
        Ok(Arc::new((self.dial)()?))
    }
}

struct Shared {
    connect: Box<dyn Connect>,
    /// `None` once the link is closed.
    open: Mutex<Option<Vec<Weak<dyn Stream>>>>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Option<Vec<Weak<dyn Stream>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self, stream: io::Result<Arc<dyn Stream>>) -> Result<Box<dyn Lane>, Error> {
        let stream = stream.map_err(broken)?;
        match &mut *self.open() {
            Some(streams) => {
                streams.retain(|stream| stream.strong_count() > 0);
                streams.push(Arc::downgrade(&stream));
            }
            None => return Err(Error::new("the link is closed")),
        }
        Ok(Box::new(StreamLane { stream }))
    }
}

struct StreamLink {
    shared: Arc<Shared>,
}

impl Link for StreamLink {
    fn descriptor(&self, side: Side) -> String {
        self.shared.connect.descriptor(side)
    }

    fn attached(&self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&self, _: &str) {
        let Some(streams) = self.shared.open().take() else {
            return;
        };
        for stream in streams.iter().filter_map(Weak::upgrade) {
            stream.shut();
        }
        // Wakes a thread that waits in `accept`: it finds the link closed. Nobody may be waiting.
        let _ = self.shared.connect.dial();
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        let shared = Arc::clone(&self.shared);
        let accept = match side {
            Side::Home => None,
            Side::Worker => Some(shared.connect.listen().map_err(broken)?),
        };
        Ok(Box::new(StreamEndpoint { shared, accept }))
    }
}

struct StreamEndpoint {
    shared: Arc<Shared>,
    accept: Option<Accept>,
}

impl Endpoint for StreamEndpoint {
    fn open(&self) -> Result<Box<dyn Lane>, Error> {
        self.shared.lane(self.shared.connect.dial())
    }

    fn accept(&self) -> Result<Box<dyn Lane>, Error> {
        match &self.accept {
            Some(accept) => self.shared.lane(accept()),
            None => Err(Error::new("only the worker accepts lanes")),
        }
    }
}

struct StreamLane {
    stream: Arc<dyn Stream>,
}

impl Lane for StreamLane {
    fn send(&mut self, frame: &Frame) -> Result<(), Error> {
        let length = u32::try_from(frame.payload.len())
            .ok()
            .filter(|length| *length as usize <= LIMIT)
            .ok_or_else(|| Error::new(format!("a frame has more than {LIMIT} bytes")))?;
        let mut bytes = Vec::with_capacity(HEADER + frame.payload.len());
        bytes.extend(length.to_le_bytes());
        bytes.extend(frame.kind.to_le_bytes());
        bytes.extend(frame.flags.to_le_bytes());
        bytes.extend(frame.call.to_le_bytes());
        bytes.extend(&frame.payload);
        self.stream.write_all(&bytes).map_err(broken)
    }

    fn recv(&mut self) -> Result<Frame, Error> {
        let (mut length, mut kind, mut flags, mut call) = ([0; 4], [0; 2], [0; 2], [0; 8]);
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header).map_err(broken)?;
        length.copy_from_slice(&header[..4]);
        kind.copy_from_slice(&header[4..6]);
        flags.copy_from_slice(&header[6..8]);
        call.copy_from_slice(&header[8..]);
        let length = u32::from_le_bytes(length) as usize;
        if length > LIMIT {
            self.close();
            return Err(Error::new("the peer broke the frame format"));
        }
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).map_err(broken)?;
        Ok(Frame {
            kind: u16::from_le_bytes(kind),
            flags: u16::from_le_bytes(flags),
            call: u64::from_le_bytes(call),
            payload,
        })
    }

    fn close(&mut self) {
        self.stream.shut();
    }
}

fn broken(error: io::Error) -> Error {
    Error::new(format!("the lane's stream ended: {error}"))
}
