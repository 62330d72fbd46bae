//! What the session and the swap engine say to each other: plain values and one trait.
//!
//! The order of calls, for one app:
//!
//! ```text
//! prepare_home ─► (go build) ─► home_environment ─► (start) ─► app_started
//!      ▲                                                           │
//!      │ restart                                                   ▼
//!      └──────── judge ◄──────────────── batch of changed files ───┤
//!                  │ hot                                           │
//!                  ▼                                               │
//!                 swap / revert ───────────────────────────────────┘
//! ```
//!
//! Every [`Task`] may be dropped before it is done: a newer save cancels an older answer. What a
//! dropped task had begun must then be undone or picked up by the next call.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedReceiver;

use super::status::Desk;

/// A piece of the engine's work. Dropping it cancels the work.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why swapping is off for this project. Said once; fire goes on as a plain live-reloader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Degraded {
    /// What is missing, in one sentence.
    pub message: String,
    /// The cure, if there is one.
    pub hint: Option<String>,
}

/// What the build of the app needs so that its functions can be swapped later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomeBuild {
    /// For `go build -overlay`.
    pub overlay: Option<PathBuf>,
    /// More flags for `go build`, before the package. They must not repeat the configured ones.
    pub flags: Vec<String>,
    /// More environment for `go build`.
    pub environment: Vec<(String, String)>,
    /// What is built, if that is known.
    pub sources: Option<Sources>,
}

/// What tells one build of the app from another, as far as the user's Go source goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Sources {
    /// The user's packages, by import path.
    pub packages: BTreeMap<String, Source>,
    /// Digest of everything else that the overlay holds.
    pub rest: String,
}

/// One package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Of all its text.
    pub digest: String,
    /// Of its files' names, their imports and directives: what the go command decides by.
    pub shape: String,
}

/// A message of the compiler or of the parser, at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Path as the user would type it: relative to the project where possible. Empty if unknown.
    pub file: String,
    /// Counted from 1; 0 if unknown.
    pub line: u32,
    /// Counted from 1, in bytes, as the compiler does; 0 if unknown.
    pub col: u32,
    /// The compiler's own wording.
    pub message: String,
}

/// Where an answer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The file is not Go.
    Parse,
    /// It does not type-check.
    Typecheck,
    /// `go build`, or a command around it, failed.
    Build,
    /// The app could not be started.
    Start,
}

/// Why a batch leads to a restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// An edit code (`struct`, `signature`, `build`, …) or why a swap fell back.
    pub code: String,
    /// What changed: a function id, a type, a file.
    pub subject: String,
    /// What about it, in words.
    pub detail: String,
}

/// The functions to swap, and what the engine has already worked out about them.
#[derive(Debug)]
pub struct Hot {
    /// Ids, sorted: what the user is told.
    pub functions: Vec<String>,
    /// Functions whose baseline is back, to be unhooked in the same commit.
    pub reverted: Vec<String>,
    /// The edits behind it, for `e` and `-v`.
    pub edits: Vec<Reason>,
    /// The engine's own plan; the session hands it back untouched.
    pub plan: Box<dyn std::any::Any + Send + Sync>,
}

/// What a batch of changed files leads to.
#[derive(Debug)]
pub enum Verdict {
    /// No effect on the running program.
    Nothing {
        /// Edit codes: `nothing`, `test`, `added-unused`, …
        codes: Vec<String>,
    },
    /// The new source is not a program; the app keeps running what it has.
    Failed {
        /// `Parse` or `Typecheck`.
        stage: Stage,
        /// At least one.
        diagnostics: Vec<Diagnostic>,
    },
    /// The functions can be swapped.
    Hot(Hot),
    /// Every edited function is back at its baseline: unhook them.
    Reverted {
        /// Ids, sorted.
        functions: Vec<String>,
    },
    /// The app must be built anew and restarted.
    Restart {
        /// At least one.
        reasons: Vec<Reason>,
    },
}

/// Success of a swap: new calls go to the new code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swapped {
    /// Ids, sorted.
    pub functions: Vec<String>,
    /// Generation of the worker that runs them now.
    pub generation: u64,
    /// Process id of that worker.
    pub worker_pid: u32,
    /// Milliseconds of each stage of `judge` and `swap`.
    pub stages: BTreeMap<String, u64>,
}

/// Success of an undo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// Functions that are back in an older generation, by it: ids, and the process id of the worker.
    pub moved: BTreeMap<u64, (Vec<String>, u32)>,
    /// Functions that run natively again.
    pub reverted: Vec<String>,
}

/// A swap that could not be done for a reason that is not the user's code: the session restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// At least one.
    pub reasons: Vec<Reason>,
}

/// A worker that ended without being told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerExited {
    /// Ids it hosted.
    pub functions: Vec<String>,
    /// Its generation.
    pub generation: u64,
    /// `exit status 2`, `signal: killed`, `hung for 5000 ms`, …
    pub cause: String,
    /// What the engine did about it: `respawned`, `rolled back`, `restart`, `left ended`.
    pub action: WorkerAction,
}

/// A generation that no new call goes to, and what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draining {
    /// Its number.
    pub generation: u64,
    /// Process id of its worker.
    pub worker_pid: u32,
    /// Ids it hosts.
    pub functions: Vec<String>,
    /// Calls under way.
    pub calls: u64,
    /// Goroutines of its code.
    pub goroutines: u64,
    /// Function values of its code that the program can still call.
    pub closures: u64,
}

/// What happens to workers while nobody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerNews {
    /// One ended without being told to.
    Exited(WorkerExited),
    /// One has been superseded for a while and is still busy.
    Draining(Draining),
    /// One that was told to be draining has ended: nothing referred to it any more.
    Drained(u64),
}

/// What was done about a worker that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerAction {
    /// A new worker of the same generation serves its functions.
    Respawned,
    /// New calls go to the generation before it, or run natively.
    RolledBack,
    /// The session must restart the app.
    Restart,
    /// Its functions have no worker until the next save.
    LeftEnded,
}

/// Why the home build could not be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareError {
    /// The user's code: told like a failed build, the app keeps running.
    Source {
        /// Where it failed.
        stage: Stage,
        /// At least one.
        diagnostics: Vec<Diagnostic>,
    },
    /// fire's own: this build goes on without swapping, and the user is told why.
    Engine(Degraded),
}

/// Swaps functions in one running app. The session owns it; there is one app to an engine.
pub trait Swapper: Send {
    /// Instruments the source as it is now, before the app is built.
    fn prepare_home(&mut self) -> Task<'_, Result<HomeBuild, PrepareError>>;

    /// Environment for the process about to be started from the last prepared build.
    fn home_environment(&mut self) -> Vec<(String, String)>;

    /// The process runs. Its source, as last prepared, is the baseline from now on. Done when it has
    /// said hello; an error turns swapping off for this run of the app.
    fn app_started(&mut self, pid: u32) -> Task<'_, Result<(), Degraded>>;

    /// The process is gone, or about to be stopped: ends its workers.
    fn app_ended(&mut self) -> Task<'_, ()>;

    /// The process has ended by itself, with this code or by this signal: when to start it again, if at all before the
    /// next save.
    fn app_exited(&mut self, _code: i32, _signal: Option<i32>) -> Option<std::time::Duration> {
        None
    }

    /// What these files lead to. They are absolute and hold every path that changed since the last
    /// answer that was not cancelled; removed files are among them.
    fn judge<'a>(&'a mut self, changed: &'a [PathBuf]) -> Task<'a, Verdict>;

    /// Swaps. All or nothing.
    fn swap(&mut self, hot: Hot) -> Task<'_, Result<Swapped, Fallback>>;

    /// Those of the functions that are called only as the program starts: a new body of one does not run before the next
    /// start.
    fn called_once<'a>(&'a mut self, _functions: &'a [String]) -> Task<'a, Vec<String>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    /// Unhooks functions: their calls run natively again.
    fn revert<'a>(&'a mut self, functions: &'a [String]) -> Task<'a, Result<(), Fallback>>;

    /// How many functions there are and how many can be moved. `None` before the first prepared build.
    fn census(&self) -> Option<Census>;

    /// What happens to workers. Called once, right after opening.
    fn news(&mut self) -> UnboundedReceiver<WorkerNews>;

    /// Where whoever asks from outside is told how things are.
    fn desk(&self) -> Desk;

    /// Puts the generation before the last swap back: the source stays as it is, and the next save goes on.
    fn undo(&mut self) -> Task<'_, Result<Undone, Fallback>>;

    /// What to tell of a build that fails with a prepared build's additions alone. `None`: nobody in particular is to
    /// blame.
    fn blamed(&self, _diagnostics: &[Diagnostic]) -> Option<Degraded> {
        None
    }

    /// Directories that must go even if fire is killed. Asked after each prepared build.
    fn leftovers(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Ends every worker and removes every segment and socket.
    fn close(&mut self) -> Task<'_, ()>;
}

/// Functions of the main modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// All of them.
    pub functions: usize,
    /// Those that can be moved.
    pub movable: usize,
}

/// Opens the swap engine of a project, or says why there is none.
pub type Opener = fn(&crate::project::Project) -> Result<Box<dyn Swapper>, Degraded>;
