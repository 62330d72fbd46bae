//! The built-in restart policies: what a batch of edits leads to, and what follows when a process
//! ends by itself.
//!
//! - [`SeriousChanges`] (the default): bodies are swapped, everything that other code could notice
//!   restarts the app.
//! - [`KeepState`]: swaps whatever can be reached by swapping functions, and restarts for the rest.
//!
//! Both are tables; they know nothing of Go. A code that they do not know leads to a restart: that
//! is always right, if slow.

mod endings;
mod keep_state;
mod options;
mod serious_changes;

pub use keep_state::KeepState;
pub use serious_changes::SeriousChanges;

#[cfg(test)]
mod table_test;
