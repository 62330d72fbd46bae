//! From what the user asked for to [`Settings`]: finds Go, the program's package and what to watch.

use std::path::{Path, PathBuf};

use crate::project::{BuildOptions, PluginChoice, Project};
use crate::session::Settings;
use crate::state::DIRECTORY;
use crate::supervise::{Launch, Stop};
use crate::toolchain::{self, ToolchainError};
use crate::watch::{self, Scope};

/// What the user asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's directory, absolute.
    pub root: PathBuf,
    /// What to build; empty: what there is.
    pub packages: Vec<String>,
    /// The app's arguments.
    pub arguments: Vec<String>,
    /// `--transport`.
    pub transport: Option<String>,
    /// `--split`.
    pub split: Option<String>,
    /// `--policy`.
    pub policy: Option<String>,
    /// `--poll`.
    pub poll: Option<std::time::Duration>,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No usable Go.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// Nothing to run.
    #[error("{} and what is below it hold no Go program (no package `main`)", .root.display())]
    NoProgram {
        /// Where fire looked.
        root: PathBuf,
    },
    /// More than one program.
    #[error("there are several programs here: {}", .packages.join(", "))]
    SeveralPrograms {
        /// As `go build` takes them.
        packages: Vec<String>,
    },
}

impl SetupError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Toolchain(error) => error.hint(),
            Self::NoProgram { .. } => "name its directory: `fire ./path/to/program`".into(),
            Self::SeveralPrograms { packages } => {
                let first = packages.first().map_or("./cmd/name", String::as_str);
                format!("name one of them: `fire {first}`")
            }
        }
    }
}

/// Settles a project of which packages are looked at and nothing is run as a program; none named: all of them.
pub fn settle_modules(mut request: Request) -> Result<Project, SetupError> {
    if request.packages.is_empty() {
        request.packages.push("./...".into());
    }
    Ok(settle(request)?.project)
}

/// Settles everything that a session needs to know.
pub fn settle(request: Request) -> Result<Settings, SetupError> {
    let build = BuildOptions::default();
    let toolchain = toolchain::detect(&request.root, &build.environment)?;
    let packages = if request.packages.is_empty() {
        vec![find_program(&request.root)?]
    } else {
        request.packages
    };
    let choice = |asked: Option<String>, default: &str| PluginChoice {
        name: asked.unwrap_or_else(|| default.into()),
        ..PluginChoice::default()
    };
    let project = Project {
        state: request.root.join(DIRECTORY),
        app: None,
        packages,
        toolchain,
        build,
        transport: choice(request.transport, "shm"),
        split: choice(request.split, "on-edit"),
        policy: choice(request.policy, "serious-changes"),
        root: request.root,
    };
    Ok(Settings {
        launch: Launch {
            directory: project.root.clone(),
            arguments: request.arguments,
            environment: Vec::new(),
            ..Launch::default()
        },
        stop: Stop::default(),
        scope: Scope::of(&project.root),
        watch: watch::Options {
            poll: request.poll,
            ..watch::Options::default()
        },
        project,
    })
}

/// The one program that there is: here, or else the only one below.
fn find_program(root: &Path) -> Result<String, SetupError> {
    let (directories, _) = Scope::of(root).walk();
    if holds_main(root) {
        return Ok(".".into());
    }
    let mut packages: Vec<String> = directories
        .iter()
        .filter(|directory| holds_main(directory))
        .filter_map(|directory| directory.strip_prefix(root).ok())
        .map(|directory| format!("./{}", directory.display()))
        .collect();
    match packages.len() {
        0 => Err(SetupError::NoProgram {
            root: root.to_owned(),
        }),
        1 => Ok(packages.swap_remove(0)),
        _ => Err(SetupError::SeveralPrograms { packages }),
    }
}

/// Whether a Go file in the directory, tests aside, belongs to package `main`.
fn holds_main(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.ends_with(".go")
            && !name.ends_with("_test.go")
            && !name.starts_with(['_', '.'])
            && std::fs::read_to_string(path).is_ok_and(|source| {
                !source.contains("//go:build ignore")
                    && source.lines().any(|line| {
                        line.strip_prefix("package main").is_some_and(|rest| {
                            rest.trim().is_empty() || rest.trim().starts_with('/')
                        })
                    })
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: Result<&str, &str>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, source) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, source).unwrap();
        }
        let found = find_program(dir.path()).map_err(|error| error.to_string());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn the_program_is_found_without_being_named() {
        check(&[("main.go", "package main\n")], Ok("."));
        check(
            &[
                ("lib.go", "package lib\n"),
                ("cmd/s/main.go", "// Command s.\npackage main // s\n"),
            ],
            Ok("./cmd/s"),
        );
        check(&[("lib.go", "package lib\n")], Err("hold no Go program"));
        check(
            &[("gen.go", "//go:build ignore\n\npackage main\n")],
            Err("hold no Go program"),
        );
        check(
            &[
                ("cmd/a/a.go", "package main\n"),
                ("cmd/b/b.go", "package main\n"),
            ],
            Err("several programs here: ./cmd/a, ./cmd/b"),
        );
    }
}
