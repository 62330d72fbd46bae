//! One file a command.

mod diff;
pub mod plugin;
mod run;

use crate::args::{Arguments, Command};

/// Runs the command; gives the exit code.
pub fn dispatch(arguments: Arguments) -> anyhow::Result<u8> {
    match arguments.command {
        Command::Diff(options) => diff::run(&arguments.common, &options),
        Command::Plugin(options) => plugin::run(&arguments.common, options),
        Command::Run(options) => run::run(&arguments.common, options),
    }
}
