//! What follows when a worker ends by itself.
//!
//! Theory of operation. Home has let its functions fall back as soon as it saw the lanes closed; here the same is
//! put on the books, the calls in flight get their cause, and the policy says whether the worker is started again. A
//! newer batch is always quicker: what it has taken over is not given back.

use std::sync::Arc;
use std::time::Duration;

use fire_plugin_api::policy::{Ending, Process, Response};

use super::{Change, Made, Shared};
use crate::control::Generation;
use crate::swap::{Task, WorkerAction, WorkerExited, WorkerNews};

/// A worker ends with this code when it has used more memory than it may: see `watchMemory` in the worker's Go half.
const TOO_MUCH_MEMORY: i32 = 86;

/// A worker that has served for so long has not failed at its start.
const HEALTHY: Duration = Duration::from_secs(30);

pub(super) fn ending(status: std::process::ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, Some(signal)) => Ending::Signalled(signal),
        (None, None) => Ending::Exited(-1),
    }
}

impl Shared {
    fn told(&self, ending: &Ending) -> String {
        match ending {
            Ending::Exited(TOO_MUCH_MEMORY) => {
                let limit = self.policy.worker_limits().memory_mb.unwrap_or(0);
                format!("it used more than {limit} MB of memory")
            }
            Ending::Exited(code) => format!("exit status {code}"),
            Ending::Signalled(signal) => format!("signal {signal}"),
            Ending::Hung(ms) => format!("hung for {ms} ms"),
            Ending::Faulted(what) => what.clone(),
        }
    }

    /// The same as `ended`, for a task of its own. Boxed: a commit may lead here, and this to a commit.
    pub(super) fn ended_later(
        self: Arc<Self>,
        generation: Generation,
        ending: Ending,
    ) -> Task<'static, bool> {
        Box::pin(async move { self.ended(generation, &ending).await })
    }

    /// Its functions go back, and it is started again if the policy wants it. True: its binary is in use.
    pub(super) async fn ended(self: Arc<Self>, generation: Generation, ending: &Ending) -> bool {
        let cause = self.told(ending);
        let (worker, turn, told, commit, failures, run, served) = {
            let mut state = self.lock();
            match state.workers.get_mut(&generation) {
                None => return false, // fire ended it
                Some(worker) if !worker.committed => {
                    worker.ended = Some(ending.clone());
                    // Home may be waiting for it.
                    worker.link.close(&cause);
                    self.control.close(generation, &cause);
                    return false; // whoever starts it sees that it is gone
                }
                Some(_) => {}
            }
            let Some(worker) = state.workers.remove(&generation) else {
                return false;
            };
            let turn = state.table.forget(generation, worker.committed);
            state.commits += 1;
            let failures = state.failures.entry(generation).or_default();
            if worker.since.elapsed() > HEALTHY {
                *failures = 0;
            }
            *failures += 1;
            let failures = *failures;
            let served = !state.table.lost_with(generation).is_empty();
            let told = turn.told(|generation| state.is_baseline(generation));
            (
                worker,
                turn,
                told,
                state.commits,
                failures,
                state.run,
                served,
            )
        };
        if !turn.moves.is_empty() || !turn.reverted.is_empty() {
            self.control.commit(commit, &told, &turn.reverted, &[]);
        }
        self.control.close(generation, &cause);
        worker.link.close(&cause);
        let functions = worker.made.ids();
        let mut process = Process::Worker {
            generation,
            functions: functions.clone(),
            failures,
        };
        let mut again = false;
        let action = loop {
            let response = self.policy.on_ending(&process, ending);
            let Ok(Response::Respawn { after_ms }) = response else {
                break match response {
                    Ok(Response::Restart) if served => WorkerAction::Restart,
                    Ok(Response::Stop) => WorkerAction::LeftEnded,
                    _ if !served => WorkerAction::LeftEnded,
                    _ => WorkerAction::RolledBack,
                };
            };
            if !served {
                break WorkerAction::LeftEnded;
            }
            again = self.respawned(worker.made.clone(), after_ms, run).await;
            if again {
                break WorkerAction::Respawned;
            }
            if !self.wanted(generation, run) {
                break WorkerAction::RolledBack; // a newer batch has taken over
            }
            // One that ends at its start has failed as well.
            if let Process::Worker { failures, .. } = &mut process {
                *failures = failures.saturating_add(1);
            }
        };
        self.tell(WorkerNews::Exited(WorkerExited {
            functions,
            generation,
            cause,
            action,
        }));
        again
    }

    /// Whether a generation has functions that nothing newer has taken over, in this run of the app.
    fn wanted(&self, generation: Generation, run: u64) -> bool {
        let state = self.lock();
        state.run == run && !state.table.lost_with(generation).is_empty()
    }

    /// Starts a worker again, for what nothing newer has taken over.
    async fn respawned(self: &Arc<Self>, made: Made, after_ms: u64, run: u64) -> bool {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        let generation = made.generation;
        if !self.wanted(generation, run) {
            return false;
        }
        self.control.forget_worker(generation);
        let Ok(started) = self.clone().start(made).await else {
            return false;
        };
        self.wanted(generation, run)
            && self
                .commit(vec![started], Change::Again(generation))
                .await
                .is_ok()
    }
}
