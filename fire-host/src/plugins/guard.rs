//! What stands between the host and a third party's plugin: a call that panics, fails, takes for ever or
//! answers nonsense is told with the plugin's name and the call's, and does the app no harm.
//!
//! | kind | then |
//! | --- | --- |
//! | split strategy | this once, `on-edit` decides |
//! | restart policy | this once, `serious-changes` decides |
//! | transport | the link fails: the swap falls back to a restart |
//!
//! A plugin that did not answer in time is not asked again: a thread of it may still be at work.
//! Calls of users never pass through here; they run between the two Go halves.

mod policy;
mod split;
mod transport;

pub use policy::GuardedPolicy;
pub use split::GuardedSplit;
pub use transport::GuardedTransport;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fire_plugin_api::Error;

use super::Kind;

/// A call that takes longer is given up: the user waits for its answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A plugin's instance, or a link of one.
pub struct Guarded<T: ?Sized> {
    inner: Arc<T>,
    watch: Arc<Watch>,
}

/// What is known of a plugin.
pub struct Watch {
    kind: Kind,
    name: String,
    patience: Duration,
    /// It did not answer, or panicked.
    given_up: AtomicBool,
    /// The user knows that somebody else decides from now on.
    told: AtomicBool,
}

impl Watch {
    /// For the plugin of that name.
    pub fn new(kind: Kind, name: &str, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            kind,
            name: name.to_owned(),
            patience,
            given_up: AtomicBool::new(false),
            told: AtomicBool::new(false),
        })
    }

    /// Runs a call on a thread of its own. Its error names the plugin and the call.
    pub fn call<R: Send + 'static>(
        &self,
        call: &'static str,
        body: impl FnOnce() -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        // Relaxed: it only keeps later calls away.
        if self.given_up.load(Ordering::Relaxed) {
            return Err(self.error(call, "is not called: it failed before"));
        }
        let (answer, waiting) = mpsc::sync_channel(1);
        let body = move || {
            let outcome = catch_unwind(AssertUnwindSafe(body));
            // Nobody listens any more after the deadline.
            let _ = answer.send(outcome);
        };
        thread::Builder::new()
            .name(format!("plugin {}", self.name))
            .spawn(body)
            .map_err(|error| self.error(call, &format!("has no thread to run on: {error}")))?;
        match waiting.recv_timeout(self.patience) {
            Ok(Ok(outcome)) => outcome.map_err(|error| {
                let named = self.error(call, &error.message);
                Error {
                    message: named.message,
                    ..error
                }
            }),
            Ok(Err(payload)) => Err(match payload.downcast::<Error>() {
                // What the plain method cannot return: the adapter has caught the panic.
                Ok(error) => self.give_up(call, &error.message),
                Err(_) => self.give_up(call, "panicked"),
            }),
            Err(_) => {
                let waited = self.patience.as_secs_f32();
                Err(self.give_up(call, &format!("did not answer within {waited} s")))
            }
        }
    }

    fn give_up(&self, call: &'static str, why: &str) -> Error {
        self.given_up.store(true, Ordering::Relaxed);
        self.error(call, why)
    }

    fn error(&self, call: &'static str, why: &str) -> Error {
        let what = format!("{} `{}`", self.kind, self.name);
        // The adapter in the library has already named the call.
        let named = why.starts_with(&format!("`{call}`"));
        Error::new(match named {
            true => format!("{what}: {why}"),
            false => format!("{what}: `{call}`: {why}"),
        })
    }

    /// Tells the user what is done instead; of a plugin that is not asked any more, once.
    fn instead(&self, error: &Error, builtin: &str) {
        let given_up = self.given_up.load(Ordering::Relaxed);
        if given_up && self.told.swap(true, Ordering::Relaxed) {
            tracing::debug!(target: "plugin", "{error}; `{builtin}` decides instead");
            return;
        }
        tracing::warn!(target: "plugin", "{error}; `{builtin}` decides instead");
    }
}

impl<T: ?Sized + Send + Sync + 'static> Guarded<T> {
    /// Around an instance.
    pub fn new(inner: Arc<T>, watch: Arc<Watch>) -> Self {
        Self { inner, watch }
    }

    fn call<R: Send + 'static>(
        &self,
        call: &'static str,
        body: impl FnOnce(&T) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let inner = Arc::clone(&self.inner);
        self.watch.call(call, move || body(&inner))
    }

    /// The same, for an answer that can be nonsense.
    fn call_checked<R: Send + 'static>(
        &self,
        call: &'static str,
        body: impl FnOnce(&T) -> Result<R, Error> + Send + 'static,
        check: impl FnOnce(&R) -> Result<(), String>,
    ) -> Result<R, Error> {
        let answer = self.call(call, body)?;
        check(&answer).map_err(|nonsense| self.watch.error(call, &nonsense))?;
        Ok(answer)
    }
}
