//! What can happen to a session, waited for in one place.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc::UnboundedReceiver;

use super::Command;
use super::outlet::Outlet;
use crate::event::Level;
use crate::graph::Graph;
use crate::supervise::{App, Met};
use crate::swap::WorkerNews;
use crate::watch::{Batch, Scope, Seen, Watch};

/// Everything that can happen while nothing, or something, is being answered.
pub(super) struct Inputs {
    pub(super) graphs: UnboundedReceiver<Reading>,
    pub(super) scope: Scope,
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) news: UnboundedReceiver<WorkerNews>,
    pub(super) watch: Watch,
    pub(super) app: Option<App>,
    /// When an app that has exited is to be started again.
    pub(super) again_at: Option<Instant>,
    pub(super) outlet: Outlet,
}

/// The package graph, read anew.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) graph: Arc<Graph>,
    /// When it was asked for: what was written later is a change.
    pub(super) since: SystemTime,
}

/// What happened.
pub(super) enum Interruption {
    Batch(Batch),
    Command(Command),
    App(Met),
    Worker(WorkerNews),
    /// The app has exited and is to be started again.
    Again,
    /// The watch has ended.
    Blind,
}

impl Inputs {
    /// Waits for something to happen. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> Interruption {
        loop {
            let found = tokio::select! {
                biased;
                Some(command) = self.commands.recv() => Interruption::Command(command),
                Some(reading) = self.graphs.recv() => {
                    let scope = self.scope.clone().graph(reading.graph);
                    self.watch.rescope(scope, reading.since);
                    continue;
                }
                met = met(&mut self.app) => Interruption::App(met),
                () = until(self.again_at) => Interruption::Again,
                news = worker_news(&mut self.news) => Interruption::Worker(news),
                seen = self.watch.next() => match seen {
                    None => Interruption::Blind,
                    Some(seen) => match tell_polling(seen, &self.outlet) {
                        Some(batch) => Interruption::Batch(batch),
                        None => continue,
                    },
                },
            };
            return found;
        }
    }
}

/// The batch, or a note that the watch polls.
pub(super) fn tell_polling(seen: Seen, outlet: &Outlet) -> Option<Batch> {
    match seen {
        Seen::Batch(batch) => Some(batch),
        Seen::Polling { reason, hint } => {
            let text = format!("file events cannot be had ({reason}); looking for changes instead");
            outlet.note(Level::Warn, text, Some(hint));
            None
        }
    }
}

async fn met(app: &mut Option<App>) -> Met {
    match app {
        Some(app) => app.met().await,
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

async fn worker_news(news: &mut UnboundedReceiver<WorkerNews>) -> WorkerNews {
    match news.recv().await {
        Some(news) => news,
        None => std::future::pending().await,
    }
}
