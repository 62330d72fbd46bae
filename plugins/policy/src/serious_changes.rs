//! The default policy: a changed body is swapped, every serious change restarts.

use fire_plugin_api::policy::{Action, DrainLimits, Edit, Ending, Process, Response, WorkerLimits};
use fire_plugin_api::{Error, RestartPolicy};

use crate::endings;
use crate::options::Options;

/// Swaps bodies; restarts for everything that other code could notice.
#[derive(Debug, Clone)]
pub struct SeriousChanges {
    options: Options,
}

impl SeriousChanges {
    /// From the plugin's TOML table.
    pub fn new(options: &str) -> Result<Self, Error> {
        Ok(Self {
            options: Options::parse(options)?,
        })
    }
}

impl RestartPolicy for SeriousChanges {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        Ok(edits.iter().map(action).collect())
    }

    fn on_ending(&self, process: &Process, ending: &Ending) -> Result<Response, Error> {
        Ok(endings::respond(&self.options, process, ending))
    }

    fn drain_limits(&self) -> DrainLimits {
        self.options.drain_limits()
    }

    fn worker_limits(&self) -> WorkerLimits {
        self.options.worker_limits()
    }
}

fn action(edit: &Edit) -> Action {
    match edit.code.as_str() {
        "nothing" | "test" | "added-unused" | "removed-unused" => Action::Nothing,
        // Reported beside the edits that it consists of; those carry the action.
        "renamed" | "imports" => Action::Nothing,
        "body" | "method-body" if edit.swappable => Action::Hot,
        _ => Action::Restart,
    }
}
