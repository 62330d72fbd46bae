//! The bold policy: whatever can be reached by swapping functions is swapped.

use fire_plugin_api::policy::{Action, DrainLimits, Edit, Ending, Process, Response, WorkerLimits};
use fire_plugin_api::{Error, RestartPolicy};

use crate::endings;
use crate::options::Options;

/// Swaps functions, their callers and the users of a constant together; restarts for the rest.
#[derive(Debug, Clone)]
pub struct KeepState {
    options: Options,
}

impl KeepState {
    /// From the plugin's TOML table.
    pub fn new(options: &str) -> Result<Self, Error> {
        Ok(Self {
            options: Options::parse(options)?,
        })
    }
}

impl RestartPolicy for KeepState {
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
        // A `var` is swappable when it is new; the state of an old one lives in home.
        "body" | "method-body" | "signature" | "method-signature" | "added-used"
        | "removed-used" | "const" | "var"
            if edit.swappable =>
        {
            Action::Hot
        }
        _ => Action::Restart,
    }
}
