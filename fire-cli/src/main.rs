//! `fire`: hot reload for Go that keeps the process's state.

mod args;
mod commands;
mod failure;
mod output;
mod render;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments
        .nth(1)
        .is_some_and(|word| word == fire_host::supervise::guard::COMMAND)
    {
        fire_host::supervise::guard::serve();
        return ExitCode::SUCCESS;
    }
    let arguments = args::parse(std::env::args_os().collect());
    match commands::dispatch(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => failure::show(&error),
    }
}
