//! One file a command.

mod bench;
mod demo;
mod diff;
mod doctor;
mod init;
mod plan;
pub mod plugin;
mod run;
mod status;
mod verify;

use crate::args::{Arguments, Command};

/// Runs the command; gives the exit code.
pub fn dispatch(arguments: Arguments) -> anyhow::Result<u8> {
    match arguments.command {
        Command::Init(options) => init::run(&arguments.common, &options),
        Command::Doctor => doctor::run(&arguments.common),
        Command::Bench(options) => bench::run(&arguments.common, &options),
        Command::Demo(options) => demo::run(&arguments.common, &options),
        Command::Diff(options) => diff::run(&arguments.common, &options),
        Command::Plugin(options) => plugin::run(&arguments.common, options),
        Command::Plan(options) => plan::run(&arguments.common, &options),
        Command::Explain(options) => plan::explain(&arguments.common, &options),
        Command::Verify(options) => verify::run(&arguments.common, &options),
        Command::Status(options) => status::run(&arguments.common, &options),
        Command::Undo => status::undo(&arguments.common),
        Command::Run(options) => run::run(&arguments.common, options),
    }
}
