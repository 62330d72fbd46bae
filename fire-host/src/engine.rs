//! The swap engine: from changed files to new code behind the slots of the running program.
//!
//! Place in the flow: the session drives it through [`Swapper`]. It owns the facts helper, the compiler, the control
//! socket and the workers of one app. It never touches the app's process itself.
//!
//! Theory of operation. Three snapshots of the source matter: the one that the running binary was compiled from
//! (`baseline`), the one that the last answer led to (`current`), and the one under judgement. What changed since
//! `current` decides the action; what equals `baseline` runs natively. A worker is one generation; a function is
//! `moved` to at most one. A generation without functions is superseded: it ends when home says it has drained.

mod carry;
mod context;
mod initial;
mod judge;
mod ledger;
mod made;
mod start;
pub mod trial;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fire_plugin_api::policy::{Ending, Process, Response};
use fire_plugin_api::{RestartPolicy, SplitStrategy, Transport};
use rustix::fs::{FlockOperation, flock};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::agent::Agent;
use crate::compile::Compiler;
use crate::control::Control;
use crate::facts::Facts;
use crate::plugins::{Kind, PluginError, Registry, built_in_names};
use crate::project::Project;
use crate::source::Snapshot;
use crate::swap::{
    Census, Degraded, Desk, Diagnostic, Fallback, HomeBuild, Hot, PrepareError, Reason, Swapped,
    Swapper, Task, Undone, Verdict, WorkerNews,
};

use ledger::Ledger;
use workers::Workers;

/// Why nothing can be done between two runs.
const CLOSED: &str = "the swap engine is closed";

/// How long home may take to answer on the control socket.
const PATIENCE: Duration = Duration::from_secs(30);

/// The engine of one app.
pub struct Engine {
    project: Project,
    transport: Arc<dyn Transport>,
    split: Arc<dyn SplitStrategy>,
    policy: Arc<dyn RestartPolicy>,
    running: Option<Running>,
    compiler: Option<tokio::task::JoinHandle<Result<Compiler, String>>>,
    ready: Option<Arc<Compiler>>,
    prepared: Option<Snapshot>,
    baseline: Snapshot,
    current: Snapshot,
    /// The source as it was read last, whatever came of it.
    seen: Snapshot,
    /// What `current` was before the last swap: an undo goes back to it.
    before: Option<Snapshot>,
    /// What `current` becomes when the functions of the last verdict are unhooked.
    pending: Option<(Snapshot, Vec<String>)>,
    /// Package variables that were added and that home has.
    born: BTreeSet<String>,
    /// The facts helper has read the program as it is now.
    fresh: bool,
    census: Option<Census>,
    packages: Vec<crate::facts::Package>,
    /// `go.mod` of each module of the program, `go.work`, and their sums.
    module_files: Vec<PathBuf>,
    /// Go files that were saved and that the facts helper has not read since.
    unread: BTreeSet<PathBuf>,
    faulty: crate::facts::Faulty,
    /// Packages that were left aside.
    broken: Vec<crate::facts::Broken>,
    /// The functions of the initial worker that lies there built, and its shadow.
    built: Option<(Vec<String>, crate::facts::Shadow)>,
    /// What the strategy moves before main begins.
    initial: Option<initial::Initial>,
    stages: BTreeMap<String, u64>,
    news: UnboundedSender<WorkerNews>,
    news_taken: Option<UnboundedReceiver<WorkerNews>>,
    /// For whoever asks how things are, at any time.
    ledger: Ledger,
}

/// What lives from the first build to the end.
struct Running {
    agent: Agent,
    facts: Facts,
    control: Control,
    workers: Workers,
    /// Sockets, links and worker binaries. Gone when this is dropped.
    directory: tempfile::TempDir,
    /// Locked: the directory is in use.
    _owner: File,
}

/// Opens the engine of a project: a [`crate::swap::Opener`].
pub fn open(project: &Project) -> Result<Box<dyn Swapper>, Degraded> {
    Ok(Box::new(Engine::new(project)?))
}

/// Where fire keeps what must not outlive it: below the system's directory for such things, and short, because a
/// socket's path must be. What fires that were killed have left there goes now.
fn runtime_directory() -> std::io::Result<(tempfile::TempDir, File)> {
    let base = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    for entry in std::fs::read_dir(&base)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && let Ok(owner) = File::open(entry.path().join(OWNER))
            && flock(&owner, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            // Another fire may be removing it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(base)?;
    let owner = File::create(directory.path().join(OWNER))?;
    flock(&owner, FlockOperation::LockExclusive)?;
    Ok((directory, owner))
}

const PREFIX: &str = "fire-";

/// The file that is locked for as long as its fire lives.
const OWNER: &str = "owner";

fn fallback(code: &str, subject: &str, detail: impl Into<String>) -> Fallback {
    Fallback {
        reasons: vec![Reason {
            code: code.into(),
            subject: subject.into(),
            detail: detail.into(),
        }],
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Engine {
    /// The engine of a project, with the plugins that it names.
    pub fn new(project: &Project) -> Result<Self, Degraded> {
        let registry = Registry::for_project(project);
        let degraded = |error: PluginError| Degraded {
            message: error.message,
            hint: error.hint,
        };
        let (news, news_taken) = unbounded_channel();
        Ok(Self {
            transport: registry.transport(&project.transport).map_err(degraded)?,
            split: registry.split(&project.split).map_err(degraded)?,
            policy: registry.policy(&project.policy).map_err(degraded)?,
            project: project.clone(),
            running: None,
            compiler: None,
            ready: None,
            prepared: None,
            baseline: Snapshot::default(),
            current: Snapshot::default(),
            seen: Snapshot::default(),
            before: None,
            pending: None,
            born: BTreeSet::new(),
            fresh: false,
            census: None,
            packages: Vec::new(),
            module_files: Vec::new(),
            unread: BTreeSet::new(),
            faulty: crate::facts::Faulty::default(),
            broken: Vec::new(),
            built: None,
            initial: None,
            stages: BTreeMap::new(),
            news,
            news_taken: Some(news_taken),
            ledger: Ledger::default(),
        })
    }

    fn note(&mut self, stage: &str, since: Instant) {
        self.stages.insert(stage.into(), milliseconds(since));
    }

    /// The compiler, once its preparation in the background is done.
    async fn compiler(&mut self) -> Result<Arc<Compiler>, String> {
        if let Some(ready) = &self.ready
            && ready.is_current()
        {
            return Ok(ready.clone());
        }
        let task = match self.compiler.take() {
            Some(task) => task,
            None => self.prepare_compiler()?,
        };
        let compiler = Arc::new(task.await.map_err(|error| error.to_string())??);
        self.ready = Some(compiler.clone());
        Ok(compiler)
    }

    fn prepare_compiler(
        &self,
    ) -> Result<tokio::task::JoinHandle<Result<Compiler, String>>, String> {
        let Some(running) = &self.running else {
            return Err("nothing has been built yet".into());
        };
        let (agent, toolchain) = (running.agent.clone(), self.project.toolchain.clone());
        Ok(tokio::spawn(async move {
            Compiler::prepare(&agent, &toolchain)
                .await
                .map_err(|error| error.to_string())
        }))
    }
}

impl Swapper for Engine {
    fn prepare_home(&mut self) -> Task<'_, Result<HomeBuild, PrepareError>> {
        Box::pin(self.prepare())
    }

    fn home_environment(&mut self) -> Vec<(String, String)> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let mut environment = vec![(
            "FIRE_CONTROL".to_owned(),
            running.control.path().display().to_string(),
        )];
        if self.initial.is_some() {
            environment.push(("FIRE_HOLD".to_owned(), "1".to_owned()));
        }
        environment
    }

    fn app_started(&mut self, _pid: u32) -> Task<'_, Result<(), Degraded>> {
        Box::pin(self.started())
    }

    fn app_ended(&mut self) -> Task<'_, ()> {
        Box::pin(async move {
            if let Some(running) = &mut self.running {
                running.workers.end_all().await;
                running.control.forget();
            }
        })
    }

    fn app_exited(&mut self, code: i32, signal: Option<i32>) -> Option<Duration> {
        let ending = signal.map_or(Ending::Exited(code), Ending::Signalled);
        match self.policy.on_ending(&Process::App, &ending) {
            Ok(Response::Respawn { after_ms }) => Some(Duration::from_millis(after_ms)),
            Ok(Response::Restart) => Some(Duration::ZERO),
            Ok(Response::Stop | Response::RollBack) | Err(_) => None,
        }
    }

    fn judge<'a>(&'a mut self, changed: &'a [PathBuf]) -> Task<'a, Verdict> {
        Box::pin(self.judged(changed))
    }

    fn swap(&mut self, hot: Hot) -> Task<'_, Result<Swapped, Fallback>> {
        Box::pin(self.swapped(hot))
    }

    fn called_once<'a>(&'a mut self, functions: &'a [String]) -> Task<'a, Vec<String>> {
        Box::pin(self.once(functions))
    }

    fn revert<'a>(&'a mut self, functions: &'a [String]) -> Task<'a, Result<(), Fallback>> {
        Box::pin(self.reverted(functions))
    }

    fn blamed(&self, diagnostics: &[Diagnostic]) -> Option<Degraded> {
        let running = self.running.as_ref()?;
        let is_lane = |found: &&Diagnostic| running.agent.is_lane(Path::new(&found.file));
        let found = diagnostics.iter().find(is_lane)?;
        let name = &self.project.transport.name;
        Some(Degraded {
            message: format!(
                "the Go half of transport `{name}` does not compile: {}",
                crate::build::shown(found)
            ),
            hint: Some(format!(
                "`fire plugin check` shows it to the plugin's author; until it is mended, set transport = \"{}\" in fire.toml",
                built_in_names(Kind::Transport)[0]
            )),
        })
    }

    fn census(&self) -> Option<Census> {
        self.census
    }

    fn news(&mut self) -> UnboundedReceiver<WorkerNews> {
        self.news_taken
            .take()
            .unwrap_or_else(|| unbounded_channel().1)
    }

    fn undo(&mut self) -> Task<'_, Result<Undone, Fallback>> {
        Box::pin(self.undone())
    }

    fn desk(&self) -> Desk {
        let ledger = self.ledger.clone();
        Arc::new(move || {
            let ledger = ledger.clone();
            Box::pin(async move { ledger.status().await })
        })
    }

    fn leftovers(&self) -> Vec<PathBuf> {
        self.running
            .iter()
            .map(|running| running.directory.path().to_path_buf())
            .collect()
    }

    fn close(&mut self) -> Task<'_, ()> {
        Box::pin(async move {
            if let Some(running) = self.running.take() {
                running.workers.end_all().await;
                // A directory that cannot be removed is swept by the system.
                let _ = running.directory.close();
            }
        })
    }
}
