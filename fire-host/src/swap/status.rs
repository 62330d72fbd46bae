//! How things are in a running app: what `fire status --json` prints.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Task;

/// Answers how things are, at any time; nothing waits for it.
pub type Desk = Arc<dyn Fn() -> Task<'static, Status> + Send + Sync>;

/// How things are in one app: what `fire status --json` prints for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Name of the `[[app]]`, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Process id of the app. None: it does not run.
    pub pid: Option<u32>,
    /// Milliseconds from its start, or from the save, until it was ready.
    pub ready_ms: u64,
    /// Every function of the main modules.
    pub functions: Vec<FunctionStatus>,
    /// Every worker.
    pub generations: Vec<GenerationStatus>,
    /// Resident memory.
    pub memory: Memory,
}

/// Where one function runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionStatus {
    /// Its id.
    pub id: String,
    /// `home` or `worker`.
    pub runs: String,
    /// The generation that new calls go to.
    pub generation: Option<u64>,
    /// Calls that went to workers; those that run at home are not counted.
    pub calls: u64,
    /// Their mean time.
    pub mean_ns: u64,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationStatus {
    /// Its number.
    pub generation: u64,
    /// Its process id.
    pub worker_pid: u32,
    /// `serving`: calls go there. `draining`: what is left of it goes on. `kept`: nothing is left, but an undo goes
    /// back to it.
    pub state: String,
    /// Ids that it hosts.
    pub functions: Vec<String>,
    /// Calls under way.
    pub calls: u64,
    /// Goroutines of its code.
    pub goroutines: u64,
    /// Function values of its code that the program can still call.
    pub closures: u64,
    /// Resident memory.
    pub memory_kb: u64,
}

/// Resident memory in kilobytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Of the app.
    pub home_kb: u64,
    /// Of fire.
    pub host_kb: u64,
    /// Of all workers together.
    pub workers_kb: u64,
}
