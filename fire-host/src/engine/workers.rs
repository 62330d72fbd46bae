//! The workers of one app: started, committed to, drained and ended here.
//!
//! | a worker is | until | then |
//! | --- | --- | --- |
//! | starting | it has attached and home has linked it | serving |
//! | serving | every function of it has gone elsewhere | superseded |
//! | superseded | home says that it has drained | ended |
//! | ended by itself | | its functions go back to the baseline, and the user is told |

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use fire_plugin_api::policy::{Ending, Process, Response};
use fire_plugin_api::transport::{Link, LinkRequest, Side};
use fire_plugin_api::{RestartPolicy, Transport};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use super::{PATIENCE, fallback};
use crate::control::{Awaited, Control, Generation, Move, Notice};
use crate::swap::{Fallback, WorkerAction, WorkerExited};

/// A worker that is built and not started.
#[derive(Debug)]
pub struct Made {
    pub generation: Generation,
    pub functions: Vec<String>,
    /// Functions of the user that these run without asking home: they have the source of this moment.
    pub contains: Vec<String>,
    /// It is the source of the running program.
    pub baseline: bool,
    pub binary: PathBuf,
}

struct Worker {
    pid: u32,
    functions: BTreeSet<String>,
    contains: Vec<String>,
    link: Box<dyn Link>,
    /// Dropping it ends the process.
    end: Option<oneshot::Sender<()>>,
    gone: tokio::sync::watch::Receiver<bool>,
}

#[derive(Default)]
struct Table {
    workers: BTreeMap<Generation, Worker>,
    /// Function → the generation that its calls go to.
    moved: BTreeMap<String, Generation>,
    commits: u64,
    /// Generations that have no function any more, oldest first.
    superseded: Vec<Generation>,
}

/// All workers of one app.
pub struct Workers {
    control: Control,
    table: Arc<Mutex<Table>>,
    generations: Generation,
    policy: Arc<dyn RestartPolicy>,
    endings: UnboundedSender<WorkerExited>,
}

fn lock(table: &Mutex<Table>) -> std::sync::MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Workers {
    pub fn new(
        control: Control,
        mut notices: UnboundedReceiver<Notice>,
        policy: Arc<dyn RestartPolicy>,
        endings: UnboundedSender<WorkerExited>,
    ) -> Self {
        let table = Arc::new(Mutex::new(Table::default()));
        let (shared, line) = (table.clone(), control.clone());
        tokio::spawn(async move {
            while let Some(Notice::Drained(generation)) = notices.recv().await {
                let worker = lock(&shared).workers.remove(&generation);
                if let Some(worker) = worker {
                    line.close(generation, "it has been superseded");
                    worker.link.close("superseded");
                    drop(worker.end);
                }
            }
        });
        Self {
            control,
            table,
            generations: 0,
            policy,
            endings,
        }
    }

    pub fn next_generation(&mut self) -> Generation {
        self.generations += 1;
        self.generations
    }

    /// Function → the generation that its calls go to.
    pub fn moved(&self) -> BTreeMap<String, Generation> {
        lock(&self.table).moved.clone()
    }

    /// The moved functions whose workers hold the bodies of some functions besides their own.
    pub fn containing(&self, changed: &BTreeSet<String>) -> BTreeSet<String> {
        let table = lock(&self.table);
        let stale = |generation: &Generation| {
            table
                .workers
                .get(generation)
                .is_some_and(|worker| worker.contains.iter().any(|id| changed.contains(id)))
        };
        table
            .moved
            .iter()
            .filter(|(_, generation)| stale(generation))
            .map(|(id, _)| id.clone())
            .collect()
    }

    pub fn pid(&self, generation: Generation) -> Option<u32> {
        lock(&self.table)
            .workers
            .get(&generation)
            .map(|worker| worker.pid)
    }

    /// Starts a worker and has home link it. Nothing is committed yet.
    pub async fn start(
        &mut self,
        made: Made,
        transport: &dyn Transport,
        directory: &Path,
    ) -> Result<Move, Fallback> {
        let generation = made.generation;
        let subject = made.functions.join(", ");
        let failed = |what: &str| fallback("worker", &subject, what);
        let own = directory.join(format!("link-{generation}"));
        make_private(&own).map_err(|error| failed(&error.to_string()))?;
        let link = transport
            .create(&LinkRequest {
                generation,
                directory: own,
            })
            .map_err(|error| {
                let cure = error.hint.map(|hint| format!("; {hint}"));
                let detail = error.message + cure.as_deref().unwrap_or_default();
                fallback("transport", &subject, detail)
            })?;
        let mut child = Command::new(&made.binary)
            .env("FIRE_CONTROL", self.control.path())
            .env("FIRE_LINK", link.descriptor(Side::Worker))
            .env("FIRE_GENERATION", generation.to_string())
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error.to_string()))?;
        let pid = child.id().unwrap_or(0);
        let (end, mut told_to_end) = oneshot::channel::<()>();
        let (gone_sender, gone) = tokio::sync::watch::channel(false);
        let home_descriptor = link.descriptor(Side::Home);
        lock(&self.table).workers.insert(
            generation,
            Worker {
                pid,
                functions: made.functions.iter().cloned().collect(),
                contains: made.contains,
                link,
                end: Some(end),
                gone: gone.clone(),
            },
        );
        let watch = Watch {
            generation,
            control: self.control.clone(),
            table: self.table.clone(),
            policy: self.policy.clone(),
            endings: self.endings.clone(),
        };
        let binary = made.binary.clone();
        tokio::spawn(async move {
            let status = tokio::select! {
                status = child.wait() => Some(status),
                _ = &mut told_to_end => None,
            };
            match status {
                Some(Ok(status)) => watch.ended(ending(status)),
                Some(Err(_)) => {}
                None => {
                    // It may have ended in the meantime.
                    let _ = child.kill().await;
                }
            }
            let _ = std::fs::remove_file(binary);
            gone_sender.send_replace(true);
        });
        let linked = async {
            self.await_or_gone(Awaited::Attached(generation), gone.clone())
                .await?;
            self.control.link(generation, &home_descriptor);
            self.await_or_gone(Awaited::Linked(generation), gone.clone())
                .await
        };
        let outcome = tokio::time::timeout(PATIENCE, linked)
            .await
            .unwrap_or_else(|_| Err(failed("it has not attached in time")));
        if let Err(error) = outcome {
            self.discard(generation);
            return Err(error);
        }
        if let Some(worker) = lock(&self.table).workers.get(&generation)
            && let Err(error) = worker.link.attached()
        {
            tracing::debug!(%error, "a link's names could not be removed");
        }
        Ok(Move {
            generation,
            functions: made.functions,
            baseline: made.baseline,
        })
    }

    async fn await_or_gone(
        &self,
        what: Awaited,
        mut gone: tokio::sync::watch::Receiver<bool>,
    ) -> Result<(), Fallback> {
        tokio::select! {
            outcome = self.control.wait(what) => match outcome {
                Some(Ok(())) => Ok(()),
                Some(Err(refused)) => Err(fallback(&refused.code, &refused.subject, refused.message)),
                None => Err(fallback("worker", "", "the program has ended")),
            },
            _ = gone.wait_for(|gone| *gone) => Err(fallback("worker", "", "the worker ended at its start")),
        }
    }

    /// Process ids of all workers.
    pub fn pids(&self) -> Vec<u32> {
        lock(&self.table)
            .workers
            .values()
            .map(|worker| worker.pid)
            .collect()
    }

    /// New calls of some functions run natively again; their workers stay for the calls that are under way.
    pub async fn send_home(&self, functions: &[String]) {
        let id = {
            let mut table = lock(&self.table);
            for function in functions {
                table.moved.remove(function);
            }
            table.commits += 1;
            table.commits
        };
        self.control.commit(id, &[], functions, &[]);
        // A program that does not answer is ended by whoever watches it.
        let _ = tokio::time::timeout(PATIENCE, self.control.wait(Awaited::Committed(id))).await;
    }

    /// Ends workers to which nothing was committed.
    pub fn discard_all(&self, moves: &[Move]) {
        for one in moves {
            self.control.close(one.generation, "it is not needed");
            self.discard(one.generation);
        }
    }

    fn discard(&self, generation: Generation) {
        let worker = lock(&self.table).workers.remove(&generation);
        if let Some(worker) = worker {
            worker.link.close("discarded");
        }
    }

    /// Flips all slots of a batch at once, and lets go of generations that have nothing left.
    pub async fn commit(&mut self, moves: &[Move], reverted: &[String]) -> Result<(), Fallback> {
        let (id, superseded) = {
            let mut table = lock(&self.table);
            table.commits += 1;
            let id = table.commits;
            let going: BTreeSet<&String> = moves
                .iter()
                .flat_map(|one| &one.functions)
                .chain(reverted)
                .collect();
            let mut left: BTreeSet<Generation> = table.workers.keys().copied().collect();
            for (function, generation) in &table.moved {
                if !going.contains(function) {
                    left.remove(generation);
                }
            }
            for one in moves {
                left.remove(&one.generation);
            }
            (id, left.into_iter().collect::<Vec<_>>())
        };
        self.control.commit(id, moves, reverted, &superseded);
        let outcome =
            tokio::time::timeout(PATIENCE, self.control.wait(Awaited::Committed(id))).await;
        match outcome {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(refused))) => {
                for one in moves {
                    self.discard(one.generation);
                }
                return Err(fallback(&refused.code, &refused.subject, refused.message));
            }
            _ => return Err(fallback("worker", "", "the program does not answer")),
        }
        {
            let mut table = lock(&self.table);
            for function in reverted {
                table.moved.remove(function);
            }
            for one in moves {
                for function in &one.functions {
                    table.moved.insert(function.clone(), one.generation);
                }
            }
        }
        self.limit_draining(&superseded);
        Ok(())
    }

    /// Ends what drains for too long, or with too many others.
    fn limit_draining(&self, superseded: &[Generation]) {
        let limits = self.policy.drain_limits();
        let excess: Vec<Generation> = {
            let mut table = lock(&self.table);
            for generation in superseded {
                if !table.superseded.contains(generation) {
                    table.superseded.push(*generation);
                }
            }
            let Table {
                workers,
                superseded,
                ..
            } = &mut *table;
            superseded.retain(|generation| workers.contains_key(generation));
            let over = superseded.len().saturating_sub(limits.generations as usize);
            superseded.drain(..over).collect()
        };
        for generation in excess {
            self.drainer()
                .end(generation, "too many older generations were draining");
        }
        if let Some(after) = limits.after_ms {
            for generation in superseded.iter().copied() {
                let drainer = self.drainer();
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(after)).await;
                    drainer.end(
                        generation,
                        &format!("still busy {after} ms after it was superseded"),
                    );
                });
            }
        }
    }

    fn drainer(&self) -> Drainer {
        Drainer {
            control: self.control.clone(),
            table: self.table.clone(),
            endings: self.endings.clone(),
        }
    }

    /// Ends every worker and sees it gone.
    pub async fn end_all(&mut self) {
        let workers: Vec<Worker> = {
            let mut table = lock(&self.table);
            table.moved.clear();
            std::mem::take(&mut table.workers).into_values().collect()
        };
        for mut worker in workers {
            worker.link.close("the app has ended");
            drop(worker.end.take());
            // An error means that its watcher is gone, and with it the process.
            let _ = worker.gone.wait_for(|gone| *gone).await;
        }
    }
}

/// What it takes to end a superseded worker.
struct Drainer {
    control: Control,
    table: Arc<Mutex<Table>>,
    endings: UnboundedSender<WorkerExited>,
}

impl Drainer {
    /// Its calls in flight end with a panic that says why, and the user is told.
    fn end(&self, generation: Generation, cause: &str) {
        let Some(worker) = lock(&self.table).workers.remove(&generation) else {
            return; // it has drained
        };
        self.control.close(generation, cause);
        worker.link.close(cause);
        // The session may be ending too.
        let _ = self.endings.send(WorkerExited {
            functions: worker.functions.iter().cloned().collect(),
            generation,
            cause: cause.to_owned(),
            action: WorkerAction::LeftEnded,
        });
    }
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(directory)
}

fn ending(status: std::process::ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, Some(signal)) => Ending::Signalled(signal),
        (None, None) => Ending::Exited(-1),
    }
}

fn told(ending: &Ending) -> String {
    match ending {
        Ending::Exited(code) => format!("exit status {code}"),
        Ending::Signalled(signal) => format!("signal {signal}"),
        Ending::Hung(ms) => format!("hung for {ms} ms"),
        Ending::Faulted(what) => what.clone(),
    }
}

/// What a worker's watcher needs when it ends by itself.
struct Watch {
    generation: Generation,
    control: Control,
    table: Arc<Mutex<Table>>,
    policy: Arc<dyn RestartPolicy>,
    endings: UnboundedSender<WorkerExited>,
}

impl Watch {
    /// Its functions go back to what is compiled in; calls in flight end with a panic that says why.
    fn ended(&self, ending: Ending) {
        let cause = told(&ending);
        let (worker, functions, commit) = {
            let mut table = lock(&self.table);
            let Some(worker) = table.workers.remove(&self.generation) else {
                return; // fire ended it
            };
            let functions: Vec<String> = table
                .moved
                .iter()
                .filter(|(_, generation)| **generation == self.generation)
                .map(|(function, _)| function.clone())
                .collect();
            for function in &functions {
                table.moved.remove(function);
            }
            table.commits += 1;
            (worker, functions, table.commits)
        };
        if !functions.is_empty() {
            self.control.commit(commit, &[], &functions, &[]);
        }
        self.control.close(self.generation, &cause);
        worker.link.close(&cause);
        let hosted: Vec<String> = worker.functions.iter().cloned().collect();
        let process = Process::Worker {
            generation: self.generation,
            functions: hosted.clone(),
            failures: 1,
        };
        let action = match self.policy.on_ending(&process, &ending) {
            Ok(Response::Restart) => WorkerAction::Restart,
            _ => WorkerAction::RolledBack,
        };
        // The session may be ending too.
        let _ = self.endings.send(WorkerExited {
            functions: hosted,
            generation: self.generation,
            cause,
            action,
        });
    }
}
