//! Runs of test binaries with a module's functions moved: what `fire verify` asks of the engine, and what
//! `fire plan` and `fire explain` ask without running anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use super::Engine;
use crate::facts::{Finding, Function, Package, Refusal};
use crate::swap::Swapper;

/// What a run of a test binary printed, and how it ended.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Standard output and standard error, in the order of arrival.
    pub output: String,
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// It did not end in time.
    pub timed_out: bool,
}

/// What a moved run adds.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// The run itself.
    pub ran: Ran,
    /// Functions that ran in a worker when called.
    pub functions: usize,
    /// Calls that went there.
    pub calls: u64,
    /// Functions that stayed native although the rewriter takes them.
    pub left: Vec<Refusal>,
    /// Nothing was moved, because of this.
    pub failure: Option<String>,
}

/// The program as read for a trial.
#[derive(Debug, Clone)]
pub struct Reading {
    /// For `go test -overlay`.
    pub overlay: PathBuf,
    /// The user's packages, dependencies first.
    pub packages: Vec<Package>,
    /// All functions.
    pub functions: Vec<Function>,
}

impl Engine {
    /// Reads and instruments the packages that the project names.
    pub async fn read(&mut self) -> Result<Result<Reading, Vec<Finding>>, String> {
        let home = match self.try_prepare().await? {
            Ok(home) => home,
            Err(findings) => return Ok(Err(findings)),
        };
        let functions = self.functions().await?;
        Ok(Ok(Reading {
            overlay: home.overlay.unwrap_or_default(),
            packages: self.packages.clone(),
            functions,
        }))
    }

    /// Runs a test binary of a package with everything moved that the binary holds, `only` a given function if asked.
    pub async fn run_moved(
        &mut self,
        binary: &Path,
        arguments: &[String],
        package: &Package,
        reading: &Reading,
        only: Option<&str>,
        limit: Duration,
    ) -> Result<Moved, String> {
        let held = closure(&reading.packages, &package.path);
        let functions: Vec<Function> = reading
            .functions
            .iter()
            .filter(|function| held.contains(&function.package))
            .filter(|function| only.is_none_or(|only| function.id == only))
            .cloned()
            .collect();
        self.plan_of(functions)?;
        let count = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        count
            .as_file()
            .set_len(8)
            .map_err(|error| error.to_string())?;
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(&package.dir)
            .envs(self.home_environment())
            .env("FIRE_COUNT", count.path());
        let running = tokio::spawn(run(command, limit));
        let mut running = std::pin::pin!(running);
        let mut failure = None;
        let mut ended = None;
        tokio::select! {
            biased;
            started = self.started() => failure = started.err().map(|degraded| degraded.message),
            done = &mut running => ended = Some(done),
        }
        let ran = match ended {
            Some(done) => done,
            None => running.await,
        };
        let ran = ran.map_err(|error| error.to_string())?;
        self.app_ended().await;
        let bytes = std::fs::read(count.path()).unwrap_or_default();
        let calls = bytes
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let initial = self.initial.take().unwrap_or_default();
        Ok(Moved {
            ran,
            functions: initial.moved,
            calls,
            left: initial.left,
            failure,
        })
    }

    /// Tells facts nothing more is asked.
    pub async fn finish(mut self) {
        self.close().await;
    }

    /// The groups that the strategy would launch before main.
    pub fn initial_groups(&self, functions: &[Function]) -> Result<Vec<Vec<String>>, String> {
        let program = fire_plugin_api::split::Program {
            functions: functions.iter().map(super::judge::api_function).collect(),
        };
        let plan = self
            .split
            .initial(&program)
            .map_err(|error| error.to_string())?;
        Ok(plan
            .groups
            .into_iter()
            .map(|group| group.functions)
            .collect())
    }

    /// What each function uses, asked for a single one.
    pub async fn users_of(&self, function: &str) -> Result<Vec<String>, String> {
        let Some(running) = &self.running else {
            return Err("the swap engine is closed".into());
        };
        #[derive(serde::Deserialize)]
        struct Uses {
            uses: BTreeMap<String, Vec<String>>,
        }
        let mut uses: Uses = running
            .facts
            .ask(json!({ "do": "uses", "subjects": [function] }))
            .await
            .map_err(|error| error.to_string())?;
        Ok(uses.uses.remove(function).unwrap_or_default())
    }
}

/// A package and all of the user's packages that it is built from.
fn closure(packages: &[Package], start: &str) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(path) = waiting.pop() {
        if let Some(package) = packages.iter().find(|package| package.path == path)
            && held.insert(path)
        {
            waiting.extend(package.imports.iter().flatten().cloned());
        }
    }
    held
}

/// Runs a command in a process group of its own and takes what it prints.
pub async fn run(mut command: Command, limit: Duration) -> Ran {
    let (reader, writer) = match std::io::pipe() {
        Ok(pair) => pair,
        Err(error) => return failed(&error),
    };
    let second = match writer.try_clone() {
        Ok(second) => second,
        Err(error) => return failed(&error),
    };
    command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(second)
        .process_group(0)
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(&error),
    };
    drop(command); // it holds the write end
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = Vec::new();
        let mut reader = reader;
        // A read that fails ends the text early; the exit code tells the rest.
        let _ = std::io::Read::read_to_end(&mut reader, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let group = child.id();
    let (code, timed_out) = match tokio::time::timeout(limit, child.wait()).await {
        Ok(Ok(status)) => (status.code().unwrap_or(-1), false),
        Ok(Err(_)) => (-1, false),
        Err(_) => (-1, true),
    };
    if let Some(group) = group
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw)
    {
        // What the test left behind goes too, or the pipe never ends.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait().await;
    Ran {
        output: reading.await.unwrap_or_default(),
        code,
        timed_out,
    }
}

fn failed(error: &std::io::Error) -> Ran {
    Ran {
        output: error.to_string(),
        code: -1,
        timed_out: false,
    }
}
