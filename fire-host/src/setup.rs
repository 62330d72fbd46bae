//! From what the user asked for, and `fire.toml`, to [`Settings`]: finds Go, the program's package, what
//! to watch.

mod program;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::build::unplaced;
use crate::config::{self, AppTable, Config, Mistake};
use crate::plugins::{Fault, PluginError, Registry};
use crate::project::{BuildOptions, PluginChoice, Project};
use crate::session::{Around, Environment, Origin, Rule, Settings};
use crate::state::DIRECTORY;
use crate::supervise::{Launch, Stop};
use crate::swap::Diagnostic;
use crate::toolchain::{self, Toolchain, ToolchainError};
use crate::watch::{self, Pattern, PatternError, Scope};

pub use program::programs;

/// What the user asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's directory, absolute.
    pub root: PathBuf,
    /// `-c`; without it `fire.toml` in the root, if there is one.
    pub config: Option<PathBuf>,
    /// What to build; empty: what `fire.toml` says, or what there is.
    pub packages: Vec<String>,
    /// The app's arguments; empty: what `fire.toml` says.
    pub arguments: Vec<String>,
    /// `--transport`.
    pub transport: Option<String>,
    /// `--split`.
    pub split: Option<String>,
    /// `--policy`.
    pub policy: Option<String>,
    /// `--poll`.
    pub poll: Option<Duration>,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No usable Go.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// `fire.toml` cannot be read.
    #[error("{} cannot be read: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// `fire.toml` is wrong.
    #[error(transparent)]
    Mistake(#[from] Box<Mistake>),
    /// A plugin cannot be used, and `fire.toml` is not to blame.
    #[error("{}", .0.message)]
    Plugin(PluginError),
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
    /// As a `failed` event tells it.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Mistake(mistake) => mistake.diagnostic(),
            other => {
                let hint = other.hint().map(|hint| format!("\nhint: {hint}"));
                unplaced(format!("{other}{}", hint.unwrap_or_default()))
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Toolchain(error) => Some(error.hint()),
            Self::Unreadable { why, .. } if why.kind() == std::io::ErrorKind::NotFound => {
                Some("`fire init` writes one".into())
            }
            Self::Unreadable { .. } => None,
            Self::Plugin(error) => error.hint.clone(),
            Self::Mistake(_) => None,
            Self::NoProgram { .. } => Some("name its directory: `fire ./path/to/program`".into()),
            Self::SeveralPrograms { packages } => {
                let first = packages.first().map_or("./cmd/name", String::as_str);
                Some(format!("name one of them: `fire {first}`"))
            }
        }
    }
}

/// The text of a `fire.toml`, for its mistakes.
struct Source {
    path: PathBuf,
    shown: PathBuf,
    text: String,
}

/// What all apps share.
struct Common<'a> {
    request: &'a Request,
    config: &'a Config,
    source: &'a Source,
    /// As the common `[build]` has it.
    toolchain: Toolchain,
}

impl Source {
    fn mistake(&self, error: PatternError) -> SetupError {
        let needle = format!("\"{}\"", error.pattern);
        let message = error.to_string();
        SetupError::Mistake(Box::new(Mistake::at(
            &self.shown,
            &self.text,
            &needle,
            message,
        )))
    }
}

/// Settles a project of which packages are looked at and nothing is run as a program; none named: all of them.
pub fn settle_modules(mut request: Request) -> Result<Project, SetupError> {
    if request.packages.is_empty() {
        request.packages.push("./...".into());
    }
    Ok(settle(request)?.project)
}

/// Settles the first (or only) app.
pub fn settle(request: Request) -> Result<Settings, SetupError> {
    let root = request.root.clone();
    settle_all(request)?
        .into_iter()
        .next()
        .ok_or(SetupError::NoProgram { root })
}

/// Settles every app: one, or one for each `[[app]]`.
pub fn settle_all(request: Request) -> Result<Vec<Settings>, SetupError> {
    let (config, source) = read_config(&request)?;
    // First of all: without a module there is no program to look for.
    let environment: Vec<_> = config.build.env.clone().into_iter().collect();
    let toolchain = toolchain::detect(&request.root, &environment)?;
    let common = Common {
        request: &request,
        config: &config,
        source: &source,
        toolchain,
    };
    let named = !request.packages.is_empty();
    if config.app.is_empty() || named {
        let packages = if named {
            request.packages.clone()
        } else if !config.package.0.is_empty() {
            config.package.0.clone()
        } else {
            vec![program::find(&request.root)?]
        };
        return Ok(vec![settle_app(&common, None, packages)?]);
    }
    config
        .app
        .iter()
        .map(|app| {
            let packages = match app.package.0.as_slice() {
                [] if config.package.0.is_empty() => vec![program::find(&request.root)?],
                [] => config.package.0.clone(),
                own => own.to_vec(),
            };
            settle_app(&common, Some(app), packages)
        })
        .collect()
}

fn read_config(request: &Request) -> Result<(Config, Source), SetupError> {
    let path = match &request.config {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        None => request.root.join(config::FILE),
    };
    let shown = path.strip_prefix(&request.root).unwrap_or(&path).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && request.config.is_none() => {
            String::new()
        }
        Err(why) => return Err(SetupError::Unreadable { path, why }),
    };
    let config = config::parse(&shown, &text)?;
    Ok((config, Source { path, shown, text }))
}

fn settle_app(
    common: &Common<'_>,
    app: Option<&AppTable>,
    packages: Vec<String>,
) -> Result<Settings, SetupError> {
    let Common {
        request,
        config,
        source,
        ..
    } = common;
    let build = app
        .and_then(|app| app.build.as_ref())
        .unwrap_or(&config.build);
    let run = app.and_then(|app| app.run.as_ref()).unwrap_or(&config.run);
    let root = &request.root;
    let options = BuildOptions {
        tags: build.tags.clone(),
        race: build.race,
        ldflags: String::new(),
        gcflags: build.gcflags.clone(),
        flags: build.flags.clone(),
        environment: build.env.clone().into_iter().collect(),
    };
    let toolchain = if build.env == config.build.env {
        common.toolchain.clone()
    } else {
        toolchain::detect(root, &options.environment)?
    };
    let options = BuildOptions {
        ldflags: ldflags(build, &toolchain.flags),
        ..options
    };
    let choice = |asked: &Option<String>, configured: PluginChoice| match asked {
        Some(name) if *name != configured.name => PluginChoice {
            name: name.clone(),
            ..PluginChoice::default()
        },
        _ => configured,
    };
    let project = Project {
        toolchain,
        state: root.join(DIRECTORY),
        app: app.map(|app| app.name.clone()),
        packages,
        build: options,
        transport: choice(
            &request.transport,
            config.transport.plugin(&source.text, "shm"),
        ),
        split: choice(&request.split, config.split.plugin(&source.text, "on-edit")),
        policy: choice(
            &request.policy,
            config.policy.plugin(&source.text, "serious-changes"),
        ),
        root: root.clone(),
    };
    check_plugins(common, &project)?;
    let env_files: Vec<PathBuf> = run.env_files.iter().map(|file| root.join(file)).collect();
    let wrong = |error| source.mistake(error);
    let rules = config
        .on_change
        .iter()
        .map(|rule| Rule::new(root, &rule.files, rule.run.clone()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let ruled = config
        .on_change
        .iter()
        .flat_map(|rule| rule.files.iter().cloned());
    let included: Vec<String> = config.watch.include.iter().cloned().chain(ruled).collect();
    let mut scope = Scope::of(root)
        .gitignore(config.watch.gitignore)
        .include(root, &included)
        .and_then(|scope| scope.exclude(root, &config.watch.exclude))
        .map_err(wrong)?
        .file(source.path.clone());
    for file in &env_files {
        scope = scope.file(file.clone());
    }
    let poll = config
        .watch
        .poll
        .then(|| Duration::from_millis(config.watch.poll_ms.max(10)));
    let arguments = if request.arguments.is_empty() {
        &run.args
    } else {
        &request.arguments
    };
    Ok(Settings {
        origin: Origin {
            request: (*request).clone(),
            config: (*config).clone(),
        },
        launch: Launch {
            directory: clean(&root.join(&run.dir)),
            arguments: arguments.clone(),
            ..Launch::default()
        },
        stop: Stop {
            signal: run.stop_signal,
            grace: Duration::from_millis(run.grace_ms),
        },
        scope,
        watch: watch::Options {
            lull: Duration::from_millis(config.watch.lull_ms),
            poll: request.poll.or(poll),
        },
        around: Around {
            environment: Environment {
                files: env_files,
                fixed: run.env.clone().into_iter().collect(),
            },
            rules,
            include: Pattern::new(root, &config.watch.include).map_err(wrong)?,
            before: build.before.clone(),
            after: build.after.clone(),
            config: source.path.clone(),
        },
        project,
    })
}

/// The configured ones, and `-w`: writing out what debuggers need takes a third of a build. Stack traces and profiles do
/// not need it. Where somebody else sets `-ldflags` nothing is added, since the last one counts.
fn ldflags(build: &config::Build, goflags: &str) -> String {
    let is_ldflags = |flag: &str| flag.trim_start_matches('-').starts_with("ldflags");
    let set = goflags
        .split_whitespace()
        .chain(build.flags.iter().map(String::as_str))
        .any(|flag| is_ldflags(flag.trim_start_matches(['"', '\''])));
    if build.debug || set && build.ldflags.is_empty() {
        return build.ldflags.clone();
    }
    format!("{} -w", build.ldflags).trim_start().to_owned()
}

/// Every plugin must be there and take its options. What is wrong is told with its place, if `fire.toml` says it.
fn check_plugins(common: &Common<'_>, project: &Project) -> Result<(), SetupError> {
    let Common {
        request,
        config,
        source,
        ..
    } = common;
    let registry = Registry::for_project(project);
    let checks = [
        (
            registry.transport(&project.transport).err(),
            &config.transport,
            &request.transport,
        ),
        (
            registry.split(&project.split).err(),
            &config.split,
            &request.split,
        ),
        (
            registry.policy(&project.policy).err(),
            &config.policy,
            &request.policy,
        ),
    ];
    for (error, choice, asked) in checks {
        let Some(error) = error else { continue };
        if asked.is_some() || source.text.is_empty() || error.fault == Fault::Plugin {
            return Err(SetupError::Plugin(error));
        }
        let span = choice.mistaken(&source.text, &error.message);
        let nearest = error.hint.as_deref().and_then(|hint| {
            let name = hint.strip_prefix("did you mean `")?;
            Some(name.trim_end_matches(['`', '?']).to_owned())
        });
        // Its place is told anyway, and better.
        let mut message = match error.message.split_once(": ") {
            Some((place, rest)) if place.starts_with("fire.toml:") => rest.to_owned(),
            _ => error.message,
        };
        if let (None, Some(hint)) = (&nearest, &error.hint) {
            message = format!("{message} ({hint})");
        }
        let mistake = Mistake::spanned(&source.shown, &source.text, span, message, nearest);
        return Err(SetupError::Mistake(Box::new(mistake)));
    }
    Ok(())
}

/// Without `.` in it: it becomes the app's PWD.
fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_debuggers_need_is_left_out_unless_somebody_wants_it() {
        let check =
            |ldflags_key: &str, flags: &[&str], debug: bool, goflags: &str, expected: &str| {
                let build = config::Build {
                    ldflags: ldflags_key.to_owned(),
                    flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                    debug,
                    ..config::Build::default()
                };
                assert_eq!(ldflags(&build, goflags), expected, "{build:?} {goflags}");
            };
        check("", &[], false, "-mod=mod", "-w");
        check("-X main.v=1", &[], false, "", "-X main.v=1 -w");
        check("-X main.v=1", &[], true, "", "-X main.v=1");
        check("", &[], true, "", "");
        check("", &["-trimpath", "-ldflags=-s"], false, "", "");
        check("", &[], false, "'-ldflags=-X a=b'", "");
        check("-X main.v=1", &[], false, "-ldflags=-s", "-X main.v=1 -w");
    }
}
