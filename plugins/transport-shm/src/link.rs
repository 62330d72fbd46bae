//! A link: the segment, the two bells, and its end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Link, Side};
use rustix::fs::{FileType, Mode, OFlags};

use crate::endpoint::ShmEndpoint;
use crate::layout::*;
use crate::segment::Segment;
use crate::sweep::PREFIX;
use crate::wait;

/// How many lanes have pages from the start.
const PREPARED: u32 = 32;

/// What the link, its endpoints and their lanes share.
pub(crate) struct Shared {
    pub segment: Segment,
    pub shape: Geometry,
    /// Lanes that have pages, as far as this process knows.
    prepared: Mutex<u32>,
    home: Bell,
    worker: Bell,
}

struct Bell {
    path: PathBuf,
    file: File,
}

/// A link of the shm transport.
pub struct ShmLink {
    shared: Arc<Shared>,
    nonce: u64,
}

impl ShmLink {
    pub(crate) fn create(directory: &Path, shape: Geometry) -> Result<Self, Error> {
        let nonce = random()?;
        let segment = Segment::create(&format!("{PREFIX}{:016x}", random()?), shape.size())?;
        let prepared = PREPARED.min(shape.lanes);
        segment.prepare(0, shape.lane(prepared))?;
        for (at, value) in [
            (AT_VERSION, LAYOUT_VERSION),
            (AT_LANES, shape.lanes),
            (AT_BLOCKS, shape.blocks),
            (AT_LIMIT, shape.limit),
            (AT_FIRST, shape.first),
            (AT_SPIN, shape.spin_ns),
            (AT_PREPARED, prepared),
        ] {
            segment.word(at).store(value, SeqCst);
        }
        segment.long(AT_NONCE).store(nonce, SeqCst);
        segment.long(AT_MAGIC).store(MAGIC, SeqCst);
        let home = Bell::hang(directory.join(format!("{nonce:016x}.home")))?;
        let worker = Bell::hang(directory.join(format!("{nonce:016x}.worker")))?;
        let shared = Shared {
            segment,
            shape,
            prepared: Mutex::new(prepared),
            home,
            worker,
        };
        Ok(Self {
            shared: Arc::new(shared),
            nonce,
        })
    }
}

impl Link for ShmLink {
    fn descriptor(&self, _side: Side) -> String {
        let Shared {
            segment,
            shape,
            home,
            worker,
            ..
        } = &*self.shared;
        let (home, worker) = (home.path.display(), worker.path.display());
        let path = segment.path().display();
        format!(
            "path={path};nonce={};size={};home={home};worker={worker}",
            self.nonce,
            shape.size()
        )
    }

    fn attached(&self) -> Result<(), Error> {
        self.shared
            .unname()
            .map_err(|error| Error::new(format!("cannot remove the names of a link: {error}")))
    }

    fn close(&self, _cause: &str) {
        self.shared.close();
        // The names' directory goes at the end in any case, and the segment's name with the segment.
        let _ = self.shared.unname();
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        Ok(Box::new(ShmEndpoint::attach(side, self.shared.clone())))
    }
}

impl Drop for ShmLink {
    fn drop(&mut self) {
        self.close("dropped");
    }
}

impl Shared {
    fn unname(&self) -> std::io::Result<()> {
        self.segment.unlink()?;
        for bell in [&self.home, &self.worker] {
            match std::fs::remove_file(&bell.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives pages to lanes up to `index`, before home opens it.
    pub fn prepare(&self, index: u32) -> Result<(), Error> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if index >= *prepared {
            let count = (2 * index.max(PREPARED)).min(self.shape.lanes);
            self.segment
                .prepare(self.shape.lane(*prepared), self.shape.lane(count))?;
            *prepared = count;
        }
        Ok(())
    }

    /// Marks everything closed, then wakes everyone.
    fn close(&self) {
        let segment = &self.segment;
        segment.word(AT_LINK_END).store(1, SeqCst);
        // The count is the peer's to write, so it is bounded here.
        let opened = segment.word(AT_OPENED).load(SeqCst).min(self.shape.lanes);
        for index in 0..opened {
            self.shut(index);
        }
        if segment.word(AT_ACCEPTING).swap(AWAKE, SeqCst) == IN_FUTEX {
            wait::wake(segment.word(AT_OPENED));
        }
        // A doorman that finds the link closed wakes everyone who waits in its process.
        self.home.ring();
        self.worker.ring();
    }

    /// Closes a lane and wakes both its ends.
    pub fn shut(&self, index: u32) {
        let at = self.shape.lane(index);
        for (mailbox, receiver) in [(at, Side::Worker), (at + MAILBOX_SIZE, Side::Home)] {
            let was = self
                .segment
                .word(mailbox + AT_WAITING)
                .swap(SHUT_DOWN, SeqCst);
            self.wake(was, mailbox, receiver, index);
        }
    }

    /// Wakes the receiver of what has just been published in this mailbox, if it sleeps.
    pub fn wake_receiver(&self, mailbox: usize, receiver: Side, index: u32) {
        let was = wait::claim_wake(self.segment.word(mailbox + AT_WAITING));
        self.wake(was, mailbox, receiver, index);
    }

    /// Wakes a receiver whose waiting word was `was` and no longer says so.
    fn wake(&self, was: u32, mailbox: usize, receiver: Side, index: u32) {
        match was {
            IN_FUTEX => wait::wake(self.segment.word(mailbox + AT_WAITING)),
            WITH_DOORMAN => {
                let (side, _) = self.side(receiver);
                let word = index as usize / 64;
                let news = self.segment.long(side + AT_NEWS + word * 8);
                news.fetch_or(1 << (index % 64), SeqCst);
                let summary = self.segment.long(side + AT_SUMMARY + word / 64 * 8);
                summary.fetch_or(1 << (word % 64), SeqCst);
                self.ring(receiver);
            }
            _ => {}
        }
    }

    /// Wakes a side's doorman if it is asleep.
    pub fn ring(&self, side: Side) {
        let (at, bell) = self.side(side);
        if self.segment.word(at + AT_ASLEEP).swap(AWAKE, SeqCst) != AWAKE {
            bell.ring();
        }
    }

    fn side(&self, side: Side) -> (usize, &Bell) {
        match side {
            Side::Home => (AT_HOME, &self.home),
            Side::Worker => (AT_WORKER, &self.worker),
        }
    }
}

impl Bell {
    fn hang(path: PathBuf) -> Result<Self, Error> {
        let failed =
            |error| Error::new(format!("cannot make the FIFO {}: {error}", path.display()));
        if path.to_str().is_none_or(|text| text.contains([';', '\n'])) {
            return Err(Error::new(format!(
                "{}: a link's directory must be UTF-8 without `;`",
                path.display()
            )));
        }
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).map_err(failed)?;
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(failed)?;
        Ok(Self {
            path,
            file: file.into(),
        })
    }

    fn ring(&self) {
        // A full FIFO wakes as well as another byte would.
        let _ = rustix::io::write(&self.file, &[1]);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn random() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Error::new(format!("no random numbers: {error}")))?;
    Ok(u64::from_ne_bytes(bytes))
}
