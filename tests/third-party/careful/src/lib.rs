//! `careful`: a restart policy for fire. Bodies are swapped, everything else restarts; a worker that ends
//! is not started again.

use fire_plugin_api::policy::{Action, Edit, Ending, Process, Response};
use fire_plugin_api::{Error, RestartPolicy, options};

struct Careful;

impl RestartPolicy for Careful {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        let action = |edit: &Edit| match edit.code.as_str() {
            "nothing" | "test" => Action::Nothing,
            "body" | "method-body" if edit.swappable => Action::Hot,
            _ => Action::Restart,
        };
        Ok(edits.iter().map(action).collect())
    }

    fn on_ending(&self, process: &Process, ending: &Ending) -> Result<Response, Error> {
        fire_plugin_api::tracing::info!("{process:?} ended: {ending:?}");
        Ok(match process {
            Process::App => Response::Stop,
            Process::Worker { .. } => Response::RollBack,
        })
    }
}

fire_plugin_api::export_policy!("careful", |text| options::none(text).map(|()| Careful));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        fire_plugin_api::conformance::policy(&Careful).assert();
    }
}
