//! What a strategy wants moved before main begins: one binary that holds all of it, a process for each group.
//!
//! Unlike a hot batch, this is not all or nothing: a function that turns out not to move stays native and is
//! counted with its reason.

mod choice;

use std::time::{Duration, Instant};

use serde_json::json;

use super::carry::program;
use super::{CLOSED, Engine};
use crate::compile::Compiler;
use crate::control::Awaited;
use crate::engine::made::{Meanings, hosted};
use crate::engine::workers::{Change, Made, Place, Started, Turn};
use crate::facts::{FactsError, Function, Functions, Shadow};
use crate::swap::Fallback;

pub use choice::Initial;

/// How long the initial workers may take to be built and linked.
const LAUNCH: Duration = Duration::from_secs(300);

/// How often a build is tried anew without the functions that broke it.
const ATTEMPTS: usize = 50;

/// How many parts are tried where no message tells which function breaks the build.
const SEARCHES: usize = 120;

impl Engine {
    /// Asks the strategy, unless it is the default one, which moves nothing before an edit.
    pub(super) async fn plan_initial(&mut self) -> Result<(), String> {
        self.initial = None;
        if self.moves_on_edit() {
            return Ok(());
        }
        if self.running.is_none() {
            return Ok(());
        }
        let functions = self.functions().await?;
        self.plan_of(functions)
    }

    /// Every function of the user, as an edit would meet it.
    pub(super) async fn functions(&self) -> Result<Vec<Function>, String> {
        let Some(running) = &self.running else {
            return Err(CLOSED.into());
        };
        let list: Functions = running
            .facts
            .ask(json!({ "do": "functions" }))
            .await
            .map_err(|error| error.to_string())?;
        Ok(list.functions)
    }

    /// Plans to move what the strategy wants of these functions.
    pub(super) fn plan_of(&mut self, functions: Vec<Function>) -> Result<(), String> {
        let plan = self
            .split
            .initial(&program(&functions))
            .map_err(|error| error.to_string())?;
        self.initial = (!plan.groups.is_empty()).then(|| Initial {
            plan,
            functions,
            ..Initial::default()
        });
        Ok(())
    }

    pub(super) fn moves_on_edit(&self) -> bool {
        matches!(self.project.split.name.as_str(), "" | "on-edit")
    }

    /// Launches the initial workers while main waits, then lets it go on, whatever came of it.
    pub(super) async fn launch_initial(&mut self) -> Result<(), String> {
        let Some(mut initial) = self.initial.take() else {
            return Ok(());
        };
        let outcome = self.launch(&mut initial).await;
        if let Some(running) = &self.running {
            running.control.release();
        }
        for left in &initial.left {
            tracing::debug!(
                function = left.function,
                code = left.code,
                detail = left.detail,
                "stays native"
            );
        }
        self.initial = Some(initial);
        outcome
    }

    async fn launch(&mut self, initial: &mut Initial) -> Result<(), String> {
        let since = Instant::now();
        let compiler = self.compiler().await?;
        let mut moves = None;
        for _ in 0..ATTEMPTS {
            let shadow = self.build_initial(&compiler, initial).await?;
            match self.start_initial(initial, &shadow.contains).await {
                Ok(started) => {
                    moves = Some(started);
                    break;
                }
                Err(refused) if refused.fatal => return Err(refused.detail),
                Err(refused) => {
                    let users = shadow
                        .needs
                        .get(&refused.subject)
                        .cloned()
                        .unwrap_or_default();
                    let before = initial.ids().len();
                    for function in users {
                        initial.leave(&function, "missing", &refused.detail);
                    }
                    if initial.ids().len() == before {
                        // Nothing tells whose fault it is: a part at a time does.
                        self.search(&compiler, initial, &refused.detail, Goal::Started)
                            .await?;
                    }
                }
            }
        }
        let Some((started, mut places)) = moves else {
            return Err("no worker can be started".into());
        };
        let running = self.running.as_mut().ok_or(CLOSED)?;
        places.retain(|place| initial.chosen(&place.hosted.id));
        initial.moved = places.iter().map(|place| place.hosted.id.clone()).collect();
        let turn = Turn {
            moves: places,
            ..Turn::default()
        };
        let committed = running.workers.commit(started, Change::Forward(turn)).await;
        committed.map_err(|refused| detail_of(&refused))?;
        // Nothing comes before the beginning.
        running.workers.settle();
        tracing::debug!(
            moved = initial.committed().count(),
            ms = super::milliseconds(since),
            "initial workers serve"
        );
        Ok(())
    }

    /// Builds the binary, leaving out what does not build.
    async fn build_initial(
        &mut self,
        compiler: &Compiler,
        initial: &mut Initial,
    ) -> Result<Shadow, String> {
        for _ in 0..ATTEMPTS {
            match self.try_build(compiler, initial.ids()).await? {
                Ok(shadow) => {
                    for skipped in &shadow.skipped {
                        initial.leave(&skipped.function, &skipped.code, &skipped.detail);
                    }
                    return Ok(shadow);
                }
                Err(message) => {
                    if !initial.leave_broken(&message) {
                        self.search(compiler, initial, &message, Goal::Built)
                            .await?;
                    }
                }
            }
        }
        Err("the initial worker does not compile".into())
    }

    /// Finds out by parts which functions keep the worker from being built or started, and leaves those out.
    async fn search(
        &mut self,
        compiler: &Compiler,
        initial: &mut Initial,
        message: &str,
        goal: Goal,
    ) -> Result<(), String> {
        tracing::warn!(
            message,
            "a worker cannot be had whole: looking for the cause"
        );
        let whole = initial.plan.groups.clone();
        let mut good: Vec<String> = Vec::new();
        let mut waiting: Vec<Vec<String>> = vec![initial.ids()];
        let mut tries = 0;
        let mut latest = message.to_owned();
        while let Some(part) = waiting.pop() {
            let mut ids = good.clone();
            ids.extend(part.iter().cloned());
            let known_bad = tries == 0; // all of them, which is why this runs
            tries += 1;
            let failure = if known_bad {
                Some(latest.clone())
            } else if tries > SEARCHES {
                Some(format!("not tried any further after: {latest}"))
            } else {
                match self.try_build(compiler, ids.clone()).await? {
                    Err(message) => Some(message),
                    Ok(_) if goal == Goal::Built => None,
                    Ok(shadow) => {
                        initial.keep_only(&whole, &ids);
                        match self.start_initial(initial, &shadow.contains).await {
                            Ok(_) => None, // dropped: these workers were a trial
                            Err(refused) if refused.fatal => return Err(refused.detail),
                            Err(refused) => Some(refused.detail),
                        }
                    }
                }
            };
            let Some(failure) = failure else {
                good = ids;
                continue;
            };
            latest.clone_from(&failure);
            if part.len() == 1 || tries > SEARCHES {
                for function in &part {
                    tracing::warn!(function, failure, "it keeps a worker from being had");
                    initial.note_left(function, "compile", &failure);
                }
                continue;
            }
            let (first, second) = part.split_at(part.len() / 2);
            waiting.push(second.to_vec());
            waiting.push(first.to_vec());
        }
        initial.keep_only(&whole, &good);
        Ok(())
    }

    /// Writes, compiles and links a worker that hosts some functions. The inner error is about these functions.
    async fn try_build(
        &mut self,
        compiler: &Compiler,
        ids: Vec<String>,
    ) -> Result<Result<Shadow, String>, String> {
        if let Some((built, shadow)) = &self.built
            && *built == ids
        {
            return Ok(Ok(shadow.clone()));
        }
        self.built = None;
        let running = self.running.as_ref().ok_or(CLOSED)?;
        let out = self.project.own_state().join("shadow").join("initial");
        let asked: Result<Shadow, FactsError> = running
            .facts
            .ask(json!({ "do": "shadow", "out": out, "functions": ids, "skip": true }))
            .await;
        let shadow = match asked {
            Ok(shadow) => shadow,
            Err(FactsError::Gone) => {
                self.revive().await?;
                return Ok(Err(FactsError::Gone.to_string()));
            }
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(refused) = &shadow.refused {
            return Ok(Err(refused.detail.clone()));
        }
        let built = async {
            compiler.compile(&shadow.packages).await?;
            let binary = running.directory.path().join("worker-initial");
            compiler.link(&shadow.packages, &binary).await
        };
        if let Err(error) = built.await {
            return Ok(Err(error.to_string()));
        }
        self.built = Some((ids, shadow.clone()));
        Ok(Ok(shadow))
    }

    /// Starts a worker process for each group and has home link it. Nothing is committed.
    async fn start_initial(
        &mut self,
        initial: &Initial,
        contains: &[String],
    ) -> Result<(Vec<Started>, Vec<Place>), NotStarted> {
        let fatal = |detail: &str| NotStarted {
            subject: String::new(),
            detail: detail.to_owned(),
            fatal: true,
        };
        let running = self.running.as_mut().ok_or_else(|| fatal(CLOSED))?;
        let begun = tokio::time::timeout(LAUNCH, running.control.wait(Awaited::Begun)).await;
        if !matches!(begun, Ok(Some(Ok(())))) {
            return Err(fatal("the program's main has not begun"));
        }
        let built = running.directory.path().join("worker-initial");
        let (mut waiting, mut places) = (Vec::new(), Vec::new());
        for group in &initial.plan.groups {
            if group.functions.is_empty() {
                continue;
            }
            let generation = running.workers.next_generation();
            let binary = running
                .directory
                .path()
                .join(format!("worker-{generation}"));
            if let Err(error) = std::fs::hard_link(&built, &binary) {
                return Err(fatal(&error.to_string()));
            }
            let meanings = Meanings::new();
            let functions = group.functions.iter().map(|id| hosted(id, &meanings));
            let made = Made {
                generation,
                functions: functions.collect(),
                contains: contains.to_vec(),
                baseline: true,
                binary,
            };
            let own = made.functions.iter().cloned();
            places.extend(own.map(|hosted| Place { generation, hosted }));
            waiting.push(made);
        }
        match start_all(&running.workers, waiting).await {
            Ok(started) => Ok((started, places)),
            Err(refused) => {
                let first = refused.reasons.first();
                Err(NotStarted {
                    subject: first.map_or_else(String::new, |reason| reason.subject.clone()),
                    detail: detail_of(&refused),
                    fatal: !running.control.has_home(),
                })
            }
        }
    }
}

/// Starts workers side by side: each of them waits more than it computes.
async fn start_all(
    workers: &super::Workers,
    mut waiting: Vec<Made>,
) -> Result<Vec<Started>, Fallback> {
    let at_once = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    let mut starting = tokio::task::JoinSet::new();
    let mut started = Vec::new();
    waiting.reverse();
    loop {
        while starting.len() < at_once
            && let Some(made) = waiting.pop()
        {
            starting.spawn(workers.starting(made));
        }
        match starting.join_next().await {
            None => return Ok(started),
            Some(Ok(one)) => started.push(one?),
            Some(Err(error)) => {
                return Err(super::fallback("worker", "", error.to_string()));
            }
        }
    }
}

/// What a search is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Built,
    Started,
}

/// Why the workers did not start.
struct NotStarted {
    /// What home lacks, if that is it.
    subject: String,
    detail: String,
    /// No other choice of functions would help.
    fatal: bool,
}

fn detail_of(refused: &Fallback) -> String {
    refused
        .reasons
        .first()
        .map_or_else(String::new, |reason| reason.detail.clone())
}
