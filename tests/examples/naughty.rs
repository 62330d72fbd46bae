//! A restart policy that panics when it judges an edit of the code `panic`, and logs the others.

use fire_plugin_api::policy::{Action, Edit, Ending, Process, Response};
use fire_plugin_api::{Error, RestartPolicy};

struct Naughty;

impl RestartPolicy for Naughty {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        for edit in edits {
            assert_ne!(edit.code, "panic", "naughty");
            fire_plugin_api::tracing::info!(code = %edit.code, "judged");
        }
        Ok(vec![Action::Restart; edits.len()])
    }

    fn on_ending(&self, _: &Process, _: &Ending) -> Result<Response, Error> {
        Ok(Response::Stop)
    }
}

fire_plugin_api::export_policy!("naughty", |options: &str| {
    assert!(options.is_empty(), "naughty options");
    Ok(Naughty)
});
