//! The TOML table of a policy.

use fire_plugin_api::policy::{DrainLimits, WorkerLimits};
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
    /// Milliseconds that a call may go on in a worker without asking anything of the program. 0: for ever.
    pub(crate) hang_after_ms: u64,
    /// The same for calls of an old generation.
    pub(crate) old_hang_after_ms: u64,
    /// Megabytes that a worker may have had in memory. 0: any number.
    pub(crate) memory_mb: u64,
}

impl Default for Options {
    fn default() -> Self {
        let limits = WorkerLimits::default();
        Self {
            respawns: 3,
            respawn_after_ms: 100,
            drain_after_ms: None,
            generations: 64,
            hang_after_ms: limits.hang_ms.unwrap_or(0),
            old_hang_after_ms: limits.old_hang_ms.unwrap_or(0),
            memory_mb: limits.memory_mb.unwrap_or(0),
        }
    }
}

impl Options {
    /// Reads the plugin's table. The error names the key and its line in that table.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let options: Self = options::read(text).map_err(|error| {
            error.with_hint(
                "the keys are respawns, respawn-after-ms, drain-after-ms, generations, hang-after-ms, \
                 old-hang-after-ms and memory-mb",
            )
        })?;
        if options.generations == 0 {
            return Err(Error::new("`generations` must be at least 1"));
        }
        Ok(options)
    }

    pub(crate) fn worker_limits(&self) -> WorkerLimits {
        let some = |limit: u64| (limit > 0).then_some(limit);
        WorkerLimits {
            hang_ms: some(self.hang_after_ms),
            old_hang_ms: some(self.old_hang_after_ms),
            memory_mb: some(self.memory_mb),
        }
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
        let text = "hang-after-ms = 0\nold-hang-after-ms = 7\nmemory-mb = 90\n";
        let limits = Options::parse(text).unwrap().worker_limits();
        assert_eq!(
            limits,
            WorkerLimits {
                hang_ms: None,
                old_hang_ms: Some(7),
                memory_mb: Some(90)
            }
        );
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
