//! What a strategy wants moved before main begins: one binary that holds all of it, a process for each group.
//!
//! Unlike a hot batch, this is not all or nothing: a function that turns out not to move stays native and is
//! counted with its reason.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Engine;
use crate::compile::Compiler;
use crate::control::{Awaited, Move};
use crate::engine::workers::Made;
use crate::facts::{Function, Functions, Refusal, Shadow};
use fire_plugin_api::split::{Plan, Program};

/// How long the initial workers may take to be built and linked.
const LAUNCH: Duration = Duration::from_secs(300);

/// How often a build is tried anew without the functions that broke it.
const ATTEMPTS: usize = 50;

/// The initial plan of a program.
#[derive(Debug, Default)]
pub struct Initial {
    plan: Plan,
    functions: Vec<Function>,
    /// What stayed native, and why.
    pub left: Vec<Refusal>,
    /// How many functions were moved.
    pub moved: usize,
}

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
            return Err("the swap engine is closed".into());
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
        let program = Program {
            functions: functions.iter().map(super::judge::api_function).collect(),
        };
        let plan = self
            .split
            .initial(&program)
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
        let mut attempts = 0;
        loop {
            attempts += 1;
            let shadow = self.build_initial(&compiler, initial).await?;
            match self.start_initial(initial, &shadow.contains).await {
                Ok(moves) => {
                    initial.moved = moves.iter().map(|one| one.functions.len()).sum();
                    tracing::debug!(
                        moved = initial.moved,
                        ms = super::milliseconds(since),
                        "initial workers serve"
                    );
                    return Ok(());
                }
                Err(refused) if attempts < ATTEMPTS => {
                    let subject = refused
                        .reasons
                        .first()
                        .map_or("", |reason| reason.subject.as_str());
                    let users = shadow.needs.get(subject).cloned().unwrap_or_default();
                    let detail = refused
                        .reasons
                        .first()
                        .map_or("", |reason| reason.detail.as_str());
                    if users.is_empty() {
                        return Err(detail.to_owned());
                    }
                    for function in users {
                        initial.leave(&function, "missing", detail);
                    }
                }
                Err(refused) => {
                    return Err(refused
                        .reasons
                        .first()
                        .map_or_else(String::new, |reason| reason.detail.clone()));
                }
            }
        }
    }

    /// Builds the binary, leaving out what does not build.
    async fn build_initial(
        &mut self,
        compiler: &Compiler,
        initial: &mut Initial,
    ) -> Result<Shadow, String> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let Some(running) = &self.running else {
                return Err("the swap engine is closed".into());
            };
            let out = self.project.own_state().join("shadow").join("initial");
            let shadow: Shadow = running
                .facts
                .ask(
                    json!({ "do": "shadow", "out": out, "functions": initial.ids(), "skip": true }),
                )
                .await
                .map_err(|error| error.to_string())?;
            for skipped in &shadow.skipped {
                initial.leave(&skipped.function, &skipped.code, &skipped.detail);
            }
            match compiler.compile(&shadow.packages).await {
                Ok(()) => {
                    compiler
                        .link(
                            &shadow.packages,
                            &running.directory.path().join("worker-initial"),
                        )
                        .await
                        .map_err(|error| error.to_string())?;
                    return Ok(shadow);
                }
                Err(error) => {
                    last = error.to_string();
                    if !initial.leave_broken(&last) {
                        break;
                    }
                }
            }
        }
        Err(format!("the initial worker does not compile: {last}"))
    }

    async fn start_initial(
        &mut self,
        initial: &Initial,
        contains: &[String],
    ) -> Result<Vec<Move>, crate::swap::Fallback> {
        let transport = self.transport.clone();
        let Some(running) = &mut self.running else {
            return Err(super::fallback("engine", "", "the swap engine is closed"));
        };
        let begun = tokio::time::timeout(LAUNCH, running.control.wait(Awaited::Begun)).await;
        if !matches!(begun, Ok(Some(Ok(())))) {
            return Err(super::fallback(
                "start",
                "",
                "the program's main has not begun",
            ));
        }
        let built = running.directory.path().join("worker-initial");
        let mut moves = Vec::new();
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
                return Err(super::fallback("worker", "", error.to_string()));
            }
            let made = Made {
                generation,
                functions: group.functions.clone(),
                contains: contains.to_vec(),
                baseline: true,
                binary,
            };
            moves.push(
                running
                    .workers
                    .start(made, transport.as_ref(), running.directory.path())
                    .await?,
            );
        }
        running.workers.commit(&moves, &[]).await?;
        Ok(moves)
    }
}

impl Initial {
    fn ids(&self) -> Vec<&String> {
        self.plan
            .groups
            .iter()
            .flat_map(|group| &group.functions)
            .collect()
    }

    fn leave(&mut self, function: &str, code: &str, detail: &str) {
        for group in &mut self.plan.groups {
            group.functions.retain(|id| id != function);
        }
        self.left.push(Refusal {
            function: function.into(),
            code: code.into(),
            detail: detail.into(),
        });
    }

    /// Leaves out the functions that a compiler's messages are about. False: none of them can be placed.
    fn leave_broken(&mut self, messages: &str) -> bool {
        let mut broken: BTreeMap<String, String> = BTreeMap::new();
        for line in messages.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(file), Some(Ok(number)), Some(rest)) = (
                parts.next(),
                parts.next().map(str::parse::<u32>),
                parts.next(),
            ) else {
                continue;
            };
            let owner = self
                .functions
                .iter()
                .filter(|function| {
                    function.file == std::path::Path::new(file) && function.line <= number
                })
                .max_by_key(|function| function.line);
            if let Some(owner) = owner {
                broken
                    .entry(owner.id.clone())
                    .or_insert_with(|| rest.to_owned());
            }
        }
        let before = self.ids().len();
        for (function, message) in &broken {
            tracing::warn!(function, message, "a moved body does not compile");
            self.leave(function, "compile", message);
        }
        self.ids().len() < before
    }
}
