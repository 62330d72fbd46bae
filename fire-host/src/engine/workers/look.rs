//! What runs where, for `fire status`.

use std::time::Duration;

use super::{Place, Shared};
use crate::control::{Generation, Look, Seen};

/// How long a look at what runs waits for home.
const GLANCE: Duration = Duration::from_secs(1);

/// One worker, for whoever asks.
#[derive(Debug, Clone)]
pub struct Overview {
    pub generation: Generation,
    pub pid: u32,
    /// Ids that it hosts.
    pub functions: Vec<String>,
    pub serves: bool,
}

/// Looks at the workers without keeping them.
#[derive(Clone)]
pub struct Looker {
    pub(super) shared: std::sync::Weak<Shared>,
}

impl Looker {
    /// The workers and places as the host knows them, and what home says. None: they are gone.
    pub async fn look(&self) -> Option<(Vec<Overview>, Vec<Place>, Option<Seen>)> {
        let shared = self.shared.upgrade()?;
        // A home that is stopped in a debugger does not answer.
        let seen = tokio::time::timeout(GLANCE, shared.control.look(Look::Ask)).await;
        let state = shared.lock();
        let workers = state.workers.values().map(|worker| Overview {
            generation: worker.made.generation,
            pid: worker.pid,
            functions: worker.made.ids(),
            serves: state.table.serves(worker.made.generation),
        });
        let places = state.table.moved().cloned().collect();
        Some((workers.collect(), places, seen.ok().flatten()))
    }
}
