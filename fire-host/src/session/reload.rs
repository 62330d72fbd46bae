//! `fire.toml` was saved: the session goes on with what it says now.

use super::answer::Answerer;
use super::{Pending, reason};
use crate::config::Config;
use crate::setup::{Request, settle_all};
use crate::swap::Diagnostic;

/// What settings were settled from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// What was asked for on the command line.
    pub request: Request,
    /// What `fire.toml` said.
    pub config: Config,
}

/// What a new `fire.toml` means to the session.
pub enum Reconfigured {
    /// The watch goes on as it is.
    AsBefore,
    /// Something else is watched, or in another way.
    Watching,
    /// It is wrong; everything stays as it was.
    Failed(Diagnostic),
}

impl Answerer {
    /// Reads `fire.toml` again. What only a new process or a new build can follow is noted in the work.
    pub async fn reconfigure(&mut self, work: &mut Pending) -> Reconfigured {
        let request = self.settings.origin.request.clone();
        let Ok(settled) = tokio::task::spawn_blocking(move || settle_all(request)).await else {
            return Reconfigured::AsBefore;
        };
        let apps = match settled {
            Ok(apps) => apps,
            Err(error) => return Reconfigured::Failed(error.diagnostic()),
        };
        let own = self.settings.project.app.clone();
        let Some(new) = apps.into_iter().find(|app| app.project.app == own) else {
            return Reconfigured::Failed(crate::build::unplaced(
                "fire.toml has other apps now: start fire again to run those".into(),
            ));
        };
        let differences = self.settings.origin.config.differences(&new.origin.config);
        let watching = differences
            .iter()
            .any(|key| matches!(*key, "[watch]" | "[[on_change]]" | "[run]"));
        let restarts: Vec<&str> = differences
            .iter()
            .copied()
            .filter(|key| !matches!(*key, "[watch]" | "[[on_change]]"))
            .collect();
        self.settings = super::Settings {
            launch: crate::supervise::Launch {
                terminal: self.settings.launch.terminal.clone(),
                ..new.launch
            },
            ..new
        };
        if !restarts.is_empty() {
            work.must
                .push(reason("config", "fire.toml", &restarts.join(", ")));
            self.open_swapper();
        }
        if watching {
            Reconfigured::Watching
        } else {
            Reconfigured::AsBefore
        }
    }
}
