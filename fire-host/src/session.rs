//! The only event loop: one app, watched, built, run, swapped, restarted. It dispatches and decides
//! nothing: what a save leads to is the [`Swapper`]'s verdict (or, without one, always a restart).
//!
//! Theory of operation. Work is answered in two halves. `work_out` (judge, build, or swap) may be dropped at any
//! await: a newer save or a command does that, and the next answer covers the files of both. What it
//! finds is a [`Finding`]; `carry_out` (stop the old app, start the new one) is only interrupted by
//! quitting, so the app is never left stopped for a save that came in between: such saves wait in the
//! watch's queue. Nothing is told before it is true.
//!
//! | the app | a save leads to |
//! | --- | --- |
//! | never started | build, start, `ready` |
//! | running | the verdict |
//! | exited by itself | build, start, `restarted` with the code `exited` |

mod answer;
mod around;
mod inputs;
mod outlet;
mod reload;

use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::clock::Clock;
use crate::event::{Event, Level, Told};
use crate::project::Project;
use crate::supervise::{Guard, Launch, Met, Stop};
use crate::swap::{Desk, Opener, Reason, Stage, Undone, WorkerAction, WorkerExited, WorkerNews};
use crate::watch::{self, Batch, Scope, Watch};

use answer::{Answerer, Finding};
use inputs::{Inputs, Interruption, Reading, tell_polling};
use outlet::Outlet;
use reload::Reconfigured;

pub use around::{Around, Environment, Rule};
pub use reload::Origin;

/// Everything that a session needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What they were settled from.
    pub origin: Origin,
    /// What to build, with which Go.
    pub project: Project,
    /// How to start it.
    pub launch: Launch,
    /// How to stop it.
    pub stop: Stop,
    /// What to watch.
    pub scope: Scope,
    /// How to watch it.
    pub watch: watch::Options,
    /// What is done besides Go.
    pub around: Around,
}

/// What can be asked of a running session.
#[derive(Debug, Clone)]
pub enum Command {
    /// Build anew and restart, whatever has changed.
    Restart,
    /// Tell more about the last answer.
    Explain,
    /// Put the generation before the last swap back, and say how that went.
    Undo(Option<UnboundedSender<Result<Undone, String>>>),
    /// Stop the app and end.
    Quit,
}

/// The way to ask. Dropping every handle does not end the session.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: UnboundedSender<Command>,
}

impl Handle {
    /// Asks; a session that has ended does not mind.
    pub fn ask(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was asked to quit.
    Asked,
    /// Ctrl-C was typed while the app had the terminal.
    Interrupted,
    /// The source cannot be watched any more.
    Blind,
}

/// One app of one project.
pub struct Session {
    answerer: Answerer,
    graphs: UnboundedReceiver<Reading>,
    news: UnboundedReceiver<WorkerNews>,
    commands: UnboundedReceiver<Command>,
    /// Keeps `commands` open.
    handle: Handle,
}

/// What waits for an answer: files, a wish, or both.
#[derive(Debug)]
struct Pending {
    files: Vec<PathBuf>,
    /// Why the app must be restarted whatever the files say.
    must: Vec<Reason>,
    /// `fire.toml` is among the files and has not been read since.
    reconfigure: bool,
    /// From when the time of the answer counts.
    since: Instant,
}

impl Pending {
    fn new(since: Instant) -> Self {
        Self {
            files: Vec::new(),
            must: Vec::new(),
            reconfigure: false,
            since,
        }
    }

    fn add(&mut self, batch: Batch, config: &Path) {
        self.reconfigure |= batch.files.iter().any(|file| file == config);
        self.files.extend(batch.files);
        self.files.sort();
        self.files.dedup();
        self.since = batch.noticed;
    }
}

/// What to do next.
enum Next {
    Quit(End),
    Wait,
    Answer(Pending),
}

impl Session {
    /// A session that sends what it tells to `told`. Without an opener it is a plain live-reloader.
    pub fn open(
        settings: Settings,
        opener: Option<Opener>,
        guard: Guard,
        clock: Clock,
        told: UnboundedSender<Told>,
    ) -> (Self, Handle) {
        let outlet = Outlet::new(settings.project.app.clone(), clock, told);
        let (sender, commands) = unbounded_channel();
        let handle = Handle { commands: sender };
        let (graph_sender, graphs) = unbounded_channel();
        let (answerer, news) = Answerer::new(settings, opener, guard, outlet, graph_sender);
        let session = Self {
            answerer,
            graphs,
            news,
            commands,
            handle: handle.clone(),
        };
        (session, handle)
    }

    /// Where to ask how things are, at any time.
    pub fn desk(&self) -> Desk {
        self.answerer.desk()
    }

    /// Runs until it is asked to quit. Nothing of it is left when this returns.
    pub async fn run(self) -> End {
        let Self {
            mut answerer,
            graphs,
            news,
            commands,
            handle: _handle,
        } = self;
        let outlet = answerer.outlet().clone();
        let scope = answerer.settings().scope.clone();
        let end = match arm(answerer.watched()).await {
            Ok(watch) => {
                let mut inputs = Inputs {
                    graphs,
                    scope,
                    commands,
                    news,
                    watch,
                    app: None,
                    again_at: None,
                    outlet: outlet.clone(),
                };
                let end = answer_all(&mut answerer, &mut inputs).await;
                answerer.close(inputs.app).await;
                end
            }
            Err(error) => {
                outlet.note(Level::Warn, error, None);
                answerer.close(None).await;
                End::Blind
            }
        };
        outlet.event(Event::Stopped);
        end
    }
}

/// Begins to watch, on a thread that may block.
async fn arm((scope, options): (Scope, watch::Options)) -> Result<Watch, String> {
    tokio::task::spawn_blocking(move || Watch::arm(scope, options))
        .await
        .map_err(|error| format!("the watch failed: {error}"))
}

/// The loop. Returns to quit.
async fn answer_all(answerer: &mut Answerer, inputs: &mut Inputs) -> End {
    let mut next = Next::Answer(Pending {
        must: vec![reason("started", "", "")],
        ..Pending::new(Instant::now())
    });
    loop {
        next = match next {
            Next::Quit(end) => return end,
            Next::Wait => {
                let interruption = inputs.next().await;
                note(answerer, inputs, interruption, None).await
            }
            Next::Answer(work) => answer(answerer, inputs, work).await,
        };
    }
}

async fn answer(answerer: &mut Answerer, inputs: &mut Inputs, mut work: Pending) -> Next {
    // Everything that is known already belongs to this answer.
    while let Some(seen) = inputs.watch.try_next() {
        if let Some(batch) = tell_polling(seen, &inputs.outlet) {
            answerer.tell_batch(&batch);
            answerer.add(&mut work, batch);
        }
    }
    answerer.take_over_owed(&mut work);
    if work.reconfigure {
        // Before anything else: what is built, and watched, may be something else now.
        work.reconfigure = false;
        match answerer.reconfigure(&mut work).await {
            Reconfigured::AsBefore => {}
            Reconfigured::Watching => match arm(answerer.watched()).await {
                Ok(watch) => {
                    inputs.watch = watch;
                    inputs.scope = answerer.settings().scope.clone();
                }
                Err(error) => inputs.outlet.note(Level::Warn, error, None),
            },
            Reconfigured::Failed(diagnostic) => {
                let finding = Finding::Failed(Stage::Parse, vec![diagnostic]);
                let since = work.since;
                answerer.owe(work);
                answerer.carry_out(finding, since, &mut inputs.app).await;
                return Next::Wait;
            }
        }
    }
    inputs.again_at = None;
    let running = inputs.app.is_some();
    let found = tokio::select! {
        biased;
        interruption = inputs.next() => Err(interruption),
        finding = answerer.work_out(&work, running) => Ok(finding),
    };
    let finding = match found {
        Ok(finding) => finding,
        Err(interruption) => return note(answerer, inputs, interruption, Some(work)).await,
    };
    let mut explain = false;
    let mut undo = Vec::new();
    let since = work.since;
    if matches!(finding, Finding::Failed(..)) {
        answerer.owe(work);
    }
    {
        let carried = answerer.carry_out(finding, since, &mut inputs.app);
        tokio::pin!(carried);
        loop {
            tokio::select! {
                biased;
                Some(command) = inputs.commands.recv() => match command {
                    Command::Quit => return Next::Quit(End::Asked),
                    Command::Explain => explain = true,
                    Command::Undo(asker) => undo.push(asker),
                    // A restart asked for during a restart is that restart.
                    Command::Restart => {}
                },
                () = &mut carried => break,
            }
        }
    }
    if explain {
        answerer.explain();
    }
    for asker in undo {
        answerer.undo(asker).await;
    }
    Next::Wait
}

/// What happened, and what it means for the work at hand.
async fn note(
    answerer: &mut Answerer,
    inputs: &mut Inputs,
    interruption: Interruption,
    work: Option<Pending>,
) -> Next {
    let now = Instant::now();
    let waiting = |work: Option<Pending>| work.map_or(Next::Wait, Next::Answer);
    match interruption {
        Interruption::Blind => Next::Quit(End::Blind),
        Interruption::Command(Command::Quit) => Next::Quit(End::Asked),
        Interruption::Command(Command::Explain) => {
            answerer.explain();
            waiting(work)
        }
        Interruption::Command(Command::Undo(asker)) => {
            answerer.undo(asker).await;
            waiting(work)
        }
        Interruption::Command(Command::Restart) => {
            let mut work = work.unwrap_or_else(|| Pending::new(now));
            work.must.push(reason("asked", "", ""));
            work.since = now;
            Next::Answer(work)
        }
        Interruption::Batch(batch) => {
            answerer.tell_batch(&batch);
            let mut work = work.unwrap_or_else(|| Pending::new(batch.noticed));
            answerer.add(&mut work, batch);
            Next::Answer(work)
        }
        Interruption::App(Met::Interrupt) => Next::Quit(End::Interrupted),
        Interruption::App(Met::Exit(code)) => {
            let signal = inputs.app.take().and_then(|app| app.signal());
            let again = answerer.app_has_exited(code, signal).await;
            inputs.again_at = again.map(|after| now + after);
            waiting(work)
        }
        Interruption::Again => {
            let mut work = work.unwrap_or_else(|| Pending::new(now));
            work.must.push(reason("exited", "", ""));
            Next::Answer(work)
        }
        Interruption::Worker(news) => match told(news, &inputs.outlet) {
            None => waiting(work),
            Some(must) => {
                let mut work = work.unwrap_or_else(|| Pending::new(now));
                work.must.push(must);
                Next::Answer(work)
            }
        },
    }
}

/// Tells what happens to a worker. A reason: the app must be restarted.
fn told(news: WorkerNews, outlet: &Outlet) -> Option<Reason> {
    match news {
        WorkerNews::Exited(WorkerExited {
            functions,
            generation,
            cause,
            action,
        }) => {
            let must = (action == WorkerAction::Restart)
                .then(|| reason("worker-exited", &functions.join(", "), &cause));
            outlet.event(Event::WorkerExited {
                functions,
                generation,
                cause,
                action,
            });
            must
        }
        WorkerNews::Draining(one) => {
            outlet.event(Event::Draining {
                functions: one.functions,
                generation: one.generation,
                worker_pid: one.worker_pid,
                calls: one.calls,
                goroutines: one.goroutines,
                closures: one.closures,
            });
            None
        }
        WorkerNews::Drained(generation) => {
            outlet.event(Event::Drained { generation });
            None
        }
    }
}

fn reason(code: &str, subject: &str, detail: &str) -> Reason {
    Reason {
        code: code.into(),
        subject: subject.into(),
        detail: detail.into(),
    }
}
