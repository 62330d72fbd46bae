//! What every plugin of a kind must do: `fire plugin check` runs these suites, and so can a plugin's own
//! tests.
//!
//! ```
//! # use fire_plugin_api::policy::{Action, Edit, Ending, Process, Response};
//! # use fire_plugin_api::{Error, RestartPolicy};
//! # struct Careful;
//! # impl RestartPolicy for Careful {
//! #     fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
//! #         Ok(vec![Action::Restart; edits.len()])
//! #     }
//! #     fn on_ending(&self, _: &Process, _: &Ending) -> Result<Response, Error> {
//! #         Ok(Response::Stop)
//! #     }
//! # }
//! fire_plugin_api::conformance::policy(&Careful).assert();
//! ```

mod policy;
mod split;
mod transport;

pub use policy::policy;
pub use split::split;
pub use transport::{transport, transport_alone};

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What must hold.
    pub rule: &'static str,
    /// `None` if it holds, else what happened instead.
    pub failure: Option<String>,
}

/// Everything that was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the checks.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether every rule holds.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.failure.is_none())
    }

    /// For tests.
    ///
    /// # Panics
    ///
    /// If a rule does not hold; the message lists all of them.
    pub fn assert(&self) {
        assert!(self.passed(), "{self}");
    }

    /// A panic of a plugin that is linked in counts as a failure, like one of a loaded plugin.
    fn check(&mut self, rule: &'static str, body: impl FnOnce() -> Result<(), String>) {
        let failure = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(outcome) => outcome.err(),
            Err(_) => Some("it panicked".to_owned()),
        };
        self.checks.push(Check { rule, failure });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.failure {
                None => writeln!(f, "ok      {}", check.rule)?,
                Some(failure) => writeln!(f, "FAILED  {}: {failure}", check.rule)?,
            }
        }
        Ok(())
    }
}

/// What a call that must succeed says when it does not.
fn failed(call: &str) -> impl Fn(crate::Error) -> String + '_ {
    move |error| format!("{call}: {error}")
}
