//! The TOML table of a policy.

use fire_plugin_api::policy::DrainLimits;
use fire_plugin_api::{Error, options};
use serde::Deserialize;

/// Keys that both policies understand.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// How often in a row a worker is started again before its functions roll back.
    pub(crate) respawns: u32,
    /// Milliseconds before the first respawn that follows a failed one; doubled each time.
    pub(crate) respawn_after_ms: u64,
    /// Milliseconds after which an old generation that still has calls is ended. Absent: never.
    pub(crate) drain_after_ms: Option<u64>,
    /// How many old generations may drain at once.
    pub(crate) generations: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            respawns: 3,
            respawn_after_ms: 100,
            drain_after_ms: None,
            generations: 64,
        }
    }
}

impl Options {
    /// Reads the plugin's table. The error names the key and its line in that table.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let options: Self = options::read(text).map_err(|error| {
            error.with_hint(
                "the keys are respawns, respawn-after-ms, drain-after-ms and generations",
            )
        })?;
        if options.generations == 0 {
            return Err(Error::new("`generations` must be at least 1"));
        }
        Ok(options)
    }

    pub(crate) fn drain_limits(&self) -> DrainLimits {
        DrainLimits {
            after_ms: self.drain_after_ms,
            generations: self.generations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_gives_the_defaults() {
        let options = Options::parse("").unwrap();
        assert_eq!(options.respawns, 3);
        assert_eq!(
            options.drain_limits(),
            DrainLimits {
                after_ms: None,
                generations: 64
            }
        );
    }

    #[test]
    fn every_key_is_read() {
        let text = "respawns = 1\nrespawn-after-ms = 5\ndrain-after-ms = 70\ngenerations = 2\n";
        let options = Options::parse(text).unwrap();
        assert_eq!((options.respawns, options.respawn_after_ms), (1, 5));
        assert_eq!(
            options.drain_limits(),
            DrainLimits {
                after_ms: Some(70),
                generations: 2
            }
        );
    }

    #[test]
    fn a_wrong_key_is_told_with_its_line() {
        let error = Options::parse("respawns = 1\nrespawn = 5\n").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(error.message.contains("`respawn`"), "{error}");
        assert!(error.hint.is_some());
    }

    #[test]
    fn no_generation_at_all_is_refused() {
        assert!(Options::parse("generations = 0").is_err());
    }
}
