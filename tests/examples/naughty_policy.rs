//! A restart policy that swaps bodies and leaves what ends ended, and fails as its option says.

#[path = "naughty_ways/ways.rs"]
mod ways;

use fire_plugin_api::policy::{Action, DrainLimits, Edit, Ending, Process, Response, WorkerLimits};
use fire_plugin_api::{Error, RestartPolicy, options};
use ways::Ways;

struct Naughty(Ways);

impl RestartPolicy for Naughty {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        self.0.at("judge")?;
        let action = |edit: &Edit| match edit.code.as_str() {
            "body" => Action::Hot,
            _ => Action::Restart,
        };
        Ok(match self.0.way("judge") {
            Some("forgets") => Vec::new(),
            Some("swaps all") => vec![Action::Hot; edits.len()],
            _ => edits.iter().map(action).collect(),
        })
    }

    fn on_ending(&self, process: &Process, _: &Ending) -> Result<Response, Error> {
        self.0.at("on_ending")?;
        Ok(match (self.0.way("on_ending"), process) {
            (Some("rolls back"), _) => Response::RollBack,
            _ => Response::Stop,
        })
    }

    fn drain_limits(&self) -> DrainLimits {
        // The plain method has no error to return.
        let _ = self.0.at("drain_limits");
        DrainLimits {
            after_ms: None,
            generations: match self.0.way("drain_limits") {
                Some("allows none") => 0,
                _ => 8,
            },
        }
    }

    fn worker_limits(&self) -> WorkerLimits {
        let _ = self.0.at("worker_limits");
        WorkerLimits::default()
    }
}

fire_plugin_api::export_policy!("naughty-policy", |text| {
    let ways: Ways = options::read(text)?;
    ways.at("new")?;
    Ok(Naughty(ways))
});
