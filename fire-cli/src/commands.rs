//! One file a command.

mod run;

use crate::args::{Arguments, Command};

/// Runs the command; gives the exit code.
pub fn dispatch(arguments: Arguments) -> anyhow::Result<u8> {
    match arguments.command {
        Command::Run(options) => run::run(&arguments.common, options),
    }
}
