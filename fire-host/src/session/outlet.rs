//! Where a session's events and notes go.

use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::event::{Event, Level, Record, Told};

/// Stamps what is told with the time and the app's name.
#[derive(Debug, Clone)]
pub struct Outlet {
    app: Option<String>,
    clock: Clock,
    told: UnboundedSender<Told>,
}

impl Outlet {
    pub fn new(app: Option<String>, clock: Clock, told: UnboundedSender<Told>) -> Self {
        Self { app, clock, told }
    }

    /// Tells an event. Nobody need listen.
    pub fn event(&self, event: Event) {
        let _ = self.told.send(Told::Event(Record {
            event,
            at_ms: self.clock.at_ms(),
            app: self.app.clone(),
        }));
    }

    /// Tells people.
    pub fn note(&self, level: Level, text: impl Into<String>, hint: Option<String>) {
        let _ = self.told.send(Told::Note {
            level,
            text: text.into(),
            hint,
            app: self.app.clone(),
        });
    }
}
