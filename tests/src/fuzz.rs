//! Everything that reads bytes from elsewhere, as fuzz targets: frames, control messages, libraries, `fire.toml`, Go
//! source. `fuzz/` gives them to cargo-fuzz; `tests/fuzz.rs` replays what that has found, and mutations of it, at each run of
//! the tests. The Go halves have theirs beside them (`*_test.go`).
//!
//! A target must not panic, and checks what it can about the outcome.

#![expect(clippy::unwrap_used, reason = "a failed step is a finding")]

use std::cell::RefCell;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fire_host::control::Control;
use fire_host::plugins::image;
use fire_host::source::{BuildContext, Entry, Snapshot};
use fire_plugin_api::Transport;
use fire_plugin_api::stream::{self, Accept, Connect};
use fire_plugin_api::transport::{Endpoint, Frame, Lane, Link, LinkRequest, Side};
use fire_transport_stream::{StreamLane, Streams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A target: its name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] = [
    ("frames", frames),
    ("shared_memory", shared_memory),
    ("control", control),
    ("library", library),
    ("settings", settings),
    ("source", source),
];

/// The longest payload in these targets.
const LIMIT: usize = 2000;

/// The receiving end of a stream that has brought these bytes and has then ended.
struct Brought(Mutex<io::Cursor<Vec<u8>>>);

impl Brought {
    fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(io::Cursor::new(bytes.to_vec())))
    }
}

impl fire_transport_stream::Stream for Brought {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut *self.0.lock().unwrap(), into)
    }
    fn write_all(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn shutdown(&self) {}
}

impl stream::Stream for Brought {
    fn read_exact(&self, into: &mut [u8]) -> io::Result<()> {
        io::Read::read_exact(&mut *self.0.lock().unwrap(), into)
    }
    fn write_all(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn shut(&self) {}
}

struct Dials(Vec<u8>);

impl Connect for Dials {
    fn descriptor(&self, _: Side) -> String {
        String::new()
    }
    fn listen(&self) -> io::Result<Accept> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn dial(&self) -> io::Result<Arc<dyn stream::Stream>> {
        Ok(Arc::new(Brought::new(&self.0)))
    }
}

/// Frames of both stream codecs: that of `pipe` and `tcp`, and the one for plugins.
pub fn frames(bytes: &[u8]) {
    let stream = Arc::new(Brought::new(bytes));
    let lane = StreamLane::new(stream, &Streams::default(), LIMIT as u32).unwrap();
    received_is_what_was_sent(lane, bytes, LIMIT);
    let link = stream::link(Dials(bytes.to_vec()));
    let home = link.attach(Side::Home).unwrap();
    let mut lane = home.open().unwrap();
    while lane.recv().is_ok() {}
}

fn received_is_what_was_sent(mut lane: impl Lane, bytes: &[u8], limit: usize) {
    let mut again = Vec::new();
    while let Ok(frame) = lane.recv() {
        assert!(frame.payload.len() <= limit);
        again.extend((frame.payload.len() as u32).to_le_bytes());
        again.extend(frame.kind.to_le_bytes());
        again.extend(frame.flags.to_le_bytes());
        again.extend(frame.call.to_le_bytes());
        again.extend(&frame.payload);
    }
    assert!(bytes.starts_with(&again));
}

/// A link of the shm transport, used for many inputs: each takes a new lane.
struct Shared {
    _directory: tempfile::TempDir,
    link: Box<dyn Link>,
    home: Box<dyn Endpoint>,
    memory: std::fs::File,
    size: u64,
    lane: u64,
}

/// Lanes of a link for [`shared_memory`].
const LANES: u64 = 1000;

impl Shared {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("limit = {LIMIT}\nlanes = {LANES}\nblocks = 2\nspin_us = 0");
        let transport = fire_transport_shm::Shm::new(&options).unwrap();
        let request = LinkRequest {
            generation: 1,
            directory: directory.path().into(),
        };
        let link = transport.create(&request).unwrap();
        let descriptor = link.descriptor(Side::Home);
        let path = descriptor.split([';', '=']).nth(1).unwrap();
        let memory = std::fs::File::options().write(true).open(path).unwrap();
        link.attached().unwrap();
        Self {
            _directory: directory,
            home: link.attach(Side::Home).unwrap(),
            link,
            size: memory.metadata().unwrap().len(),
            memory,
            lane: 0,
        }
    }
}

thread_local! {
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// A worker that writes anything into the shared memory: offset (4 bytes), length (1 byte), bytes, again and again. Offsets with the
/// upper bit are relative to the mailbox that home reads next; the others go anywhere.
pub fn shared_memory(bytes: &[u8]) {
    SHARED.with_borrow_mut(|shared| {
        if shared.as_ref().is_none_or(|shared| shared.lane == LANES) {
            *shared = None; // Closed before the next one is made.
            *shared = Some(Shared::new());
        }
        let this = shared.as_mut().unwrap();
        let Ok(mut lane) = this.home.open() else {
            // The header says that the link is closed.
            *shared = None;
            return;
        };
        let mailbox = this.size - (LANES - this.lane) * 4096 + 2048;
        this.lane += 1;
        let mut left = bytes;
        while let Some((head, rest)) = left.split_at_checked(5) {
            let offset = u32::from_le_bytes(head[..4].try_into().unwrap());
            let (piece, rest) = rest.split_at(rest.len().min(head[4].into()));
            left = rest;
            let at = match offset & 1 << 31 {
                0 => u64::from(offset) % (this.size - 256),
                _ => mailbox + u64::from(offset) % 1792,
            };
            this.memory.write_all_at(piece, at).unwrap();
        }
        // Its waiting word says that it is closed: nobody waits for what never comes.
        this.memory
            .write_all_at(&3u32.to_le_bytes(), mailbox + 128)
            .unwrap();
        for _ in 0..3 {
            match lane.recv() {
                Ok(frame) => assert!(frame.payload.len() <= LIMIT),
                Err(_) => break,
            }
        }
        let _ = lane.send(&Frame::default());
        drop(lane);
        let _ = this.link.descriptor(Side::Home);
    });
}

/// Lines on the control socket.
pub fn control(bytes: &[u8]) {
    static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> = std::sync::LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    });
    let directory = tempfile::tempdir().unwrap();
    RUNTIME.block_on(async {
        let (control, notices) = Control::listen(directory.path()).unwrap();
        let mut peer = tokio::net::UnixStream::connect(control.path())
            .await
            .unwrap();
        // It fails when the host has heard enough.
        let _ = peer.write_all(bytes).await;
        let _ = peer.shutdown().await;
        drop(notices);
        control.forget();
        // The host hangs up at the end of what it was told; what it says until then is of no matter.
        let _ = peer.read_to_end(&mut Vec::new()).await;
    });
}

/// A file that is taken for a plugin's library.
pub fn library(bytes: &[u8]) {
    let path = Path::new("library.so");
    if let Err(error) = image::read(path, bytes) {
        assert!(!error.message.contains('\n'), "{error}");
    }
}

/// `fire.toml`.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(config) = fire_host::config::parse(Path::new("fire.toml"), &text) {
        let _ = config.transport.plugin(&text, "shm");
    }
}

/// A Go file.
pub fn source(bytes: &[u8]) {
    let entry = Entry::new("example.com/app", "main.go", bytes);
    let snapshot = Snapshot::new(BuildContext::default(), vec![entry]);
    for file in snapshot.files() {
        let _ = file.declarations();
    }
}
