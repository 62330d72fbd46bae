//! The three extension points, by name.

use std::fmt;

/// What a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// How home and workers talk.
    Transport,
    /// Which functions move, and which share a worker.
    Split,
    /// What a batch of edits leads to.
    Policy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Transport, Self::Split, Self::Policy];

    /// The key in `fire.toml`, and the option of the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Split => "split",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport => "transport",
            Self::Split => "split strategy",
            Self::Policy => "restart policy",
        })
    }
}
