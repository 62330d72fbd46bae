//! What follows a hot verdict: new code in place, functions that run natively again, a batch that is taken back.

use std::collections::BTreeSet;
use std::time::Instant;

use super::made::{Built, Meanings};
use super::workers::{Change, Place, Turn};
use super::{CLOSED, Engine, PATIENCE, fallback};
use crate::control::Awaited;
use crate::facts::Function;
use crate::source::Snapshot;
use crate::swap::{Fallback, Hot, Swapped, Undone};
use fire_plugin_api::split::{Plan, Program};

/// What a hot verdict carries to the swap.
pub(super) struct Ready {
    pub(super) source: Snapshot,
    pub(super) meanings: Meanings,
    /// Names on the wire that run natively again.
    pub(super) reverted: Vec<String>,
    /// Names on the wire that the source does not hold any more.
    pub(super) retired: Vec<String>,
    /// Moved functions that are built anew because their workers hold an edited function's body.
    pub(super) rebuilt: Vec<String>,
    /// Edited functions that come along with those that call them.
    pub(super) along: Vec<String>,
}

impl Engine {
    pub(super) async fn swapped(&mut self, hot: Hot) -> Result<Swapped, Fallback> {
        let Ok(ready) = hot.plan.downcast::<Ready>() else {
            return Err(fallback("engine", "", "the plan is another engine's"));
        };
        let mut built = hot.functions.clone();
        built.extend(ready.rebuilt.iter().cloned());
        let Built { workers, born } = self
            .build_workers(&mut built, &ready.meanings, &ready.along)
            .await?;
        // What was built anew though nobody edited it is not told.
        built.retain(|id| !ready.rebuilt.contains(id));
        built.extend(ready.along);
        built.sort();
        let functions = built;
        let since = Instant::now();
        let Some(running) = &self.running else {
            return Err(fallback("engine", "", CLOSED));
        };
        let begun = tokio::time::timeout(PATIENCE, running.control.wait(Awaited::Begun)).await;
        if !matches!(begun, Ok(Some(Ok(())))) {
            return Err(fallback(
                "start",
                "",
                "the program's main has not begun yet",
            ));
        }
        let mut turn = Turn {
            reverted: ready.reverted,
            retired: ready.retired,
            ..Turn::default()
        };
        for made in &workers {
            let generation = made.generation;
            turn.moves.extend(
                made.functions
                    .iter()
                    .cloned()
                    .map(|hosted| Place { generation, hosted }),
            );
        }
        let last = workers.last().map(|made| made.generation);
        let mut started = Vec::new();
        for made in workers {
            started.push(running.workers.start(made).await?);
        }
        self.stages
            .insert("start".into(), super::milliseconds(since));
        let since = Instant::now();
        running
            .workers
            .commit(started, Change::Forward(turn))
            .await?;
        let worker_pid = last.and_then(|last| running.workers.pid(last)).unwrap_or(0);
        self.note("commit", since);
        self.born.extend(born);
        self.before = Some(std::mem::replace(&mut self.current, ready.source));
        Ok(Swapped {
            functions,
            generation: last.unwrap_or(0),
            worker_pid,
            stages: self.stages.clone(),
        })
    }

    /// Asks the split strategy where the functions go.
    pub(super) async fn plan(&mut self, functions: &[String]) -> Result<Plan, Fallback> {
        let program = self
            .program(functions)
            .await
            .map_err(|error| fallback("split", "", error))?;
        let plan = self
            .split
            .on_edit(&program, functions)
            .map_err(|error| fallback("split", "", error.to_string()))?;
        let mut seen = BTreeSet::new();
        let planned = plan
            .groups
            .iter()
            .flat_map(|group| &group.functions)
            .all(|id| seen.insert(id.clone()));
        if !planned || functions.iter().any(|id| !seen.contains(id)) {
            return Err(fallback(
                "split",
                "",
                "the split strategy's plan does not hold every edited function once",
            ));
        }
        Ok(plan)
    }

    /// The program as strategies see it. The default strategy looks at nothing but the edited functions.
    async fn program(&self, edited: &[String]) -> Result<Program, String> {
        if self.moves_on_edit() {
            return Ok(Program {
                functions: edited.iter().map(|id| bare(id)).collect(),
            });
        }
        Ok(program(&self.functions().await?))
    }

    pub(super) async fn reverted(&mut self, functions: &[String]) -> Result<(), Fallback> {
        let Some(running) = &self.running else {
            return Err(fallback("engine", "", CLOSED));
        };
        let (source, retired) = self.pending.take().unzip();
        let turn = Turn {
            reverted: functions.to_vec(),
            retired: retired.unwrap_or_default(),
            ..Turn::default()
        };
        running
            .workers
            .commit(Vec::new(), Change::Forward(turn))
            .await?;
        if let Some(source) = source {
            self.before = Some(std::mem::replace(&mut self.current, source));
        }
        Ok(())
    }

    /// Those that are called only as the program starts, as the source is now. None if that cannot be told.
    pub(super) async fn once(&mut self, functions: &[String]) -> Vec<String> {
        #[derive(Default, serde::Deserialize)]
        struct Once {
            once: Vec<String>,
        }
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let answer = running
            .facts
            .ask(serde_json::json!({ "do": "once", "subjects": functions }));
        let answer: Once = answer.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "who calls the functions is not known");
            Once::default()
        });
        answer.once
    }

    /// Takes the last batch back. The source stays as it is: the next save is judged against what runs then.
    pub(super) async fn undone(&mut self) -> Result<Undone, Fallback> {
        let (Some(running), Some(before)) = (&self.running, self.before.clone()) else {
            return Err(fallback("undo", "", "there is nothing to take back"));
        };
        let turn = running.workers.commit(Vec::new(), Change::Back).await?;
        let mut undone = Undone {
            reverted: turn.reverted,
            ..Undone::default()
        };
        undone.reverted.extend(
            turn.retired
                .iter()
                .map(|wire| wire.split('#').next().unwrap_or_default().to_owned()),
        );
        for place in turn.moves {
            let pid = running.workers.pid(place.generation).unwrap_or(0);
            let entry = undone.moved.entry(place.generation);
            let (functions, _) = entry.or_insert_with(|| (Vec::new(), pid));
            functions.push(place.hosted.id);
        }
        self.current = before;
        self.before = None;
        Ok(undone)
    }
}

/// A program as strategies see it.
pub(super) fn program(functions: &[Function]) -> Program {
    Program {
        functions: functions.iter().map(api_function).collect(),
    }
}

fn api_function(function: &Function) -> fire_plugin_api::split::Function {
    fire_plugin_api::split::Function {
        id: function.id.clone(),
        package: function.package.clone(),
        uses: function.uses.clone(),
        unmovable: function.reason.clone(),
    }
}

/// A function of which only the id matters.
fn bare(id: &str) -> fire_plugin_api::split::Function {
    fire_plugin_api::split::Function {
        id: id.into(),
        package: String::new(),
        uses: Vec::new(),
        unmovable: None,
    }
}
