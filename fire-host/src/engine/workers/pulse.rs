//! Finds workers that hang: a call in them goes on, and has asked nothing of the program for too long. Whoever waits
//! for the program does not hang.
//!
//! Theory of operation. Home is asked from time to time, and only while there are workers; it says for which
//! generations a call has not moved since it was asked last. Nothing is measured on the way of a call.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use fire_plugin_api::policy::Ending;
use tokio::sync::Notify;

use super::Shared;
use crate::clock::whole_ms;
use crate::control::{Generation, Look};

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(50);

pub(super) async fn watch(weak: Weak<Shared>, more: Arc<Notify>) {
    let mut last = Instant::now();
    loop {
        let Some(shared) = weak.upgrade() else {
            return;
        };
        let pause = shared.pause();
        drop(shared);
        let Some(pause) = pause else {
            more.notified().await;
            continue;
        };
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(last.elapsed())) => {}
            () = more.notified() => continue,
        }
        let Some(shared) = weak.upgrade() else {
            return;
        };
        let looked = Instant::now();
        let seen = tokio::time::timeout(pause, shared.control.look(Look::Pulse)).await;
        for one in seen
            .ok()
            .flatten()
            .into_iter()
            .flat_map(|seen| seen.generations)
        {
            shared.note(one.generation, !one.stalled.is_empty(), last);
        }
        last = looked;
    }
}

impl Shared {
    /// How long to wait before the next look. None: there is nothing to look at.
    fn pause(&self) -> Option<Duration> {
        let limits = self.policy.worker_limits();
        let old = limits.old_hang_ms.filter(|_| !self.superseded().is_empty());
        let shortest = limits.hang_ms.into_iter().chain(old).min()?;
        let any = !self.lock().workers.is_empty();
        any.then(|| (Duration::from_millis(shortest) / 2).max(SHORTEST))
    }

    /// Notes whether a generation stalled between the last look and this one, and ends it if that is too long.
    fn note(&self, generation: Generation, stalled: bool, last: Instant) {
        let limits = self.policy.worker_limits();
        let (limit, serves, since) = {
            let mut state = self.lock();
            let serves = state.table.serves(generation);
            let Some(worker) = state.workers.get_mut(&generation) else {
                return;
            };
            if !stalled {
                worker.stalled_since = None;
                return;
            }
            let since = *worker.stalled_since.get_or_insert(last);
            let limit = if serves {
                limits.hang_ms
            } else {
                limits.old_hang_ms
            };
            (limit, serves, since)
        };
        if limit.is_none_or(|limit| since.elapsed() < Duration::from_millis(limit)) {
            return;
        }
        let hung = whole_ms(since.elapsed());
        if !serves {
            let cause = format!("superseded, and hung for {hung} ms");
            self.end_superseded(generation, &cause);
            return;
        }
        let mut state = self.lock();
        if let Some(end) = state
            .workers
            .get_mut(&generation)
            .and_then(|worker| worker.end.take())
        {
            // Its watcher kills it and goes on as if it had ended by itself.
            let _ = end.send(Ending::Hung(hung));
        }
    }
}
