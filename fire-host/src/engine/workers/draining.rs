//! How a generation that no call goes to any more ends: when home says that nothing refers to it, or by the policy's
//! limits, and what is told of it until then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Shared, Worker};
use crate::control::{Generation, Look, Seen};
use crate::swap::{Draining, WorkerAction, WorkerExited, WorkerNews};

/// What drains for longer is told.
const LONG: Duration = Duration::from_secs(1);

impl Shared {
    /// Ends what drains for too long, or with too many others.
    pub(super) fn limit_draining(self: &Arc<Self>, superseded: &[Generation]) {
        let limits = self.policy.drain_limits();
        let kept = self.lock().table.kept();
        let mut draining: Vec<Generation> = superseded
            .iter()
            .copied()
            .filter(|generation| !kept.contains(generation))
            .collect();
        let over = draining.len().saturating_sub(limits.generations as usize);
        for generation in draining.drain(..over) {
            self.end_superseded(generation, "too many older generations were draining");
        }
        let Some(after) = limits.after_ms else {
            return;
        };
        for generation in superseded.iter().copied() {
            let shared = Arc::downgrade(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                if let Some(shared) = shared.upgrade()
                    && !shared.lock().table.serves(generation)
                {
                    let cause = format!("still busy {after} ms after it was superseded");
                    shared.end_superseded(generation, &cause);
                }
            });
        }
    }

    /// Its calls in flight end with a panic that says why, and the user is told.
    pub(super) fn end_superseded(&self, generation: Generation, cause: &str) {
        let Some(worker) = self.take(generation) else {
            return; // it has drained
        };
        self.control.close(generation, cause);
        worker.link.close(cause);
        self.tell(WorkerNews::Exited(WorkerExited {
            functions: worker.made.ids(),
            generation,
            cause: cause.to_owned(),
            action: WorkerAction::LeftEnded,
        }));
    }

    /// Takes a worker that fire ends off the books.
    pub(super) fn take(&self, generation: Generation) -> Option<Worker> {
        let mut state = self.lock();
        let worker = state.workers.remove(&generation)?;
        state.table.forget(generation, false);
        state.failures.remove(&generation);
        Some(worker)
    }

    /// Nothing refers to a generation any more, says home.
    pub(super) fn drained(&self, generation: Generation) {
        {
            let state = self.lock();
            if state.table.serves(generation) || state.table.kept().contains(&generation) {
                return; // the next commit asks again
            }
        }
        let Some(worker) = self.take(generation) else {
            return;
        };
        self.control.close(generation, "it has been superseded");
        worker.link.close("superseded");
        if worker.told {
            self.tell(WorkerNews::Drained(generation));
        }
    }

    /// Says, once, which superseded generations are still busy after a while, and with what.
    pub(super) fn tell_what_drains_for_long(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        tokio::spawn(async move {
            // Function values that nobody can reach any more hold a generation until home has collected them.
            for why in [Look::Collect, Look::Ask] {
                tokio::time::sleep(LONG / 2).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let Some(seen) = shared.control.look(why).await else {
                    return;
                };
                if why == Look::Ask {
                    shared.tell_draining(seen);
                }
            }
        });
    }

    fn tell_draining(&self, seen: Seen) {
        for one in seen.generations {
            let news = {
                let mut state = self.lock();
                let serves = state.table.serves(one.generation);
                let Some(worker) = state.workers.get_mut(&one.generation) else {
                    continue;
                };
                if serves || worker.told || one.calls + one.goroutines + one.closures == 0 {
                    continue;
                }
                worker.told = true;
                WorkerNews::Draining(Draining {
                    generation: one.generation,
                    worker_pid: worker.pid,
                    functions: worker.made.ids(),
                    calls: one.calls,
                    goroutines: one.goroutines,
                    closures: one.closures,
                })
            };
            self.tell(news);
        }
    }

    /// Generations that no call goes to.
    pub(super) fn superseded(&self) -> BTreeSet<Generation> {
        let state = self.lock();
        let committed = state.workers.iter().filter(|(_, worker)| worker.committed);
        committed
            .map(|(generation, _)| *generation)
            .filter(|generation| !state.table.serves(*generation))
            .collect()
    }
}
