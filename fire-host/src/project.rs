//! One app of a project: where it is, how it is built, and which plugins serve it. Everything is
//! absolute and settled here; the stages behind it ask no further questions.

use std::path::{Path, PathBuf};

use crate::toolchain::Toolchain;

/// One app, settled.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory of `fire.toml`, or the one fire was started for. Paths are shown relative to it.
    pub root: PathBuf,
    /// Name of the `[[app]]`, if there are several.
    pub app: Option<String>,
    /// What `go build` is given: `.`, `./cmd/server`, or `.go` files of one directory.
    pub packages: Vec<String>,
    /// `.fire` in the root: everything that fire writes.
    pub state: PathBuf,
    /// The Go to use.
    pub toolchain: Toolchain,
    /// How to build.
    pub build: BuildOptions,
    /// The transport plugin.
    pub transport: PluginChoice,
    /// The split strategy.
    pub split: PluginChoice,
    /// The restart policy.
    pub policy: PluginChoice,
}

/// Flags that the user wants for the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// `-tags`.
    pub tags: Vec<String>,
    /// `-race`.
    pub race: bool,
    /// `-ldflags`.
    pub ldflags: String,
    /// `-gcflags`.
    pub gcflags: String,
    /// Anything else for `go build`, as it is.
    pub flags: Vec<String>,
    /// Environment for the go command, besides fire's own.
    pub environment: Vec<(String, String)>,
}

/// A plugin by name, with its options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginChoice {
    /// `shm`, `on-edit`, `serious-changes`, or a third party's.
    pub name: String,
    /// An explicit library, from `fire.toml`.
    pub path: Option<PathBuf>,
    /// Its TOML table, as a string.
    pub options: String,
    /// Where that table begins in `fire.toml` (line, counted from 1), for its errors.
    pub line: Option<usize>,
}

impl Project {
    /// Where generated source of this app goes: apps of one project build at the same time.
    pub fn own_state(&self) -> PathBuf {
        match &self.app {
            Some(name) => self.state.join("apps").join(name),
            None => self.state.clone(),
        }
    }

    /// The path as the user would type it.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}
