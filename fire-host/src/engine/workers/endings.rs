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
use crate::swap::{WorkerAction, WorkerExited, WorkerNews};

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

    /// Its functions go back, and it is started again if the policy wants it. True: its binary is in use.
    pub(super) async fn ended(self: Arc<Self>, generation: Generation, ending: &Ending) -> bool {
        let cause = self.told(ending);
        let (worker, turn, told, commit, failures, run, served) = {
            let mut state = self.lock();
            let Some(worker) = state.workers.remove(&generation) else {
                return false; // fire ended it
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
        if !worker.committed {
            return false; // whoever starts it sees that it is gone
        }
        let functions = worker.made.ids();
        let process = Process::Worker {
            generation,
            functions: functions.clone(),
            failures,
        };
        let mut again = false;
        let action = match self.policy.on_ending(&process, ending) {
            _ if !served => WorkerAction::LeftEnded,
            Ok(Response::Restart) => WorkerAction::Restart,
            Ok(Response::Respawn { after_ms }) => {
                again = self.respawned(worker.made, after_ms, run).await;
                if again {
                    WorkerAction::Respawned
                } else {
                    WorkerAction::RolledBack
                }
            }
            Ok(Response::Stop) => WorkerAction::LeftEnded,
            Ok(Response::RollBack) | Err(_) => WorkerAction::RolledBack,
        };
        self.tell(WorkerNews::Exited(WorkerExited {
            functions,
            generation,
            cause,
            action,
        }));
        again
    }

    /// Starts a worker again, for what nothing newer has taken over.
    async fn respawned(self: &Arc<Self>, made: Made, after_ms: u64, run: u64) -> bool {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        let generation = made.generation;
        let wanted = || {
            let state = self.lock();
            state.run == run && !state.table.lost_with(generation).is_empty()
        };
        if !wanted() {
            return false;
        }
        self.control.forget_worker(generation);
        let Ok(started) = self.clone().start(made).await else {
            return false;
        };
        wanted()
            && self
                .commit(vec![started], Change::Again(generation))
                .await
                .is_ok()
    }
}
