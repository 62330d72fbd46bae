//! Measures what fire promises, beside what the machine itself can do, in the same run.

pub mod go_program;
mod transports;

pub use transports::{Figures, some_transports, transports};
