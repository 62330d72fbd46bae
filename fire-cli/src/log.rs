//! What the host and its plugins log, as lines on stderr: warnings always, more with `-v`. What a batch
//! leads to is not logged; the session tells it.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::Common;

/// From now on.
pub fn start(common: &Common) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let ours = Targets::new()
        .with_target("fire", level)
        .with_target("fire_host", level)
        .with_target("fire_plugin_api", level)
        .with_target("plugin", level);
    // An error means that a test has set its own before.
    let _ = tracing_subscriber::registry()
        .with(Lines.with_filter(ours))
        .try_init();
}

struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        eprintln!("{}", line(event.metadata().level(), &words));
    }
}

/// `fire  warning: pigeon: the nest is full lanes=3`
fn line(level: &Level, words: &Words) -> String {
    let grade = match *level {
        Level::ERROR => "error: ",
        Level::WARN => "warning: ",
        _ => "",
    };
    let plugin = match words.plugin.is_empty() {
        true => String::new(),
        false => format!("{}: ", words.plugin),
    };
    format!("fire  {grade}{plugin}{}{}", words.message, words.fields)
}

/// An event's fields.
#[derive(Default)]
struct Words {
    plugin: String,
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "plugin" => self.plugin = value.to_owned(),
            // The module inside a plugin: its name is enough.
            "module" => {}
            name => self.fields += &format!(" {name}={value}"),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields += &format!(" {name}={value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugins_line_has_its_name() {
        let words = Words {
            plugin: "pigeon".to_owned(),
            message: "the nest is full".to_owned(),
            fields: " lanes=3".to_owned(),
        };
        assert_eq!(
            line(&Level::WARN, &words),
            "fire  warning: pigeon: the nest is full lanes=3"
        );
        assert_eq!(
            line(
                &Level::DEBUG,
                &Words {
                    plugin: String::new(),
                    ..words
                }
            ),
            "fire  the nest is full lanes=3"
        );
    }
}
