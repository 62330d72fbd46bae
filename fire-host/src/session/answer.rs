//! Answers one batch: works out what it leads to, then carries it out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::around::{Routed, route, shell};
use super::outlet::Outlet;
use super::{Pending, Reading, Settings, reason};
use crate::build::{BuildError, build, shown, unplaced};
use crate::clock::whole_ms;
use crate::event::{Event, Level};
use crate::graph::{self, Graph};
use crate::rebuild::{Builder, Changed};
use crate::supervise::resident_kb;
use crate::supervise::{App, Guard};
use crate::swap::{
    Degraded, Desk, Diagnostic, Fallback, HomeBuild, Hot, Opener, PrepareError, Reason, Stage,
    Status, Swapped, Swapper, Undone, Verdict, WorkerNews,
};
use crate::watch::{self, Batch, Scope};

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

/// The package graph, as far as it is known.
#[derive(Debug, Default)]
struct Slot {
    /// Of the running program.
    graph: Option<Arc<Graph>>,
    /// The last one that the watch was told.
    watched: Option<Arc<Graph>>,
    /// Of the last reading begun: an older one that ends later is void.
    number: u64,
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

    /// The graph of the running program, read here and now if the reading is still under way.
    async fn known_graph(&mut self) -> Option<Arc<Graph>> {
        let known = {
            let slot = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
            slot.graph.clone()
        };
        match known {
            Some(graph) => Some(graph),
            None => graph::read(&self.settings.project, &self.guard)
                .await
                .map(Arc::new),
        }
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

    /// Reads the package graph again, beside everything else. Until it is read there is none: the old
    /// one knows nothing of what the new program has come to use.
    fn reread_graph(&self) {
        let (slot, graphs) = (self.graph.clone(), self.graphs.clone());
        let (project, guard) = (self.settings.project.clone(), self.guard.clone());
        let since = self.build_began;
        let number = {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            slot.graph = None;
            slot.number += 1;
            slot.number
        };
        tokio::spawn(async move {
            let Some(graph) = graph::read(&project, &guard).await.map(Arc::new) else {
                return;
            };
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.number != number {
                return;
            }
            slot.graph = Some(graph.clone());
            if slot.watched.as_ref() != Some(&graph) {
                slot.watched = Some(graph.clone());
                // A session that has ended does not mind.
                let _ = graphs.send(Reading { graph, since });
            }
        });
    }

    /// Why a plain live-reloader restarts.
    fn changed(&self, files: &[PathBuf]) -> Vec<Reason> {
        files
            .iter()
            .map(|file| reason("changed", &self.settings.project.shown(file), ""))
            .collect()
    }

    async fn swap(&mut self, hot: Hot, since: Instant) -> Finding {
        let Some(swapper) = &mut self.swapper else {
            return self.build(Vec::new()).await;
        };
        self.explanation = hot.edits.iter().map(explained).collect();
        let reverted = hot.reverted.clone();
        match swapper.swap(hot).await {
            Ok(Swapped {
                functions,
                generation,
                worker_pid,
                stages,
            }) => {
                self.generation = Some(generation);
                let ms = whole_ms(since.elapsed());
                let mut events = vec![Event::Swapped {
                    functions,
                    generation,
                    worker_pid,
                    ms,
                    stages,
                }];
                if !reverted.is_empty() {
                    events.push(Event::Reverted {
                        functions: reverted,
                        ms,
                    });
                }
                Finding::Done(events)
            }
            Err(fallback) => self.build(fallback.reasons).await,
        }
    }

    async fn revert(&mut self, functions: Vec<String>, since: Instant) -> Finding {
        let Some(swapper) = &mut self.swapper else {
            return self.build(Vec::new()).await;
        };
        match swapper.revert(&functions).await {
            Ok(()) => {
                self.explanation = vec!["the source is as compiled in again".into()];
                Finding::Done(vec![Event::Reverted {
                    functions,
                    ms: whole_ms(since.elapsed()),
                }])
            }
            Err(fallback) => self.build(fallback.reasons).await,
        }
    }

    /// Takes the last swap back.
    pub async fn undo(&mut self, asker: Option<UnboundedSender<Result<Undone, String>>>) {
        let since = Instant::now();
        let outcome = match &mut self.swapper {
            Some(swapper) if self.swappable => swapper.undo().await,
            _ => Err(Fallback {
                reasons: vec![reason("undo", "", "nothing can be swapped in this run")],
            }),
        };
        let outcome = outcome.map_err(|fallback| {
            let details = fallback.reasons.iter().map(|reason| reason.detail.clone());
            details.collect::<Vec<_>>().join("; ")
        });
        match &outcome {
            Ok(undone) => {
                self.explanation = vec!["the last swap was taken back".into()];
                self.tell_undone(undone, since);
            }
            Err(text) => self
                .outlet
                .note(Level::Warn, format!("not undone: {text}"), None),
        }
        // Whoever asked may have gone.
        let _ = asker.map(|asker| asker.send(outcome));
    }

    fn tell_undone(&mut self, undone: &Undone, since: Instant) {
        let ms = whole_ms(since.elapsed());
        self.generation = undone.moved.keys().next_back().copied();
        for (generation, (functions, worker_pid)) in &undone.moved {
            self.outlet.event(Event::Swapped {
                functions: functions.clone(),
                generation: *generation,
                worker_pid: *worker_pid,
                ms,
                stages: std::collections::BTreeMap::from([("commit".to_owned(), ms)]),
            });
        }
        if !undone.reverted.is_empty() {
            self.outlet.event(Event::Reverted {
                functions: undone.reverted.clone(),
                ms,
            });
        }
    }

    /// Builds the app as it is now.
    async fn build(&mut self, reasons: Vec<Reason>) -> Finding {
        self.explanation = reasons.iter().map(explained).collect();
        if self.build == 0 {
            // A first build may take minutes: libraries are compiled too.
            let project = &self.settings.project;
            let text = format!(
                "building {} with {}",
                program_name(project),
                project.toolchain.version
            );
            self.outlet.note(Level::Say, text, None);
        }
        for command in &self.settings.around.before {
            if let Err(diagnostic) = shell(command, &self.settings.project, &self.guard).await {
                return Finding::Failed(Stage::Build, vec![diagnostic]);
            }
        }
        let changed = if !reasons.is_empty() && reasons.iter().all(is_of_source) {
            Changed::Source
        } else {
            Changed::Anything
        };
        self.builder.settle(changed).await;
        let (mut degraded, mut stage) = (None, Stage::Build);
        let mut stages = BTreeMap::new();
        let begun = Instant::now();
        let prepared = match &mut self.swapper {
            None => None,
            Some(swapper) => match swapper.prepare_home().await {
                Ok(home) => {
                    for directory in swapper.leftovers() {
                        self.guard.sweep(&directory);
                    }
                    Some(home)
                }
                Err(PrepareError::Source {
                    diagnostics,
                    stage: at,
                }) => {
                    stage = at;
                    // The compiler has the last word, and its own wording.
                    let first = diagnostics.first().map(shown).unwrap_or_default();
                    degraded = Some(Degraded {
                        message: format!("fire sees an error where Go sees none: {first}"),
                        hint: None,
                    });
                    None
                }
                Err(PrepareError::Engine(error)) => {
                    degraded = Some(error);
                    None
                }
            },
        };
        stages.insert("instrument".to_owned(), whole_ms(begun.elapsed()));
        // A margin for file systems whose clock is behind.
        self.build_began = SystemTime::now() - Duration::from_millis(20);
        let binary = match self.next_binary() {
            Ok(binary) => binary,
            Err(error) => {
                let text = format!("{} cannot be written: {error}", self.binaries().display());
                return Finding::Failed(Stage::Build, vec![unplaced(text)]);
            }
        };
        let begun = Instant::now();
        match self.build_as(prepared, &binary, changed).await {
            Ok(instrumented) => {
                stages.insert("build".to_owned(), whole_ms(begun.elapsed()));
                // Of interest only in a program that builds.
                if let Some(degraded) = degraded {
                    tell_degraded(&self.outlet, degraded);
                }
                for command in &self.settings.around.after {
                    let ran = shell(command, &self.settings.project, &self.guard).await;
                    if let Err(diagnostic) = ran {
                        return Finding::Failed(Stage::Build, vec![diagnostic]);
                    }
                }
                Finding::Start(Start {
                    binary,
                    reasons,
                    instrumented,
                    stages,
                })
            }
            Err(error) => {
                let diagnostics = error.diagnostics();
                let is_syntax = |found: &Diagnostic| found.message.starts_with("syntax error");
                if diagnostics.iter().any(is_syntax) {
                    stage = Stage::Parse;
                }
                Finding::Failed(stage, diagnostics)
            }
        }
    }

    /// Builds with instrumentation if there is any. When that is what fails, without: a program that
    /// Go builds must run. Tells whether the binary is instrumented.
    async fn build_as(
        &mut self,
        prepared: Option<HomeBuild>,
        binary: &Path,
        changed: Changed,
    ) -> Result<bool, BuildError> {
        let project = &self.settings.project;
        let Some(home) = prepared else {
            self.builder.forget();
            build(project, &HomeBuild::default(), binary, &self.guard).await?;
            return Ok(false);
        };
        let built = self
            .builder
            .build(project, &home, binary, changed, &self.guard)
            .await;
        let Err(error) = built else { return Ok(true) };
        build(project, &HomeBuild::default(), binary, &self.guard).await?;
        let diagnostics = error.diagnostics();
        let swapper = self.swapper.as_ref();
        let blamed = swapper.and_then(|swapper| swapper.blamed(&diagnostics));
        let degraded = blamed.unwrap_or_else(|| Degraded {
            message: format!(
                "the program builds, but not with fire's part in it: {}",
                diagnostics.first().map(shown).unwrap_or_default()
            ),
            hint: None,
        });
        tell_degraded(&self.outlet, degraded);
        Ok(false)
    }

    fn binaries(&self) -> PathBuf {
        let app = self.settings.project.app.as_deref().unwrap_or("main");
        self.settings.project.state.join("bin").join(app)
    }

    fn next_binary(&mut self) -> std::io::Result<PathBuf> {
        self.build += 1;
        let directory = self.binaries().join(self.build.to_string());
        std::fs::create_dir_all(&directory)?;
        Ok(directory.join(program_name(&self.settings.project)))
    }

    fn remove_other_binaries(&self, kept: &Path) {
        let Ok(entries) = std::fs::read_dir(self.binaries()) else {
            return;
        };
        for entry in entries.flatten() {
            if !kept.starts_with(entry.path()) {
                // What cannot be removed now is removed at the next start.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Carries it out and tells. Only quitting may drop this.
    pub async fn carry_out(&mut self, finding: Finding, since: Instant, app: &mut Option<App>) {
        match finding {
            Finding::Done(events) => {
                for event in events {
                    self.outlet.event(event);
                }
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

    async fn replace(&mut self, mut start: Start, since: Instant, app: &mut Option<App>) {
        let begun = Instant::now();
        if let Some(old) = app {
            if !old.stop(self.settings.stop).await {
                let text = format!("the old app (process {}) cannot be ended", old.pid());
                self.outlet.note(Level::Warn, text, None);
            }
            *app = None;
            self.forget_app().await;
        }
        start
            .stages
            .insert("stop".to_owned(), whole_ms(begun.elapsed()));
        let begun = Instant::now();
        let around = &self.settings.around;
        let mut environment = match around.environment.read(&self.settings.project) {
            Ok(environment) => environment,
            Err(diagnostic) => return self.fail(Stage::Start, vec![diagnostic], since, false),
        };
        if let Some(swapper) = &mut self.swapper
            && start.instrumented
        {
            environment.extend(swapper.home_environment());
        }
        let directory = &self.settings.launch.directory;
        if !directory.is_dir() {
            let text = format!(
                "its working directory {} does not exist (`dir` under [run] in fire.toml)",
                directory.display()
            );
            return self.fail(Stage::Start, vec![unplaced(text)], since, false);
        }
        match App::start(
            &start.binary,
            &self.settings.launch,
            environment,
            &self.guard,
        ) {
            Err(error) => {
                let text = format!("{} cannot be started: {error}", start.binary.display());
                self.fail(Stage::Start, vec![unplaced(text)], since, false);
            }
            Ok(new) => {
                let new = app.insert(new);
                if start.instrumented {
                    self.greet(new).await;
                }
                self.remove_other_binaries(&start.binary);
                start
                    .stages
                    .insert("start".to_owned(), whole_ms(begun.elapsed()));
                self.tell_started(new.pid(), start.reasons, start.stages, since);
                self.tell_workers().await;
                self.reread_graph();
                self.builder.learn(&self.settings.project, &self.guard);
            }
        }
    }

    /// Waits for the app's hello, or its end.
    async fn greet(&mut self, app: &mut App) {
        let pid = app.pid();
        let Some(swapper) = &mut self.swapper else {
            return;
        };
        let said = tokio::select! {
            said = swapper.app_started(pid) => Some(said),
            _ = app.met() => None,
        };
        match said {
            Some(Ok(())) => self.swappable = true,
            Some(Err(degraded)) => tell_degraded(&self.outlet, degraded),
            None => {}
        }
    }

    /// Says, to those who want to know more, what runs in workers from the beginning, and what that costs.
    async fn tell_workers(&mut self) {
        let status = (self.desk())().await;
        if status.generations.is_empty() {
            return;
        }
        let moved = status
            .functions
            .iter()
            .filter(|one| one.generation.is_some());
        let megabytes = |kilobytes: u64| kilobytes / 1_024;
        let text = format!(
            "{} functions in {} workers; memory: app {} MB, fire {} MB, workers {} MB",
            moved.count(),
            status.generations.len(),
            megabytes(status.memory.home_kb),
            megabytes(status.memory.host_kb),
            megabytes(status.memory.workers_kb)
        );
        self.outlet.note(Level::Detail, text, None);
    }

    fn tell_started(
        &mut self,
        pid: u32,
        reasons: Vec<Reason>,
        stages: BTreeMap<String, u64>,
        since: Instant,
    ) {
        let ms = whole_ms(since.elapsed());
        self.runs(Some(pid), ms);
        let event = if self.ever_started {
            Event::Restarted {
                pid,
                ms,
                reasons,
                stages,
            }
        } else {
            let census = self.swapper.as_ref().and_then(|swapper| swapper.census());
            Event::Ready {
                pid,
                functions: census.map_or(0, |census| census.functions),
                movable: census.map_or(0, |census| census.movable),
                ms,
            }
        };
        self.ever_started = true;
        self.outlet.event(event);
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

/// Whether a reason is about Go source of the main modules, and about nothing that the go command would have to find out.
fn is_of_source(reason: &Reason) -> bool {
    const CODES: [&str; 16] = [
        "added-unused",
        "added-used",
        "body",
        "const",
        "init",
        "method-body",
        "method-signature",
        "nothing",
        "removed-unused",
        "removed-used",
        "renamed",
        "signature",
        "struct",
        "type",
        "unmovable-body",
        "var",
    ];
    CODES.contains(&reason.code.as_str())
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

/// What the binary is called: the app sees it as its own name.
fn program_name(project: &crate::project::Project) -> String {
    let package = project.packages.first().map_or(".", String::as_str);
    let named = Path::new(package.trim_end_matches(".go"))
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| !name.is_empty());
    let root = project.root.file_name().and_then(|name| name.to_str());
    named.or(root).unwrap_or("app").to_owned()
}
