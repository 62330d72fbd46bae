//! Runs of test binaries with a module's functions moved: what `fire verify` asks of the engine, and what
//! `fire plan` and `fire explain` ask without running anything.

mod counts;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use super::Engine;
use crate::facts::{Broken, Finding, Function, Package, Refusal};
use crate::swap::{Swapper, WorkerNews};

use counts::{Counts, busiest};
pub use process::{Limits, Ran, run, run_slowed};
use process::{Look, Process, failed};

/// How often the busiest functions are looked for once a run is over its budget.
const SEND_HOME: Duration = Duration::from_secs(2);

/// One run of a test binary with functions moved.
pub struct Trial<'a> {
    /// Built with the overlay of the [`Reading`].
    pub binary: &'a Path,
    /// Its arguments.
    pub arguments: &'a [String],
    /// Where it runs.
    pub package: &'a Package,
    /// What the worker is built of.
    pub functions: Vec<Function>,
    /// Of these, what is moved; none: all.
    pub only: Option<&'a BTreeSet<String>>,
    /// What ends it.
    pub limits: Limits,
    /// After this long the busiest functions go home, so that the run ends.
    pub budget: Option<Duration>,
    /// Counts the tests that have ended.
    pub done: Arc<AtomicUsize>,
}

/// What a moved run adds.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// The run itself.
    pub ran: Ran,
    /// Functions that ran in a worker when called.
    pub functions: Vec<String>,
    /// Calls that went there.
    pub calls: u64,
    /// Functions that stayed native although the rewriter takes them.
    pub left: Vec<Refusal>,
    /// Functions that went home during the run because it was over its budget.
    pub sent_home: Vec<String>,
    /// Workers that ended by themselves, in words.
    pub deaths: Vec<String>,
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
    /// Packages that Go does not accept, and why. Nothing of them is in the other two.
    pub broken: Vec<Broken>,
}

impl Reading {
    /// The functions that the test binary of a package holds.
    pub fn held_by(&self, package: &Package) -> Vec<Function> {
        let held = closure(&self.packages, package);
        self.functions
            .iter()
            .filter(|function| held.contains(&function.package))
            .cloned()
            .collect()
    }
}

impl Engine {
    /// Reads and instruments the packages that the project names; those that Go does not accept are left aside.
    pub async fn read(&mut self) -> Result<Result<Reading, Vec<Finding>>, String> {
        // A worker that dies under a test is to be told, not replaced.
        if let Ok(policy) = fire_policy::SeriousChanges::new("respawns = 0\nhang-after-ms = 0") {
            self.policy = Arc::new(policy);
        }
        self.faulty = crate::facts::Faulty::LeftAside;
        let home = match self.try_prepare().await? {
            Ok(home) => home,
            Err(findings) => return Ok(Err(findings)),
        };
        let functions = self.functions().await?;
        Ok(Ok(Reading {
            overlay: home.overlay.unwrap_or_default(),
            packages: self.packages.clone(),
            functions,
            broken: self.broken.clone(),
        }))
    }

    /// Runs a test binary of a package with everything moved that the binary holds, or a part of it.
    pub async fn run_moved(&mut self, trial: Trial<'_>) -> Result<Moved, String> {
        let planned = trial.functions.len();
        self.plan_of(trial.functions)?;
        if let (Some(initial), Some(only)) = (&mut self.initial, trial.only) {
            initial.commit_only(only.clone());
        }
        let counts = Counts::new(planned).map_err(|error| error.to_string())?;
        let mut command = Command::new(trial.binary);
        command
            .args(trial.arguments)
            .current_dir(&trial.package.dir)
            .envs(test_environment(&self.project, trial.package))
            .envs(self.home_environment())
            .env("FIRE_COUNT", counts.path());
        let mut process = match Process::start(command, trial.done) {
            Ok(process) => process,
            Err(error) => {
                return Ok(Moved {
                    ran: failed(&error),
                    failure: Some(error.to_string()),
                    ..Moved::default()
                });
            }
        };
        let launch = Limits {
            whole: Duration::MAX,
            idle: Duration::MAX,
        };
        let started = {
            let mut started = std::pin::pin!(self.started());
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut started => break Ok(outcome),
                    look = process.look(launch, &[]) => if let Look::Ended(code) = look {
                        break Err(code);
                    },
                }
            }
        };
        process.restart_clock();
        let mut failure = None;
        let mut sent_home = Vec::new();
        let ran = match started {
            Err(code) => process.end(Some(code), None).await,
            Ok(Err(degraded)) => {
                failure = Some(degraded.message);
                process.end(None, Some("nothing was moved".into())).await
            }
            Ok(Ok(())) => {
                self.follow(process, trial.limits, trial.budget, &counts, &mut sent_home)
                    .await
            }
        };
        self.app_ended().await;
        let (calls, _) = counts.read();
        let initial = self.initial.take().unwrap_or_default();
        let functions = initial.committed().cloned().collect();
        let mut deaths = Vec::new();
        if let Some(news) = &mut self.news_taken {
            while let Ok(news) = news.try_recv() {
                let WorkerNews::Exited(exited) = news else {
                    continue;
                };
                deaths.push(format!(
                    "a worker of {} functions died: {}",
                    exited.functions.len(),
                    exited.cause
                ));
            }
        }
        Ok(Moved {
            ran,
            functions,
            calls,
            left: initial.left,
            sent_home,
            deaths,
            failure,
        })
    }

    /// Follows a run to its end. Over its budget, the busiest functions go home, again and again.
    async fn follow(
        &mut self,
        mut process: Process,
        limits: Limits,
        budget: Option<Duration>,
        counts: &Counts,
        sent_home: &mut Vec<String>,
    ) -> Ran {
        let mut workers = Vec::new();
        let mut committed = Vec::new();
        if let (Some(running), Some(initial)) = (&self.running, &self.initial) {
            workers = running.workers.pids();
            committed = initial.committed().cloned().collect();
        }
        let mut before: Option<(Duration, Vec<u64>)> = None;
        loop {
            match process.look(limits, &workers).await {
                Look::Running => {}
                Look::Ended(code) => return process.end(Some(code), None).await,
                Look::Over(why) => return process.end(None, Some(why)).await,
            }
            let now = process.elapsed();
            if budget.is_none_or(|budget| now < budget) {
                continue;
            }
            match &before {
                Some((at, _)) if now - *at < SEND_HOME => continue,
                None => {}
                Some((_, old)) => {
                    let (_, new) = counts.read();
                    let going: Vec<String> = busiest(old, &new)
                        .into_iter()
                        .filter_map(|n| committed.get(n).cloned())
                        .filter(|function| !sent_home.contains(function))
                        .collect();
                    if let Some(running) = &self.running
                        && !going.is_empty()
                    {
                        tracing::debug!(?going, "over the budget: these go home");
                        running.workers.send_home(&going).await;
                    }
                    sent_home.extend(going);
                }
            }
            before = Some((now, counts.read().1));
        }
    }

    /// Tells facts nothing more is asked.
    pub async fn finish(mut self) {
        self.close().await;
    }

    /// The groups that the strategy would launch before main.
    pub fn initial_groups(&self, functions: &[Function]) -> Result<Vec<Vec<String>>, String> {
        let plan = self
            .split
            .initial(&super::carry::program(functions))
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
            return Err(super::CLOSED.into());
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

/// What `go test` adds to the environment of a test binary.
pub fn test_environment(
    project: &crate::project::Project,
    package: &Package,
) -> Vec<(String, std::ffi::OsString)> {
    let mut environment: Vec<(String, std::ffi::OsString)> = project
        .build
        .environment
        .iter()
        .map(|(key, value)| (key.clone(), value.into()))
        .collect();
    environment.push(("PWD".into(), package.dir.clone().into()));
    environment.push(("PATH".into(), crate::facts::path_with(&project.toolchain)));
    environment
}

/// A package and all of the user's packages that it and its tests are built from.
fn closure(packages: &[Package], start: &Package) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    let mut waiting = vec![start.path.clone()];
    waiting.extend(start.test_imports.iter().flatten().cloned());
    while let Some(path) = waiting.pop() {
        if let Some(package) = packages.iter().find(|package| package.path == path)
            && held.insert(path)
        {
            waiting.extend(package.imports.iter().flatten().cloned());
        }
    }
    held
}
