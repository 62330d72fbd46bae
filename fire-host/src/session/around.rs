//! What a session does besides Go: env files, shell commands, and which files they answer for.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::reason;
use crate::build::{finish, unplaced};
use crate::config::parse_env;
use crate::graph::Graph;
use crate::project::Project;
use crate::supervise::Guard;
use crate::swap::{Diagnostic, Reason};
use crate::watch::{Pattern, PatternError};

/// Where the app's environment comes from, besides fire's own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `KEY=value` files; what fire's environment has wins over them.
    pub files: Vec<PathBuf>,
    /// Wins over everything.
    pub fixed: Vec<(String, String)>,
}

impl Environment {
    /// As the files are now. Missing files are passed over.
    pub fn read(&self, project: &Project) -> Result<Vec<(String, String)>, Diagnostic> {
        let mut pairs = Vec::new();
        for file in &self.files {
            let Ok(text) = std::fs::read_to_string(file) else {
                continue;
            };
            let found = parse_env(&text).map_err(|error| Diagnostic {
                file: project.shown(file),
                line: u32::try_from(error.line).unwrap_or(0),
                col: 0,
                message: error.message,
            })?;
            let free = |(key, _): &(String, String)| std::env::var_os(key).is_none();
            pairs.extend(found.into_iter().filter(free));
        }
        pairs.extend(self.fixed.iter().cloned());
        Ok(pairs)
    }
}

/// A command for files that the Go build does not read.
#[derive(Debug, Clone)]
pub struct Rule {
    files: Pattern,
    command: String,
}

impl Rule {
    /// For files that match one of the patterns, from `root`.
    pub fn new(root: &Path, patterns: &[String], command: String) -> Result<Self, PatternError> {
        Ok(Self {
            files: Pattern::new(root, patterns)?,
            command,
        })
    }
}

/// What is done besides Go.
#[derive(Debug, Clone)]
pub struct Around {
    /// The app's environment.
    pub environment: Environment,
    /// Commands for files.
    pub rules: Vec<Rule>,
    /// More files that restart the app.
    pub include: Pattern,
    /// Shell commands before each build.
    pub before: Vec<String>,
    /// Shell commands after each build that succeeded.
    pub after: Vec<String>,
    /// `fire.toml`, if there is or could be one.
    pub config: PathBuf,
}

/// What changed files ask for, before anybody looks at Go.
#[derive(Debug, Default)]
pub struct Routed {
    /// Commands, in the order of the rules.
    pub commands: Vec<String>,
    /// Reasons to restart whatever the Go files say.
    pub must: Vec<Reason>,
    /// `fire.toml` changed.
    pub config: bool,
    /// What is left for the verdict.
    pub rest: Vec<PathBuf>,
}

/// Sorts changed files.
pub fn route(
    files: &[PathBuf],
    around: &Around,
    graph: Option<&Graph>,
    project: &Project,
) -> Routed {
    let mut routed = Routed::default();
    for file in files {
        let shown = project.shown(file);
        let mut ruled = false;
        for rule in around.rules.iter().filter(|rule| rule.files.matches(file)) {
            ruled = true;
            if !routed.commands.contains(&rule.command) {
                routed.commands.push(rule.command.clone());
            }
        }
        if *file == around.config {
            routed.config = true;
        } else if around.environment.files.contains(file) {
            routed.must.push(reason("env", &shown, ""));
        } else if graph.is_some_and(|graph| graph.embeds(file)) {
            routed.must.push(reason("embedded", &shown, ""));
        } else if around.include.matches(file) {
            routed.must.push(reason("changed", &shown, ""));
        } else if !shown.ends_with("_test.go") && is_replaced(file, graph) {
            routed
                .must
                .push(reason("changed", &shown, "in a replaced module"));
        } else if !ruled || file.extension().is_some_and(|ending| ending == "go") {
            routed.rest.push(file.clone());
        }
    }
    routed
}

fn is_replaced(file: &Path, graph: Option<&Graph>) -> bool {
    let directory = file.parent();
    directory.is_some_and(|directory| graph.is_some_and(|graph| graph.replaced.contains(directory)))
}

/// Runs a shell command in the root. What it printed is told when it fails.
pub async fn shell(command: &str, project: &Project, guard: &Guard) -> Result<(), Diagnostic> {
    let mut process = tokio::process::Command::new("/bin/sh");
    process
        .args(["-c", command])
        .current_dir(&project.root)
        .stdin(Stdio::null());
    let finished = finish(process, guard)
        .await
        .map_err(|error| unplaced(format!("`{command}` cannot be run: {error}")))?;
    if finished.status.success() {
        return Ok(());
    }
    let mut said = finished.stdout;
    said.extend(finished.stderr);
    let said = String::from_utf8_lossy(&said);
    let mut message = format!("`{command}`: {}", finished.status);
    for line in said.trim_end().lines() {
        message.push('\n');
        message.push_str(line);
    }
    Err(unplaced(message))
}
