//! How home and a worker talk.
//!
//! A *link* connects home with one worker generation and offers *lanes*. A lane carries one call
//! at a time and everything nested in it, so exactly one side of a lane is ever active.
//! A transport has two halves: this Rust half makes, closes and cleans up links (and can drive
//! lanes itself, for tests and benchmarks); the Go half is source that fire compiles into both
//! Go processes, where the calls run without passing through the host.

use crate::Error;

/// The two ends of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The user's process. It opens lanes.
    Home,
    /// The process that runs moved bodies. It accepts lanes.
    Worker,
}

/// A file of the Go half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoFile {
    /// File name without a directory, for example `lane_linux.go`.
    pub name: String,
    /// Its text. `package lane`, standard library only, no cgo, no assembly.
    pub source: String,
}

/// What a link is to be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRequest {
    /// The worker's generation number.
    pub generation: u64,
    /// A directory of mode 0700 that the link may use for sockets and FIFOs; fire removes it at the end.
    pub directory: std::path::PathBuf,
}

/// A frame: one message on a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// Operation code. Transports do not interpret it.
    pub kind: u16,
    /// Flags. Transports do not interpret them.
    pub flags: u16,
    /// Call id. Transports do not interpret it.
    pub call: u64,
    /// Payload, 0 bytes to the transport's configured limit.
    pub payload: Vec<u8>,
}

/// A way for home and workers to talk.
pub trait Transport: Send + Sync {
    /// The Go half, compiled as package `fireagent/lane` into home and into every worker.
    fn go_half(&self) -> Vec<GoFile>;

    /// Makes a link for one worker. Everything that can fail for want of resources fails here.
    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error>;
}

/// One connection between home and one worker generation, as the host sees it.
pub trait Link: Send + Sync {
    /// What the Go half's `Attach` on that side is given: one line of text.
    fn descriptor(&self, side: Side) -> String;

    /// Both sides have attached: names in the file system can go.
    fn attached(&self) -> Result<(), Error>;

    /// Marks the link dead and wakes everyone who waits in it. May be called more than once.
    fn close(&self, cause: &str);

    /// Attaches to this link from Rust, as that side. Used by conformance tests and benchmarks.
    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error>;
}

/// One side of a link, driven from Rust.
pub trait Endpoint: Send + Sync {
    /// Home only: takes a lane that was never used before.
    fn open(&self) -> Result<Box<dyn Lane>, Error>;

    /// Worker only: blocks until home has opened another lane.
    fn accept(&self) -> Result<Box<dyn Lane>, Error>;
}

/// One lane, driven from Rust. Exactly one side is active at any time.
pub trait Lane: Send {
    /// Sends a frame. Precondition: this side is active.
    fn send(&mut self, frame: &Frame) -> Result<(), Error>;

    /// Waits for the peer's frame. Precondition: the peer is active.
    fn recv(&mut self) -> Result<Frame, Error>;

    /// Closes the lane; the peer's next or current call on it fails.
    fn close(&mut self);
}
