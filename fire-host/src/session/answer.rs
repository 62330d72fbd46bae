//! Answers one batch: works out what it leads to, then carries it out.

mod build;
mod graph;
mod start;
mod swap;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::around::{Routed, route, shell};
use super::outlet::Outlet;
use super::{Pending, Reading, Settings, reason};
use crate::build::shown;
use crate::clock::whole_ms;
use crate::event::{Event, Level};
use crate::graph::Graph;
use crate::rebuild::Builder;
use crate::supervise::resident_kb;
use crate::supervise::{App, Guard};
use crate::swap::{
    Degraded, Desk, Diagnostic, Opener, Reason, Stage, Status, Swapper, Verdict, WorkerNews,
};
use crate::watch::{self, Batch, Scope};
use graph::Slot;

/// How long a save that is under way takes to become the next batch, at most.
const ANOTHER_SAVE: Duration = Duration::from_millis(300);

/// What a batch leads to, found out but not yet told.
pub enum Finding {
    /// The app goes on; these events are true now.
    Done(Vec<Event>),
    /// The new source does not run.
    Failed(Stage, Vec<Diagnostic>),
    /// A new binary, to be started in place of the old one.
    Start(Start),
}

/// A new binary.
pub struct Start {
    binary: PathBuf,
    reasons: Vec<Reason>,
    instrumented: bool,
    stages: BTreeMap<String, u64>,
}

/// Everything of a session but what interrupts it.
pub struct Answerer {
    pub(super) settings: Settings,
    opener: Option<Opener>,
    swapper: Option<Box<dyn Swapper>>,
    /// Of the running app, after `fire.toml` has asked for another: the app ends with it.
    retired: Option<Box<dyn Swapper>>,
    news: UnboundedSender<WorkerNews>,
    /// Where the engine that serves is asked how things are.
    desk: Arc<Mutex<Option<Desk>>>,
    guard: Guard,
    outlet: Outlet,
    /// The first start is `ready`, the others are `restarted`.
    ever_started: bool,
    /// Whether swapping works in this run of the app.
    swappable: bool,
    /// Generation of the last swap of this run of the app.
    generation: Option<u64>,
    /// What the last answer failed at.
    owed: Option<Pending>,
    /// Process id of the app and how long it took to be ready, for whoever asks.
    runs: Arc<Mutex<(Option<u32>, u64)>>,
    /// What the last answer was about, for `e`.
    explanation: Vec<String>,
    /// Number of the last build: the running binary is never written over.
    build: u64,
    builder: Builder,
    /// What was written later is not in it.
    build_began: SystemTime,
    /// What the app is built from, once that is known.
    graph: Arc<Mutex<Slot>>,
    graphs: UnboundedSender<Reading>,
}

impl Answerer {
    pub fn new(
        settings: Settings,
        opener: Option<Opener>,
        guard: Guard,
        outlet: Outlet,
        graphs: UnboundedSender<Reading>,
    ) -> (Self, UnboundedReceiver<WorkerNews>) {
        let (news, told) = unbounded_channel();
        let builder = Builder::new(settings.project.own_state().join("rebuild"));
        let mut answerer = Self {
            settings,
            opener,
            swapper: None,
            retired: None,
            news,
            desk: Arc::default(),
            guard,
            outlet,
            ever_started: false,
            swappable: false,
            generation: None,
            owed: None,
            runs: Arc::default(),
            explanation: Vec::new(),
            build: 0,
            builder,
            build_began: SystemTime::now(),
            graph: Arc::default(),
            graphs,
        };
        answerer.open_swapper();
        (answerer, told)
    }

    /// Opens the engine that the settings ask for; one that served before serves the running app until that ends.
    pub(super) fn open_swapper(&mut self) {
        if self.retired.is_none() {
            self.retired = self.swapper.take();
        }
        self.swappable = false;
        self.swapper = match self.opener.map(|open| open(&self.settings.project)) {
            None => None,
            Some(Ok(mut swapper)) => {
                let (mut from, to) = (swapper.news(), self.news.clone());
                tokio::spawn(async move {
                    while let Some(news) = from.recv().await {
                        if to.send(news).is_err() {
                            return;
                        }
                    }
                });
                *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(swapper.desk());
                Some(swapper)
            }
            Some(Err(degraded)) => {
                tell_degraded(&self.outlet, degraded);
                None
            }
        };
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Nothing came of this work: the next answer covers it too, or what was saved with an error would be forgotten.
    pub fn owe(&mut self, work: Pending) {
        self.owed = Some(work);
    }

    /// Takes what is owed into the work.
    pub fn take_over_owed(&mut self, work: &mut Pending) {
        let Some(owed) = self.owed.take() else { return };
        work.files.extend(owed.files);
        work.files.sort();
        work.files.dedup();
        let config = &self.settings.around.config;
        if !work.reconfigure {
            work.files.retain(|file| file != config);
        }
        for reason in owed.must {
            if !work.must.contains(&reason) {
                work.must.push(reason);
            }
        }
    }

    /// Takes a batch into the work.
    pub fn add(&self, work: &mut Pending, batch: Batch) {
        work.add(batch, &self.settings.around.config);
    }

    /// What is to be watched: what the settings say, and what the program is known to be built from.
    pub fn watched(&self) -> (Scope, watch::Options) {
        let slot = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
        let scope = self.settings.scope.clone();
        let scope = match slot.watched.clone() {
            Some(graph) => scope.graph(graph),
            None => scope,
        };
        (scope, self.settings.watch.clone())
    }

    pub fn desk(&self) -> Desk {
        let app = self.settings.project.app.clone();
        let (runs, desk) = (self.runs.clone(), self.desk.clone());
        Arc::new(move || {
            let app = app.clone();
            let inner = desk.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (pid, ready_ms) = *runs.lock().unwrap_or_else(PoisonError::into_inner);
            Box::pin(async move {
                let mut status = match inner {
                    Some(inner) => inner().await,
                    None => Status::default(),
                };
                status.memory.host_kb = resident_kb(std::process::id());
                status.memory.home_kb = pid.map_or(0, resident_kb);
                Status {
                    app,
                    pid,
                    ready_ms,
                    ..status
                }
            })
        })
    }

    fn runs(&self, pid: Option<u32>, ready_ms: u64) {
        *self.runs.lock().unwrap_or_else(PoisonError::into_inner) = (pid, ready_ms);
    }

    pub fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    pub fn tell_batch(&self, batch: &Batch) {
        let shown = batch
            .files
            .iter()
            .map(|file| self.settings.project.shown(file));
        self.outlet.event(Event::Batch {
            files: shown.collect(),
        });
    }

    pub fn explain(&self) {
        let text = if self.explanation.is_empty() {
            "nothing has been saved yet".to_owned()
        } else {
            self.explanation.join("\n")
        };
        self.outlet.note(Level::Warn, text, None);
    }

    /// Tells it. Gives when the app is to be started again, if it is before the next save.
    pub async fn app_has_exited(&mut self, code: i32, signal: Option<i32>) -> Option<Duration> {
        let serving = self.retired.as_mut().or(self.swapper.as_mut());
        let again = serving.and_then(|swapper| swapper.app_exited(code, signal));
        self.outlet.event(Event::AppExited {
            code,
            again_ms: again.map(whole_ms),
        });
        self.forget_app().await;
        again
    }

    async fn forget_app(&mut self) {
        self.swappable = false;
        self.generation = None;
        self.runs(None, 0);
        if let Some(mut swapper) = self.retired.take() {
            swapper.app_ended().await;
            swapper.close().await;
        }
        if let Some(swapper) = &mut self.swapper {
            swapper.app_ended().await;
        }
    }

    /// Ends everything.
    pub async fn close(&mut self, app: Option<App>) {
        if let Some(mut app) = app {
            app.stop(self.settings.stop).await;
        }
        for swapper in [&mut self.retired, &mut self.swapper].into_iter().flatten() {
            swapper.app_ended().await;
            swapper.close().await;
        }
        // The binaries are of no use to the next fire.
        let _ = std::fs::remove_dir_all(self.binaries());
        self.builder.close();
    }

    /// Finds out what the work leads to. May be dropped at any await: the next one covers it.
    pub async fn work_out(&mut self, work: &Pending, running: bool) -> Finding {
        let graph = if running {
            self.known_graph().await
        } else {
            None
        };
        let Routed {
            commands,
            mut must,
            config,
            rest,
        } = self.route(&work.files, graph.as_deref());
        for command in &commands {
            let text = format!("running `{command}`");
            self.outlet.note(Level::Detail, text, None);
            if let Err(diagnostic) = shell(command, &self.settings.project, &self.guard).await {
                return Finding::Failed(Stage::Build, vec![diagnostic]);
            }
        }
        must.splice(0..0, work.must.iter().cloned());
        if !must.is_empty() {
            return self.build(must).await;
        }
        if rest.is_empty() && (!commands.is_empty() || config) {
            let ran = (!commands.is_empty()).then(|| "on_change".to_owned());
            let codes = ran
                .into_iter()
                .chain(config.then(|| "config".to_owned()))
                .collect();
            return self.nothing(codes, work.since);
        }
        if !running {
            let why = if self.ever_started {
                "exited"
            } else {
                "started"
            };
            return self.build(vec![reason(why, "", "")]).await;
        }
        let verdict = match &mut self.swapper {
            Some(swapper) if self.swappable => swapper.judge(&rest).await,
            _ => match Self::without_effect(&rest, graph.as_deref()) {
                Some(codes) => return self.nothing(codes, work.since),
                None => return self.build(self.changed(&rest)).await,
            },
        };
        match verdict {
            Verdict::Nothing { codes } => self.nothing(codes, work.since),
            Verdict::Failed { stage, diagnostics } => {
                if written_since(&rest, work.since) {
                    tokio::time::sleep(ANOTHER_SAVE).await;
                }
                Finding::Failed(stage, diagnostics)
            }
            Verdict::Hot(hot) => self.swap(hot, work.since).await,
            Verdict::Reverted { functions } => self.revert(functions, work.since).await,
            Verdict::Restart { reasons } => self.build(reasons).await,
        }
    }

    fn route(&self, files: &[PathBuf], graph: Option<&Graph>) -> Routed {
        let Settings {
            around, project, ..
        } = &self.settings;
        route(files, around, graph, project)
    }

    fn nothing(&mut self, codes: Vec<String>, since: Instant) -> Finding {
        self.explanation = vec![format!("no effect on the program: {}", codes.join(", "))];
        Finding::Done(vec![Event::Nothing {
            codes,
            ms: whole_ms(since.elapsed()),
        }])
    }

    /// Codes, if none of the files is part of the program.
    fn without_effect(files: &[PathBuf], graph: Option<&Graph>) -> Option<Vec<String>> {
        let elsewhere = |file: &Path| {
            let directory = file.parent()?;
            let graph = graph?;
            let go = file.extension().is_some_and(|ending| ending == "go");
            (go && !graph.directories.contains(directory)).then(|| "elsewhere".to_owned())
        };
        let code = |file: &PathBuf| {
            let name = file.file_name()?.to_str()?;
            if name.ends_with("_test.go") {
                return Some("test".to_owned());
            }
            elsewhere(file)
        };
        let mut codes = files.iter().map(code).collect::<Option<Vec<_>>>()?;
        codes.sort();
        codes.dedup();
        (!codes.is_empty()).then_some(codes)
    }

    /// Why a plain live-reloader restarts.
    fn changed(&self, files: &[PathBuf]) -> Vec<Reason> {
        files
            .iter()
            .map(|file| reason("changed", &self.settings.project.shown(file), ""))
            .collect()
    }

    /// Carries it out and tells. Only quitting may drop this.
    pub async fn carry_out(&mut self, finding: Finding, since: Instant, app: &mut Option<App>) {
        match finding {
            Finding::Done(events) => {
                let swapped = events.iter().find_map(|event| match event {
                    Event::Swapped { functions, .. } => Some(functions.clone()),
                    _ => None,
                });
                for event in events {
                    self.outlet.event(event);
                }
                self.tell_called_once(&swapped.unwrap_or_default()).await;
            }
            Finding::Failed(stage, diagnostics) => {
                self.fail(stage, diagnostics, since, app.is_some());
            }
            Finding::Start(start) => self.replace(start, since, app).await,
        }
    }

    fn fail(&mut self, stage: Stage, diagnostics: Vec<Diagnostic>, since: Instant, running: bool) {
        self.explanation = diagnostics.iter().map(shown).collect();
        self.outlet.event(Event::Failed {
            stage,
            diagnostics,
            running,
            generation: self.generation,
            ms: whole_ms(since.elapsed()),
        });
    }
}

fn tell_degraded(outlet: &Outlet, degraded: Degraded) {
    let text = format!("every change restarts the app: {}", degraded.message);
    outlet.note(Level::Warn, text, degraded.hint);
}

/// Whether one of the files is being written again: what was read of it may be half of it, and the next batch, which
/// ends the answering of this one, is on its way.
fn written_since(files: &[PathBuf], noticed: Instant) -> bool {
    let Some(noticed) = SystemTime::now().checked_sub(noticed.elapsed()) else {
        return false;
    };
    let modified = |file: &PathBuf| file.metadata().and_then(|meta| meta.modified());
    files
        .iter()
        .any(|file| modified(file).is_ok_and(|modified| modified > noticed))
}

/// `struct store.Item: field Tags added`.
fn explained(reason: &Reason) -> String {
    let mut text = reason.code.clone();
    if !reason.subject.is_empty() {
        text.push(' ');
        text.push_str(&reason.subject);
    }
    if !reason.detail.is_empty() {
        text.push_str(": ");
        text.push_str(&reason.detail);
    }
    text
}
