//! The workers of one app: started, committed to, drained and ended here.
//!
//! | a worker is | until | then |
//! | --- | --- | --- |
//! | starting | it has attached and home has linked it | started |
//! | started | a turn sends calls to it; a batch that is given up ends it | serving |
//! | serving | every function of it has gone elsewhere | superseded |
//! | superseded | home says that it has drained, and nothing can be taken back to it | ended |
//! | ended by itself | its functions have gone to the generation before it, or run natively | started again, if the policy wants it |

mod draining;
mod endings;
mod look;
mod pulse;
mod start;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fire_plugin_api::policy::Ending;
use fire_plugin_api::transport::Link;
use fire_plugin_api::{RestartPolicy, Transport};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use super::{PATIENCE, fallback};
use crate::control::{Awaited, Control, Generation, Notice};
use crate::swap::{Fallback, Task, WorkerNews};

pub use look::Looker;
pub use start::Started;
pub use table::{Hosted, Place, Table, Turn};

/// A worker that is built and not started.
#[derive(Debug, Clone)]
pub struct Made {
    pub generation: Generation,
    pub functions: Vec<Hosted>,
    /// Functions of the user that these run without asking home: they have the source of this moment.
    pub contains: Vec<String>,
    /// It is the source of the running program.
    pub baseline: bool,
    pub binary: PathBuf,
}

impl Made {
    fn ids(&self) -> Vec<String> {
        self.functions.iter().map(|one| one.id.clone()).collect()
    }
}

struct Worker {
    pid: u32,
    made: Made,
    link: Box<dyn Link>,
    /// Dropping it ends the process; an ending sent is what the process is said to have ended by.
    end: Option<oneshot::Sender<Ending>>,
    gone: tokio::sync::watch::Receiver<bool>,
    /// A turn has sent calls to it.
    committed: bool,
    /// It has ended before that.
    ended: Option<Ending>,
    since: Instant,
    /// A call of it has asked for nothing since then.
    stalled_since: Option<Instant>,
    /// The user has been told that it still drains.
    told: bool,
}

#[derive(Default)]
struct State {
    table: Table,
    workers: BTreeMap<Generation, Worker>,
    commits: u64,
    /// Number of the last link: a worker that is started again gets another.
    links: u64,
    /// How often in a row workers of a generation have ended by themselves.
    failures: BTreeMap<Generation, u32>,
    /// Counts the runs of the app.
    run: u64,
}

impl State {
    fn lives(&self, generation: Generation) -> bool {
        let worker = self.workers.get(&generation);
        worker.is_some_and(|worker| worker.ended.is_none())
    }

    /// Whether a worker was built from the running program's own source.
    fn is_baseline(&self, generation: Generation) -> bool {
        let worker = self.workers.get(&generation);
        worker.is_some_and(|worker| worker.made.baseline)
    }
}

/// What the tasks of all workers share.
struct Shared {
    control: Control,
    state: Mutex<State>,
    transport: Arc<dyn Transport>,
    policy: Arc<dyn RestartPolicy>,
    directory: PathBuf,
    news: UnboundedSender<WorkerNews>,
    /// Held while home is told of a turn.
    turning: tokio::sync::Mutex<()>,
    /// There may be more to look at than before.
    begun: Arc<tokio::sync::Notify>,
}

/// All workers of one app.
pub struct Workers {
    shared: Arc<Shared>,
    generations: Generation,
}

/// What a commit is.
pub enum Change {
    /// A batch.
    Forward(Turn),
    /// The last batch is taken back.
    Back,
    /// What a worker served before it ended by itself.
    Again(Generation),
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Whoever waits for more to look at sees that there is nothing any more.
        self.shared.begun.notify_one();
    }
}

impl Workers {
    pub fn new(
        control: Control,
        mut notices: UnboundedReceiver<Notice>,
        transport: Arc<dyn Transport>,
        policy: Arc<dyn RestartPolicy>,
        directory: PathBuf,
        news: UnboundedSender<WorkerNews>,
    ) -> Self {
        let shared = Arc::new(Shared {
            control,
            state: Mutex::default(),
            transport,
            policy,
            directory,
            news,
            turning: tokio::sync::Mutex::default(),
            begun: Arc::default(),
        });
        let draining = Arc::downgrade(&shared);
        tokio::spawn(async move {
            while let Some(Notice::Drained(generation)) = notices.recv().await {
                let Some(shared) = draining.upgrade() else {
                    return;
                };
                shared.drained(generation);
            }
        });
        tokio::spawn(pulse::watch(Arc::downgrade(&shared), shared.begun.clone()));
        Self {
            shared,
            generations: 0,
        }
    }

    pub fn next_generation(&mut self) -> Generation {
        self.generations += 1;
        self.generations
    }

    /// Reads the table.
    pub fn with_table<R>(&self, read: impl FnOnce(&Table) -> R) -> R {
        read(&self.shared.lock().table)
    }

    /// The moved functions whose workers hold the bodies of some functions besides their own.
    pub fn containing(&self, changed: &BTreeSet<String>) -> BTreeSet<String> {
        let state = self.shared.lock();
        let stale = |generation: &Generation| {
            let worker = state.workers.get(generation);
            worker.is_some_and(|worker| worker.made.contains.iter().any(|id| changed.contains(id)))
        };
        let moved = state.table.moved();
        moved
            .filter(|place| stale(&place.generation))
            .map(|place| place.hosted.id.clone())
            .collect()
    }

    /// Functions that serving workers run without asking home.
    pub fn contained(&self) -> BTreeSet<String> {
        let state = self.shared.lock();
        let serving = state
            .workers
            .values()
            .filter(|worker| state.table.serves(worker.made.generation));
        serving
            .flat_map(|worker| worker.made.contains.iter().cloned())
            .collect()
    }

    /// Process ids of all workers.
    pub fn pids(&self) -> Vec<u32> {
        let state = self.shared.lock();
        state.workers.values().map(|worker| worker.pid).collect()
    }

    /// New calls of some functions run natively again; their workers stay for the calls that are under way.
    pub async fn send_home(&self, functions: &[String]) {
        let id = {
            let mut state = self.shared.lock();
            let turn = Turn {
                reverted: functions.to_vec(),
                ..Turn::default()
            };
            state.table.turn_again(&turn);
            state.commits += 1;
            state.commits
        };
        self.shared.control.commit(id, &[], functions, &[]);
        let answer = self.shared.control.wait(Awaited::Committed(id));
        // A program that does not answer is ended by whoever watches it.
        let _ = tokio::time::timeout(PATIENCE, answer).await;
    }

    pub fn pid(&self, generation: Generation) -> Option<u32> {
        let state = self.shared.lock();
        state.workers.get(&generation).map(|worker| worker.pid)
    }

    /// Starts a worker and has home link it. Nothing is committed yet: dropping what this gives ends the worker.
    pub async fn start(&self, made: Made) -> Result<Started, Fallback> {
        self.shared.clone().start(made).await
    }

    /// The same, to be started elsewhere.
    pub fn starting(&self, made: Made) -> Task<'static, Result<Started, Fallback>> {
        self.shared.clone().start(made)
    }

    /// What was committed last cannot be taken back.
    pub fn settle(&self) {
        self.shared.lock().table.settle();
    }

    /// Flips all slots of a change at once, and lets go of generations that have nothing left. Goes on when this is
    /// dropped: home and this table must not differ.
    pub async fn commit(&self, started: Vec<Started>, change: Change) -> Result<Turn, Fallback> {
        let shared = self.shared.clone();
        tokio::spawn(async move { shared.commit(started, change).await })
            .await
            .unwrap_or_else(|error| Err(fallback("engine", "", error.to_string())))
    }

    /// For whoever asks from outside of the engine.
    pub fn looker(&self) -> Looker {
        Looker {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// Ends every worker and sees it gone.
    pub async fn end_all(&self) {
        let workers = {
            let mut state = self.shared.lock();
            state.run += 1;
            state.table = Table::default();
            state.failures.clear();
            std::mem::take(&mut state.workers)
        };
        for mut worker in workers.into_values() {
            worker.link.close("the app has ended");
            drop(worker.end.take());
            // An error means that its watcher is gone, and with it the process.
            let _ = worker.gone.wait_for(|gone| *gone).await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, news: WorkerNews) {
        // The session may be ending too.
        let _ = self.news.send(news);
    }

    async fn commit(
        self: &Arc<Self>,
        mut started: Vec<Started>,
        change: Change,
    ) -> Result<Turn, Fallback> {
        let _one = self.turning.lock().await;
        let (id, turn, told, superseded) = {
            let mut state = self.lock();
            let mut after = Table::clone(&state.table);
            let turn = match &change {
                Change::Forward(turn) => {
                    after.turn(turn);
                    turn.clone()
                }
                Change::Back => {
                    let Some(turn) = state.table.undo() else {
                        return Err(fallback("undo", "", "there is nothing to take back"));
                    };
                    after.turn_back(&turn);
                    turn
                }
                Change::Again(generation) => {
                    let turn = Turn {
                        moves: state.table.lost_with(*generation),
                        ..Turn::default()
                    };
                    after.turn_again(&turn);
                    turn
                }
            };
            if let Some(place) = turn
                .moves
                .iter()
                .find(|place| !state.lives(place.generation))
            {
                let text = format!("the worker of generation {} has ended", place.generation);
                return Err(fallback("worker", &place.hosted.id, text));
            }
            let told = turn.told(|generation| state.is_baseline(generation));
            state.commits += 1;
            let starting =
                |generation: &Generation| started.iter().any(|one| one.generation() == *generation);
            let superseded = state
                .workers
                .iter()
                .filter(|(generation, worker)| worker.committed && !starting(generation))
                .map(|(generation, _)| *generation)
                .filter(|generation| !after.serves(*generation))
                .collect::<Vec<_>>();
            (state.commits, turn, told, superseded)
        };
        self.control.commit(id, &told, &turn.reverted, &superseded);
        let outcome =
            tokio::time::timeout(PATIENCE, self.control.wait(Awaited::Committed(id))).await;
        match outcome {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(refused))) => {
                return Err(fallback(&refused.code, &refused.subject, refused.message));
            }
            _ => return Err(fallback("worker", "", "the program does not answer")),
        }
        {
            let mut state = self.lock();
            match &change {
                Change::Forward(_) => state.table.turn(&turn),
                Change::Back => state.table.turn_back(&turn),
                Change::Again(_) => state.table.turn_again(&turn),
            }
            for one in &mut started {
                one.keep();
                if let Some(worker) = state.workers.get_mut(&one.generation()) {
                    worker.committed = true;
                    worker.since = Instant::now();
                    if let Some(ending) = worker.ended.take() {
                        // While home was told: from now on it is one that has served.
                        tokio::spawn(self.clone().ended_later(one.generation(), ending));
                    }
                }
            }
        }
        self.begun.notify_one();
        self.limit_draining(&superseded);
        self.tell_what_drains_for_long();
        Ok(turn)
    }
}
