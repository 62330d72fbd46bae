//! Why a plugin cannot be used: one sentence, a cure, and the long story for `--verbose`.

use crate::project::PluginChoice;

use super::Kind;

/// Where the cure lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// In the plugin, or in its place on the disk.
    Plugin,
    /// In what was asked for: the name, or an option.
    Request,
}

/// A plugin that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PluginError {
    /// One sentence that names the plugin.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line in `fire.toml`, if the error lies in the plugin's options.
    pub line: Option<usize>,
    /// Where the cure lies.
    pub fault: Fault,
    /// What only `--verbose` shows.
    pub detail: Option<String>,
}

impl PluginError {
    /// An error without a cure.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            line: None,
            fault: Fault::Plugin,
            detail: None,
        }
    }

    /// The same error with a cure.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error, as one of what was asked for.
    pub(crate) fn of_request(mut self) -> Self {
        self.fault = Fault::Request;
        self
    }

    /// The same error with its long story.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The plugin was found, but refuses its options or cannot start.
    pub(crate) fn refused(
        kind: Kind,
        choice: &PluginChoice,
        error: fire_plugin_api::Error,
    ) -> Self {
        let line = error.line.and_then(|line| file_line(choice, line as usize));
        let place = line
            .map(|line| format!("fire.toml:{line}: "))
            .unwrap_or_default();
        let plugin = format!("{kind} `{}`: ", choice.name);
        // The guard around a library has already named it.
        let said = error
            .message
            .strip_prefix(&plugin)
            .unwrap_or(&error.message);
        // An error of an option is not one of a call.
        let said = match error.line {
            Some(_) => said.strip_prefix("`new`: ").unwrap_or(said),
            None => said,
        };
        Self {
            message: format!("{place}{plugin}{said}"),
            hint: error.hint,
            line,
            fault: if error.line.is_some() {
                Fault::Request
            } else {
                Fault::Plugin
            },
            detail: None,
        }
    }
}

/// The options' text begins on the line after the table's header.
fn file_line(choice: &PluginChoice, line: usize) -> Option<usize> {
    choice.line.map(|header| header + line)
}
