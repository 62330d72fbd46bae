//! What a session tells: the events of `--events FILE` (one JSON object a line, described by
//! `events.schema.json`), and notes, which are for people alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::swap::{Diagnostic, Reason, Stage, WorkerAction};

/// One line of `--events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// Milliseconds since fire started.
    pub at_ms: u64,
    /// Name of the `[[app]]`, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The app runs for the first time.
    Ready {
        /// Process id of the app.
        pid: u32,
        /// Functions of the main modules; 0 without a swap engine.
        functions: usize,
        /// Those that can be moved.
        movable: usize,
        /// Milliseconds since fire started or, after a failed first build, since the save.
        ms: u64,
    },
    /// Files changed; the next event but batches says what came of it.
    Batch {
        /// Paths relative to the project, sorted.
        files: Vec<String>,
    },
    /// New calls go to the new code; the process and its state live on.
    Swapped {
        /// Ids, sorted.
        functions: Vec<String>,
        /// Generation of the worker.
        generation: u64,
        /// Its process id.
        worker_pid: u32,
        /// Milliseconds since the save.
        ms: u64,
        /// Milliseconds of each stage.
        stages: BTreeMap<String, u64>,
    },
    /// Functions that are back at what is compiled in run natively again.
    Reverted {
        /// Ids, sorted.
        functions: Vec<String>,
        /// Milliseconds since the save.
        ms: u64,
    },
    /// The app was built anew and restarted.
    Restarted {
        /// Process id of the new app.
        pid: u32,
        /// Milliseconds since the save.
        ms: u64,
        /// Why.
        reasons: Vec<Reason>,
        /// Stage → milliseconds.
        #[serde(skip)]
        stages: std::collections::BTreeMap<String, u64>,
    },
    /// The batch has no effect on the program.
    Nothing {
        /// Edit codes.
        codes: Vec<String>,
        /// Milliseconds since the save.
        ms: u64,
    },
    /// The new source is not running.
    Failed {
        /// Where it failed.
        stage: Stage,
        /// At least one.
        diagnostics: Vec<Diagnostic>,
        /// Whether the app keeps running what it has.
        running: bool,
        /// Generation of the last swap that it keeps, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        generation: Option<u64>,
        /// Milliseconds since the save.
        ms: u64,
    },
    /// A worker ended without being told to.
    WorkerExited {
        /// Ids it hosted.
        functions: Vec<String>,
        /// Its generation.
        generation: u64,
        /// `exit status 2`, `signal: killed`, …
        cause: String,
        /// What was done about it.
        action: WorkerAction,
    },
    /// A generation that no new call goes to is still busy, a second after a swap.
    Draining {
        /// Ids it hosts.
        functions: Vec<String>,
        /// Its generation.
        generation: u64,
        /// Process id of its worker.
        worker_pid: u32,
        /// Calls under way.
        calls: u64,
        /// Goroutines of its code.
        goroutines: u64,
        /// Function values of its code that the program can still call.
        closures: u64,
    },
    /// A generation that was told to be draining has ended: nothing referred to it any more.
    Drained {
        /// Its generation.
        generation: u64,
    },
    /// The app ended by itself.
    AppExited {
        /// Milliseconds until it is started again, if the policy wants that.
        #[serde(skip)]
        again_ms: Option<u64>,
        /// Its exit code; 128 and the signal's number if a signal ended it.
        code: i32,
    },
    /// fire ends; nothing of it runs any more.
    Stopped,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown with `-v`.
    Detail,
    /// Shown unless `-q`.
    Say,
    /// Always shown.
    Warn,
}

/// What a session sends to whoever listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An event.
    Event(Record),
    /// For people, not for `--events`.
    Note {
        /// How much it matters.
        level: Level,
        /// One sentence.
        text: String,
        /// The cure, if there is one.
        hint: Option<String>,
        /// Name of the `[[app]]`, where there are several.
        app: Option<String>,
    },
}
