//! Time as events and lines tell it: milliseconds since fire started.

use std::time::{Duration, Instant};

/// The zero of `at_ms`. Copies share it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock whose zero is now.
    pub fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    /// Milliseconds since the zero.
    pub fn at_ms(&self) -> u64 {
        whole_ms(self.zero.elapsed())
    }
}

/// Milliseconds, rounded down.
pub fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
