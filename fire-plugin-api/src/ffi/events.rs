//! A plugin has its own copy of `tracing`; this carries its events to the host's subscriber. Spans are
//! not carried.

use std::fmt::{self, Write};

use abi_stable::StableAbi;
use abi_stable::std_types::{RStr, RString};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What the plugin needs of its host.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct Host {
    /// The plugin's name in `fire.toml`.
    pub name: RString,
    /// The most verbose level that anybody listens to: 1 for errors to 5 for traces, 0 for nothing.
    pub verbosity: extern "C" fn() -> u8,
    /// Takes an event: the plugin's name, level, target, text.
    pub event: extern "C" fn(RStr<'_>, u8, RStr<'_>, RStr<'_>),
}

/// The subscriber inside the plugin.
struct Forward(Host);

/// Sends this library's events to the host from now on. The first instance of a library wins: its name
/// is on all of the library's events.
pub fn forward(host: &Host) {
    // An error means that it is already set.
    let _ = tracing::subscriber::set_global_default(Forward(host.clone()));
}

pub(crate) fn level_number(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && level_number(metadata.level()) <= (self.0.verbosity)()
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // The host's verbosity can change while the plugin runs.
        tracing::subscriber::Interest::sometimes()
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        (self.0.event)(
            self.0.name.as_rstr(),
            level_number(metadata.level()),
            metadata.target().into(),
            text.0.as_str().into(),
        );
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// `message key=value key=value`
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => {
                let rest = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{rest}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

    extern "C" fn verbosity() -> u8 {
        3
    }

    extern "C" fn event(name: RStr<'_>, level: u8, _: RStr<'_>, text: RStr<'_>) {
        SEEN.lock().unwrap().push(format!("{name} {level} {text}"));
    }

    #[test]
    fn events_arrive_with_name_level_and_fields() {
        let host = Host {
            name: "pigeon".into(),
            verbosity,
            event,
        };
        tracing::subscriber::with_default(Forward(host), || {
            tracing::warn!(lanes = 3, "crowded");
            tracing::debug!("not heard");
        });
        assert_eq!(*SEEN.lock().unwrap(), ["pigeon 2 crowded lanes=3"]);
    }
}
