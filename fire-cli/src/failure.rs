//! Errors that end fire: one sentence, a hint, an exit code.

use std::process::ExitCode;

use fire_host::inquiry::InquiryError;
use fire_host::plugins::{Fault, PluginError};
use fire_host::setup::SetupError;
use fire_host::state::StateError;
use fire_host::toolchain::ToolchainError;

use crate::output::Unsaid;

/// Something failed.
pub const FAILED: u8 = 1;
/// The command line or `fire.toml` is wrong.
pub const USAGE: u8 = 2;
/// There is no usable Go.
pub const NO_GO: u8 = 3;
/// Nobody reads the output: what a shell gives for a program that SIGPIPE ended.
const UNREAD: u8 = 128 + 13;

/// A wrong argument, in one sentence.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Says what is wrong and gives the exit code.
pub fn show(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref().is_some_and(Unsaid::is_unread) {
        return ExitCode::from(UNREAD);
    }
    eprintln!("fire  error: {error:#}");
    let (code, hint) = judge(error);
    if let Some(hint) = hint {
        eprintln!("      hint: {hint}");
    }
    ExitCode::from(code)
}

fn judge(error: &anyhow::Error) -> (u8, Option<String>) {
    if error.is::<Usage>() {
        return (USAGE, None);
    }
    if let Some(error) = error.downcast_ref::<SetupError>() {
        let code = match error {
            SetupError::Toolchain(error) => toolchain_code(error),
            SetupError::Plugin(error) if error.fault == Fault::Plugin => FAILED,
            _ => USAGE,
        };
        return (code, error.hint());
    }
    if let Some(error) = error.downcast_ref::<PluginError>() {
        let code = match error.fault {
            Fault::Request => USAGE,
            Fault::Plugin => FAILED,
        };
        return (code, error.hint.clone());
    }
    if let Some(error) = error.downcast_ref::<ToolchainError>() {
        return (toolchain_code(error), Some(error.hint()));
    }
    if let Some(error) = error.downcast_ref::<InquiryError>() {
        return (FAILED, error.hint());
    }
    if let Some(error) = error.downcast_ref::<StateError>() {
        return (FAILED, Some(error.hint()));
    }
    (FAILED, None)
}

fn toolchain_code(error: &ToolchainError) -> u8 {
    match error {
        ToolchainError::NoModule { .. } => USAGE,
        _ => NO_GO,
    }
}
