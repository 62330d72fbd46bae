//! `fire`: hot reload for Go that keeps the process's state.

mod args;
mod commands;
mod failure;
mod log;
mod output;
mod render;

use std::process::ExitCode;

use fire_host::supervise::{guard, terminal};

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(word) if word == guard::COMMAND => {
            guard::serve();
            return ExitCode::SUCCESS;
        }
        Some(word) if word == terminal::WITNESS => {
            terminal::witness();
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let arguments = args::parse(std::env::args_os().collect());
    log::start(&arguments.common);
    match commands::dispatch(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => failure::show(&error),
    }
}
