//! Swapping functions in the running program. The session drives whatever implements [`Swapper`];
//! without one, fire is a plain live-reloader: it restarts at every change of content.

pub mod types;

pub use types::{
    Census, Degraded, Diagnostic, Fallback, HomeBuild, Hot, Opener, PrepareError, Reason, Stage,
    Swapped, Swapper, Task, Verdict, WorkerAction, WorkerExited,
};
