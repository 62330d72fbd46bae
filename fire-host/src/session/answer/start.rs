//! Puts a new binary in place of the running app, and tells what has become of it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Answerer, Start, tell_degraded};
use crate::build::unplaced;
use crate::clock::whole_ms;
use crate::event::{Event, Level};
use crate::supervise::App;
use crate::swap::{Reason, Stage};

impl Answerer {
    pub(super) async fn replace(
        &mut self,
        mut start: Start,
        since: Instant,
        app: &mut Option<App>,
    ) {
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
