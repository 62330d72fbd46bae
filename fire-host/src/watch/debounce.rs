//! Collects suspects until nothing has happened for a lull. Pure: time is given.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A steady stream of events still yields a batch this often.
const LONGEST: Duration = Duration::from_millis(400);

/// Suspects on their way to a batch.
#[derive(Debug)]
pub struct Debounce {
    lull: Duration,
    suspects: BTreeSet<PathBuf>,
    times: Option<(Instant, Instant)>,
}

/// What was collected.
#[derive(Debug, PartialEq, Eq)]
pub struct Collected {
    /// Sorted.
    pub suspects: BTreeSet<PathBuf>,
    /// When the first of them was noticed.
    pub noticed: Instant,
}

impl Debounce {
    /// Nothing yet.
    pub fn new(lull: Duration) -> Self {
        Self {
            lull,
            suspects: BTreeSet::new(),
            times: None,
        }
    }

    /// Something happened to this path.
    pub fn touch(&mut self, path: PathBuf, now: Instant) {
        self.suspects.insert(path);
        let first = self.times.map_or(now, |(first, _)| first);
        self.times = Some((first, now));
    }

    /// When the batch is to be taken, if nothing else happens.
    pub fn due(&self) -> Option<Instant> {
        self.times
            .map(|(first, last)| (last + self.lull).min((first + LONGEST).max(first + self.lull)))
    }

    /// The batch, if it is due.
    pub fn take(&mut self, now: Instant) -> Option<Collected> {
        if self.due()? > now {
            return None;
        }
        let (noticed, _) = self.times.take()?;
        Some(Collected {
            suspects: std::mem::take(&mut self.suspects),
            noticed,
        })
    }

    /// Puts a batch back: it is due again one lull from now.
    pub fn put_back(&mut self, collected: Collected, now: Instant) {
        self.suspects.extend(collected.suspects);
        // `first` moves to now for the sake of the cap; the caller keeps the honest time.
        self.times = Some((now, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Touches at these milliseconds; expects batches to be taken at these.
    fn check(lull_ms: u64, touches: &[u64], expected: &[u64]) {
        let zero = Instant::now();
        let mut debounce = Debounce::new(Duration::from_millis(lull_ms));
        let mut taken = Vec::new();
        for at in 0..3_000 {
            let now = zero + Duration::from_millis(at);
            if debounce.take(now).is_some() {
                taken.push(at);
            }
            if touches.contains(&at) {
                debounce.touch(PathBuf::from(format!("f{at}")), now);
            }
        }
        assert_eq!(taken, expected, "lull {lull_ms}, touches {touches:?}");
    }

    #[test]
    fn a_batch_is_taken_after_a_lull() {
        check(30, &[0], &[30]);
        check(30, &[0, 10, 35], &[65]);
        check(30, &[0, 100], &[30, 130]);
        check(50, &[0, 49, 98], &[148]);
    }

    #[test]
    fn a_steady_stream_cannot_starve_it() {
        let stream: Vec<u64> = (0..1_000).step_by(10).collect();
        check(30, &stream, &[400, 800, 1_020]);
    }

    #[test]
    fn a_lull_longer_than_the_cap_counts() {
        check(1_000, &[0, 500], &[1_000]);
    }

    #[test]
    fn what_is_put_back_is_due_one_lull_later() {
        let zero = Instant::now();
        let lull = Duration::from_millis(30);
        let mut debounce = Debounce::new(lull);
        debounce.touch("a".into(), zero);
        let collected = debounce.take(zero + lull).unwrap();
        debounce.put_back(collected, zero + lull);
        assert_eq!(debounce.take(zero + lull), None);
        assert!(debounce.take(zero + lull * 2).is_some());
    }
}
