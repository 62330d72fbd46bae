//! The error that every plugin call may return.

/// A failure inside a plugin, told to the user in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What failed, in words for the person at the terminal.
    pub message: String,
    /// What to do about it, if there is something to do.
    pub hint: Option<String>,
    /// For an error in the plugin's options: the line in the options' text, counted from 1. fire
    /// turns it into the line in `fire.toml`.
    pub line: Option<u32>,
}

impl Error {
    /// An error without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            line: None,
        }
    }

    /// The same error with a cure to show below it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error, at a line of the options' text.
    pub fn at_line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }
}
