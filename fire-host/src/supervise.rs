//! Processes that fire starts: the app, in a process group of its own, and everything else that must
//! not outlive fire.
//!
//! Theory of operation. Every child leads a process group. While a [`Group`] is held, the [`Guard`] (a
//! process of fire's own, at the other end of a pipe) knows of it, and ends it when the pipe closes:
//! that is how the tree ends when fire is killed with SIGKILL. In the ordinary case fire ends the group
//! itself and tells the guard to forget it. fire is the reaper of orphans, so a group is known to be
//! gone, and its ports free, when no process of it is left, not merely when its leader has exited.

pub mod child;
pub mod group;
pub mod guard;
pub mod memory;
pub mod terminal;

pub use child::{App, Launch, Met, Stop};
pub use group::Group;
pub use guard::Guard;
pub use memory::resident_kb;
pub use terminal::Terminal;
