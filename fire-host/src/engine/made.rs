//! From edited functions to workers that are built: shadowed, compiled, linked, none of them started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use fire_plugin_api::policy::{Action, Edit};
use fire_plugin_api::split::Plan;
use serde_json::json;

use super::workers::{Hosted, Made};
use super::{CLOSED, Engine, fallback};
use crate::compile::Compiler;
use crate::facts::{Born, Difference, Shadow};
use crate::swap::Fallback;

/// What a batch adds to, in rounds, before it is given up: an added function may lead to another one.
const ROUNDS: usize = 20;

/// The functions whose meaning is another one than the running binary's, by id.
pub type Meanings = BTreeMap<String, Difference>;

/// A function as a worker hosts it now.
pub fn hosted(id: &str, meanings: &Meanings) -> Hosted {
    let difference = meanings.get(id);
    Hosted {
        id: id.to_owned(),
        wire: difference.map_or_else(|| id.to_owned(), |one| one.wire.clone()),
        meaning: difference.map_or_else(String::new, |one| one.meaning.clone()),
    }
}

/// What a batch needs.
pub struct Built {
    pub workers: Vec<Made>,
    /// Added variables that these workers need, by their names on the wire.
    pub born: Vec<String>,
}

/// One worker's source.
struct Shadowed {
    functions: Vec<String>,
    shadow: Shadow,
    out: PathBuf,
}

impl Engine {
    /// Builds the workers of a batch. What they call and nothing serves yet is hosted too: `functions` grows by it.
    /// `judged` are added generic functions that the policy has been asked about.
    pub(super) async fn build_workers(
        &mut self,
        functions: &mut Vec<String>,
        meanings: &Meanings,
        judged: &[String],
    ) -> Result<Built, Fallback> {
        let since = Instant::now();
        let mut shadowed = Vec::new();
        for round in 0.. {
            let plan = self.plan(functions).await?;
            shadowed = self.shadows(&plan).await?;
            let more = self.unserved(&shadowed, functions, meanings);
            if more.is_empty() {
                break;
            }
            if round == ROUNDS {
                return Err(fallback(
                    "added-used",
                    &more[0],
                    "it leads to ever more functions",
                ));
            }
            self.admit(&more)?;
            functions.extend(more);
            functions.sort();
        }
        self.admit(&self.brought(&shadowed, meanings, judged))?;
        self.check_born(&shadowed, functions, meanings)?;
        self.note("shadow", since);
        let compiler = self
            .compiler()
            .await
            .map_err(|error| fallback("compile", "", error))?;
        let mut workers = Vec::new();
        for one in &shadowed {
            workers.push(self.make(&compiler, one, meanings).await?);
        }
        let born = shadowed.into_iter().flat_map(|one| one.shadow.born);
        Ok(Built {
            workers,
            born: born.map(|one| one.id).collect(),
        })
    }

    async fn shadows(&self, plan: &Plan) -> Result<Vec<Shadowed>, Fallback> {
        let Some(running) = &self.running else {
            return Err(fallback("engine", "", CLOSED));
        };
        let mut shadowed = Vec::new();
        for (number, group) in plan.groups.iter().enumerate() {
            let out = self
                .project
                .own_state()
                .join("shadow")
                .join(number.to_string());
            let shadow: Shadow = running
                .facts
                .ask(json!({ "do": "shadow", "out": out, "functions": group.functions }))
                .await
                .map_err(|error| fallback("engine", "", error.to_string()))?;
            if let Some(refused) = &shadow.refused {
                return Err(fallback(
                    "unmovable-body",
                    &refused.function,
                    format!("{} ({})", refused.detail, refused.code),
                ));
            }
            shadowed.push(Shadowed {
                functions: group.functions.clone(),
                shadow,
                out,
            });
        }
        Ok(shadowed)
    }

    /// Functions that the shadows call, that the running binary does not hold, and that no worker serves.
    fn unserved(
        &self,
        shadowed: &[Shadowed],
        functions: &[String],
        meanings: &Meanings,
    ) -> Vec<String> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let beyond: BTreeSet<&String> =
            shadowed.iter().flat_map(|one| &one.shadow.beyond).collect();
        running.workers.with_table(|table| {
            beyond
                .into_iter()
                .filter(|id| !functions.contains(id))
                .filter(|id| table.place(&hosted(id, meanings).wire).is_none())
                .cloned()
                .collect()
        })
    }

    /// Added generic functions that the shadows bring along, that the policy has not judged, and that no worker runs.
    fn brought(
        &self,
        shadowed: &[Shadowed],
        meanings: &Meanings,
        judged: &[String],
    ) -> Vec<String> {
        let running = self
            .running
            .as_ref()
            .map(|running| running.workers.contained())
            .unwrap_or_default();
        let all: BTreeSet<&String> = shadowed
            .iter()
            .flat_map(|one| &one.shadow.contains)
            .collect();
        all.into_iter()
            .filter(|id| meanings.get(*id).is_some_and(|one| one.along))
            .filter(|id| !judged.contains(id) && !running.contains(*id))
            .cloned()
            .collect()
    }

    /// Asks the policy about functions that nothing used when they were added.
    fn admit(&self, added: &[String]) -> Result<(), Fallback> {
        let edits: Vec<Edit> = added
            .iter()
            .map(|id| Edit {
                code: crate::classify::code::ADDED_USED.into(),
                subject: id.clone(),
                detail: "something uses it now".into(),
                swappable: true,
            })
            .collect();
        let actions = self
            .policy
            .judge(&edits)
            .map_err(|error| fallback("policy", "", error.to_string()))?;
        let refused = edits
            .iter()
            .zip(actions)
            .find(|(_, action)| *action == Action::Restart);
        match refused {
            Some((edit, _)) => Err(fallback(&edit.code, &edit.subject, edit.detail.clone())),
            None => Ok(()),
        }
    }

    /// An initialiser runs before the batch is committed: what it calls must not be about to change.
    fn check_born(
        &self,
        shadowed: &[Shadowed],
        functions: &[String],
        meanings: &Meanings,
    ) -> Result<(), Fallback> {
        let new = shadowed.iter().flat_map(|one| &one.shadow.born);
        for Born {
            id,
            variable,
            reaches,
        } in new
        {
            let changing = reaches
                .iter()
                .find(|id| functions.contains(id) && !hosted(id, meanings).is_added());
            if let Some(changing) = changing
                && !self.born.contains(id)
            {
                return Err(fallback(
                    "var",
                    variable,
                    format!("its initialiser leads to {changing}, which is in the same edit"),
                ));
            }
        }
        Ok(())
    }

    async fn make(
        &mut self,
        compiler: &Compiler,
        one: &Shadowed,
        meanings: &Meanings,
    ) -> Result<Made, Fallback> {
        let Some(running) = &mut self.running else {
            return Err(fallback("engine", "", CLOSED));
        };
        let generation = running.workers.next_generation();
        let binary = running
            .directory
            .path()
            .join(format!("worker-{generation}"));
        let since = Instant::now();
        let subject = one.functions.join(", ");
        compiler
            .compile(&one.shadow.packages)
            .await
            .map_err(|error| fallback("compile", &subject, error.to_string()))?;
        self.note("compile", since);
        let since = Instant::now();
        compiler
            .link(&one.shadow.packages, &binary)
            .await
            .map_err(|error| fallback("compile", &subject, error.to_string()))?;
        self.note("link", since);
        if !tracing::enabled!(tracing::Level::DEBUG) {
            // Of use only to whoever looks for a defect of fire.
            let _ = std::fs::remove_dir_all(&one.out);
        }
        let functions = one.functions.iter().map(|id| hosted(id, meanings));
        Ok(Made {
            generation,
            functions: functions.collect(),
            contains: one.shadow.contains.clone(),
            baseline: false,
            binary,
        })
    }
}
