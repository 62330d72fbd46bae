//! Watches the source: file events in, batches of files whose content really changed out.
//!
//! Theory of operation. One thread owns everything: the watch itself, the [`scope`] (what matters), the
//! [`contents`] (what each file held last) and the [`debounce`]. Events only name suspects. When a lull
//! has passed, each suspect is read and compared, and what differs is sent as one batch. A directory that
//! appears is walked, one that goes takes its files along, and an overflow of the kernel's queue makes
//! every file a suspect: so a missed event costs time, never a save.

mod contents;
mod debounce;
#[cfg(test)]
mod saves_test;
mod scope;
mod worker;

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub use scope::{Pattern, PatternError, Scope};

/// The name of a file system that does not tell of changes made on another machine, or outside of the
/// container, if the directory lies on one.
pub fn silent_file_system(directory: &std::path::Path) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        // `f_type` of statfs(2).
        const SILENT: [(u64, &str); 7] = [
            (0x6969, "NFS"),
            (0x517B, "SMB"),
            (0xFF53_4D42, "CIFS"),
            (0xFE53_4D42, "SMB"),
            (0x0102_1997, "9P"),
            (0x786F_4256, "a VirtualBox share"),
            (0x6573_5546, "FUSE"),
        ];
        let kind = rustix::fs::statfs(directory).ok()?.f_type;
        #[expect(clippy::cast_sign_loss, reason = "a pattern of bits")]
        let kind = kind as u64 & 0xFFFF_FFFF;
        SILENT
            .iter()
            .find(|(number, _)| *number == kind)
            .map(|(_, name)| *name)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        None
    }
}

/// How to watch.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long nothing may happen before a batch is taken.
    pub lull: Duration,
    /// Look instead of being told, this often.
    pub poll: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lull: Duration::from_millis(20),
            poll: None,
        }
    }
}

/// Files that changed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Absolute, sorted; removed files are among them.
    pub files: Vec<PathBuf>,
    /// When the first of it was noticed.
    pub noticed: Instant,
}

/// What the watch has to say besides batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Files changed.
    Batch(Batch),
    /// Events cannot be had; fire looks instead. Why, and the cure.
    Polling {
        /// Why.
        reason: String,
        /// The cure.
        hint: String,
    },
}

/// A running watch. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    orders: mpsc::Sender<worker::Order>,
    seen: UnboundedReceiver<Seen>,
}

impl Watch {
    /// Arms the watch and takes the contents that later changes are compared with. When this returns,
    /// no change can be missed any more.
    pub fn arm(scope: Scope, options: Options) -> Self {
        let (orders, inbox) = mpsc::channel();
        let (out, seen) = unbounded_channel();
        let worker = worker::Worker::arm(scope, options, orders.clone(), out);
        std::thread::spawn(move || worker.run(&inbox));
        Self { orders, seen }
    }

    /// The next thing seen. May be dropped and asked again.
    pub async fn next(&mut self) -> Option<Seen> {
        self.seen.recv().await
    }

    /// What is there already, without waiting.
    pub fn try_next(&mut self) -> Option<Seen> {
        self.seen.try_recv().ok()
    }

    /// Watches something else from now on. Files that enter the scope count as changed if they were
    /// written after `since`.
    pub fn rescope(&self, scope: Scope, since: SystemTime) {
        let _ = self
            .orders
            .send(worker::Order::Scope(Box::new(scope), since));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.orders.send(worker::Order::End);
    }
}
