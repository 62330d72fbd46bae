//! The built-in split strategies: which functions move, and which share a worker.
//!
//! | strategy | before the program starts | at a hot batch |
//! | --- | --- | --- |
//! | [`OnEdit`] (the default) | everything runs at home | the edited functions of a batch, in one worker |
//! | [`PerFunction`] | every movable function in a worker of its own | each edited function in its own |
//! | [`PerPackage`] | the movable functions of a package in one worker | the same, for the edited ones |
//!
//! Plans are deterministic: groups and their functions are ordered by id.

mod grouping;
mod on_edit;
mod options;
mod per_function;
mod per_package;

pub use on_edit::OnEdit;
pub use per_function::PerFunction;
pub use per_package::PerPackage;

#[cfg(test)]
mod conformance_test;
