//! From the source as it is to an instrumented home build, and to a home that has said hello.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::{Engine, PATIENCE, Running, runtime_directory};
use crate::agent::Agent;
use crate::control::{Awaited, Control};
use crate::engine::workers::Workers;
use crate::facts::{Facts, FactsError, Finding, Instrumented};
use crate::swap::{Census, Degraded, Diagnostic, HomeBuild, PrepareError, Stage};

impl Engine {
    pub(super) async fn prepare(&mut self) -> Result<HomeBuild, PrepareError> {
        match self.try_prepare().await {
            Ok(Ok(home)) => Ok(home),
            Ok(Err(findings)) => Err(PrepareError::Source {
                stage: Stage::Typecheck,
                diagnostics: self.diagnostics(findings),
            }),
            Err(message) => Err(PrepareError::Engine(Degraded {
                message,
                hint: None,
            })),
        }
    }

    pub(super) async fn try_prepare(&mut self) -> Result<Result<HomeBuild, Vec<Finding>>, String> {
        if self.running.is_none() {
            self.open_running().await?;
            self.compiler = Some(self.prepare_compiler()?);
        }
        let Some(running) = &self.running else {
            return Err("the engine is closed".into());
        };
        // What was judged a moment ago has been read: only the list of files could be out of date, and is not.
        if !std::mem::take(&mut self.fresh) {
            let loaded = match running.facts.load(&self.project, self.faulty).await {
                Err(FactsError::Gone) => {
                    // It starts anew with the next build.
                    self.running = None;
                    return Err(FactsError::Gone.to_string());
                }
                other => other.map_err(|error| error.to_string())?,
            };
            if !loaded.diagnostics.is_empty() {
                return Ok(Err(loaded.diagnostics));
            }
            self.packages = loaded.packages;
            self.module_files = loaded.watch;
            self.unread.clear();
            self.broken = loaded.broken;
        }
        // It holds the bodies of the source before.
        self.built = None;
        let agent: Vec<_> = running
            .agent
            .home()
            .into_iter()
            .map(|(path, files)| json!({ "path": path, "files": files }))
            .collect();
        let instrumented: Instrumented = running
            .facts
            .ask(json!({ "do": "instrument", "out": self.project.own_state().join("home"), "agent": agent }))
            .await
            .map_err(|error| error.to_string())?;
        self.census = Some(Census {
            functions: instrumented.total,
            movable: instrumented.movable,
        });
        self.ledger.functions(instrumented.ids);
        self.plan_initial().await?;
        self.prepared = Some(self.snapshot());
        Ok(Ok(HomeBuild {
            overlay: Some(instrumented.overlay),
            sources: Some(instrumented.sources),
            ..HomeBuild::default()
        }))
    }

    /// A new facts helper in place of one that has died, with the program read.
    pub(super) async fn revive(&mut self) -> Result<(), String> {
        let Some(running) = &mut self.running else {
            return Err("the engine is closed".into());
        };
        running.facts = Facts::start(&running.agent, &self.project.toolchain, &self.project)
            .await
            .map_err(|error| error.to_string())?;
        running
            .facts
            .load(&self.project, self.faulty)
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    async fn open_running(&mut self) -> Result<(), String> {
        let agent = Agent::lay_out(&self.transport.go_half())
            .map_err(|error| format!("fire's Go code cannot be written to the cache: {error}"))?;
        // Beside the first build; nothing waits for it.
        tokio::task::spawn_blocking(crate::cache::trim);
        let facts = Facts::start(&agent, &self.project.toolchain, &self.project)
            .await
            .map_err(|error| error.to_string())?;
        let (directory, owner) = runtime_directory()
            .map_err(|error| format!("no directory for sockets can be made: {error}"))?;
        let (control, notices) = Control::listen(directory.path())
            .map_err(|error| format!("the control socket cannot be opened: {error}"))?;
        let workers = Workers::new(
            control.clone(),
            notices,
            self.transport.clone(),
            self.policy.clone(),
            directory.path().to_path_buf(),
            self.news.clone(),
        );
        self.ledger.open(workers.looker());
        self.running = Some(Running {
            agent,
            facts,
            control,
            workers,
            directory,
            _owner: owner,
        });
        Ok(())
    }

    pub(super) fn diagnostics(&self, findings: Vec<Finding>) -> Vec<Diagnostic> {
        findings
            .into_iter()
            .map(|finding| Diagnostic {
                file: self.project.shown(Path::new(&finding.file)),
                line: finding.line,
                col: finding.col,
                message: finding.message,
            })
            .collect()
    }

    pub(super) async fn started(&mut self) -> Result<(), Degraded> {
        let Some(running) = &self.running else {
            return Err(Degraded {
                message: "the program was built without fire's dispatch checks".into(),
                hint: None,
            });
        };
        let since = Instant::now();
        let hello = tokio::time::timeout(PATIENCE, running.control.wait(Awaited::Home)).await;
        if !matches!(hello, Ok(Some(Ok(())))) {
            return Err(Degraded {
                message: format!(
                    "the program has not said hello to fire within {} s",
                    PATIENCE.as_secs()
                ),
                hint: None,
            });
        }
        if let Some(prepared) = self.prepared.clone() {
            self.baseline = prepared.clone();
            self.seen = prepared.clone();
            self.current = prepared;
        }
        self.before = None;
        self.born.clear();
        let promoted: Result<serde_json::Value, FactsError> =
            running.facts.ask(json!({ "do": "baseline" })).await;
        promoted.map_err(|error| Degraded {
            message: error.to_string(),
            hint: None,
        })?;
        tracing::debug!(ms = super::milliseconds(since), "home has said hello");
        self.launch_initial().await.map_err(|message| Degraded {
            message,
            hint: None,
        })
    }
}
