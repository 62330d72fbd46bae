//! What a batch of edits leads to, and what to do when a process ends.

use crate::Error;

/// A classified difference between two snapshots of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// One of the edit codes: `body`, `method-body`, `signature`, `struct`, `added-used`, …
    pub code: String,
    /// What changed: a function id, a type, a file.
    pub subject: String,
    /// What about it changed, in words.
    pub detail: String,
    /// Whether the new program can be reached by swapping functions alone: every function that the
    /// edit touches, and every one that must change with it, is movable.
    pub swappable: bool,
}

/// What a batch leads to, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing happens.
    Nothing,
    /// The edited functions are swapped; the process lives on.
    Hot,
    /// The app is built anew and restarted.
    Restart,
}

/// Why a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Exited(i32),
    /// It was ended by this signal.
    Signalled(i32),
    /// It did not answer for this many milliseconds.
    Hung(u64),
    /// It touched memory that is not its own.
    Faulted(String),
}

/// Which process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// The user's program.
    App,
    /// A worker: its generation, its functions, and how often in a row workers of these functions have ended.
    Worker {
        /// Generation number.
        generation: u64,
        /// Ids of the functions it hosted.
        functions: Vec<String>,
        /// 1 for the first failure in a row.
        failures: u32,
    },
}

/// What to do when a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// Leave it ended; the next save starts it again.
    Stop,
    /// Start it again after this many milliseconds.
    Respawn {
        /// Milliseconds to wait.
        after_ms: u64,
    },
    /// Worker only: new calls go to the generation before it, or to the baseline.
    RollBack,
    /// Restart the app.
    Restart,
}

/// How long an old generation may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainLimits {
    /// Milliseconds after which an old generation that still has calls is ended. `None`: never.
    pub after_ms: Option<u64>,
    /// How many old generations may drain at once.
    pub generations: u32,
}

/// What one worker may do before it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Milliseconds for which a call may go on in a worker without asking anything of the program. Waiting for the
    /// program (for a lock, a channel, a connection) does not count. `None`: for ever.
    pub hang_ms: Option<u64>,
    /// The same for calls of an old generation: an endless loop that the next save has cured.
    pub old_hang_ms: Option<u64>,
    /// Megabytes that the process may have had in memory. `None`: any number.
    pub memory_mb: Option<u64>,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            hang_ms: Some(60_000),
            old_hang_ms: Some(10_000),
            memory_mb: Some(1_024),
        }
    }
}

/// Decides what edits and endings lead to.
pub trait RestartPolicy: Send + Sync {
    /// The action for each edit, in order. The batch's action is the strongest of them.
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error>;

    /// What to do about a process that has ended by itself.
    fn on_ending(&self, process: &Process, ending: &Ending) -> Result<Response, Error>;

    /// Limits for old generations.
    fn drain_limits(&self) -> DrainLimits {
        DrainLimits {
            after_ms: None,
            generations: 64,
        }
    }

    /// Limits for each worker. Since 1.1: fire has the defaults for a plugin that was built before.
    fn worker_limits(&self) -> WorkerLimits {
        WorkerLimits::default()
    }
}
