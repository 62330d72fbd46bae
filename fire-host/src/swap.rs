//! Swapping functions in the running program. The session drives whatever implements [`Swapper`];
//! without one, fire is a plain live-reloader: it restarts at every change of content.

pub mod status;
pub mod types;

pub use status::{Desk, FunctionStatus, GenerationStatus, Memory, Status};
pub use types::{
    Census, Degraded, Diagnostic, Draining, Fallback, HomeBuild, Hot, Opener, PrepareError, Reason,
    Source, Sources, Stage, Swapped, Swapper, Task, Undone, Verdict, WorkerAction, WorkerExited,
    WorkerNews,
};
