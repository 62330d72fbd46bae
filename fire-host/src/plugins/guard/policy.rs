//! A guarded restart policy.

use fire_plugin_api::policy::{Action, DrainLimits, Edit, Ending, Process, Response, WorkerLimits};
use fire_plugin_api::{Error, RestartPolicy};
use fire_policy::SeriousChanges;

use super::Guarded;

/// Answers as `serious-changes` does when the plugin's answer cannot be followed.
pub struct GuardedPolicy {
    inner: Guarded<dyn RestartPolicy>,
    instead: SeriousChanges,
}

impl GuardedPolicy {
    /// Around an instance.
    pub fn new(inner: Guarded<dyn RestartPolicy>) -> Result<Self, Error> {
        Ok(Self {
            inner,
            instead: SeriousChanges::new("")?,
        })
    }

    fn tell(&self, error: &Error) {
        self.inner.watch.instead(error, "serious-changes");
    }
}

impl RestartPolicy for GuardedPolicy {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        let asked = edits.to_vec();
        self.inner
            .call_checked(
                "judge",
                move |plugin| plugin.judge(&asked),
                |actions| check_actions(edits, actions),
            )
            .or_else(|error| {
                self.tell(&error);
                self.instead.judge(edits)
            })
    }

    fn on_ending(&self, process: &Process, ending: &Ending) -> Result<Response, Error> {
        let (asked, how) = (process.clone(), ending.clone());
        self.inner
            .call_checked(
                "on_ending",
                move |plugin| plugin.on_ending(&asked, &how),
                |response| check_response(process, *response),
            )
            .or_else(|error| {
                self.tell(&error);
                self.instead.on_ending(process, ending)
            })
    }

    fn drain_limits(&self) -> DrainLimits {
        let limits = self.inner.call_checked(
            "drain_limits",
            |plugin| Ok(plugin.drain_limits()),
            |limits| match limits.generations {
                0 => Err("it allows no old generation, and every swap leaves one".to_owned()),
                _ => Ok(()),
            },
        );
        limits.unwrap_or_else(|error| {
            self.tell(&error);
            self.instead.drain_limits()
        })
    }

    fn worker_limits(&self) -> WorkerLimits {
        let limits = self
            .inner
            .call("worker_limits", |plugin| Ok(plugin.worker_limits()));
        limits.unwrap_or_else(|error| {
            self.tell(&error);
            self.instead.worker_limits()
        })
    }
}

fn check_actions(edits: &[Edit], actions: &[Action]) -> Result<(), String> {
    if actions.len() != edits.len() {
        return Err(format!(
            "it gives {} actions for {} edits",
            actions.len(),
            edits.len()
        ));
    }
    match edits
        .iter()
        .zip(actions)
        .find(|(edit, action)| !edit.swappable && **action == Action::Hot)
    {
        Some((edit, _)) => Err(format!(
            "it wants to swap {}, which cannot be swapped ({})",
            edit.subject, edit.code
        )),
        None => Ok(()),
    }
}

fn check_response(process: &Process, response: Response) -> Result<(), String> {
    match (process, response) {
        (Process::App, Response::RollBack) => {
            Err("it rolls the app back, and only workers can be".to_owned())
        }
        _ => Ok(()),
    }
}
