//! Who runs where, for whoever asks at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::workers::Looker;
use crate::supervise::resident_kb;
use crate::swap::{FunctionStatus, GenerationStatus, Status};

#[derive(Default)]
struct Known {
    looker: Option<Looker>,
    functions: Vec<String>,
}

/// Knows the workers and the functions of an app. Clones know the same.
#[derive(Clone, Default)]
pub struct Ledger {
    known: Arc<Mutex<Known>>,
}

impl Ledger {
    fn with<R>(&self, change: impl FnOnce(&mut Known) -> R) -> R {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The workers can be looked at from now on.
    pub fn open(&self, looker: Looker) {
        self.with(|known| known.looker = Some(looker));
    }

    /// Ids of all functions of the program that is being built.
    pub fn functions(&self, ids: Vec<String>) {
        self.with(|known| known.functions = ids);
    }

    /// How things are now.
    pub async fn status(&self) -> Status {
        let mut status = Status::default();
        let (looker, ids) = self.with(|known| (known.looker.clone(), known.functions.clone()));
        let looked = match looker {
            Some(looker) => looker.look().await,
            None => None,
        };
        let (workers, places, seen) = looked.unwrap_or_default();
        let seen = seen.unwrap_or_default();
        let counted: BTreeMap<&str, _> = seen
            .functions
            .iter()
            .map(|one| (one.id.as_str(), one))
            .collect();
        let moved: BTreeMap<&str, _> = places
            .iter()
            .map(|place| (place.hosted.id.as_str(), place))
            .collect();
        let all: BTreeSet<&str> = ids
            .iter()
            .map(String::as_str)
            .chain(moved.keys().copied())
            .collect();
        for id in all {
            let place = moved.get(id);
            let wire = place.map_or(id, |place| place.hosted.wire.as_str());
            let count = counted.get(wire);
            status.functions.push(FunctionStatus {
                id: id.to_owned(),
                runs: if place.is_some() { "worker" } else { "home" }.to_owned(),
                generation: place.map(|place| place.generation),
                calls: count.map_or(0, |count| count.calls),
                mean_ns: count.map_or(0, |count| count.mean_ns),
            });
        }
        for worker in workers {
            let busy = seen
                .generations
                .iter()
                .find(|one| one.generation == worker.generation);
            let (calls, goroutines, closures) =
                busy.map_or((0, 0, 0), |one| (one.calls, one.goroutines, one.closures));
            let state = match (worker.serves, calls + goroutines + closures) {
                (true, _) => "serving",
                (false, 0) => "kept",
                (false, _) => "draining",
            };
            let memory_kb = resident_kb(worker.pid);
            status.memory.workers_kb += memory_kb;
            status.generations.push(GenerationStatus {
                generation: worker.generation,
                worker_pid: worker.pid,
                state: state.to_owned(),
                functions: worker.functions,
                calls,
                goroutines,
                closures,
                memory_kb,
            });
        }
        status
    }
}
