//! From a difference to the functions that make it: parts of what is moved are tried until none can be left out.
//!
//! This is delta debugging (Zeller, Hildebrandt, 2002). The worker is built once; a part is tried by committing it alone,
//! because calls among moved functions go through home.

use std::collections::BTreeSet;

use crate::engine::trial::Ran;

use super::build::Pair;
use super::compare::{Difference, compare, pattern};
use super::package::PackageRun;

/// How many runs a search may take.
const RUNS: usize = 200;

impl PackageRun<'_> {
    /// The functions that make the first of these differences. Empty: it does not show in a run of its own.
    pub(super) async fn bisect(
        &mut self,
        pair: &Pair,
        plain: &Ran,
        differences: &[Difference],
        functions: &[String],
    ) -> Result<Vec<String>, String> {
        let Some(first) = differences.first() else {
            return Ok(Vec::new());
        };
        let alone = pattern(std::slice::from_ref(first)).or_else(|| self.options.run.clone());
        let arguments = self.arguments(alone.as_deref(), self.options.timeout);
        let before = self.plain(pair, &arguments, "plain, alone").await;
        let mut search = Search::new(functions.to_vec());
        while let Some(part) = search.next() {
            let doing = format!("looking for the function, {} left", search.left.len());
            let only: BTreeSet<String> = part.iter().cloned().collect();
            let moved = self
                .moved(pair, plain, alone.as_deref(), Some(&only), &doing)
                .await?;
            let shows = compare(&before, &moved.ran)
                .iter()
                .any(|one| one.any_run() == first.any_run());
            search.tell(shows);
        }
        Ok(search.found())
    }
}

/// The search, without the runs: it says which part to try and is told what came of it.
struct Search {
    left: Vec<String>,
    /// How many pieces `left` is cut into.
    pieces: usize,
    /// The next piece to try; past `pieces`, what is left without that piece.
    at: usize,
    runs: usize,
    trying: Vec<String>,
    whole_tried: bool,
    shown: bool,
}

impl Search {
    fn new(functions: Vec<String>) -> Self {
        Self {
            left: functions,
            pieces: 2,
            at: 0,
            runs: 0,
            trying: Vec::new(),
            whole_tried: false,
            shown: false,
        }
    }

    /// The next part to try; none: the search is over.
    fn next(&mut self) -> Option<Vec<String>> {
        if !self.whole_tried {
            self.trying.clone_from(&self.left);
        } else {
            if !self.shown || self.left.len() < 2 || self.runs >= RUNS {
                return None;
            }
            if self.at >= 2 * self.pieces {
                if self.pieces >= self.left.len() {
                    return None;
                }
                self.pieces = (self.pieces * 2).min(self.left.len());
                self.at = 0;
            }
            let piece = self.at % self.pieces;
            let size = self.left.len().div_ceil(self.pieces);
            let from = (piece * size).min(self.left.len());
            let to = (from + size).min(self.left.len());
            self.trying = if self.at < self.pieces {
                self.left[from..to].to_vec()
            } else {
                let mut rest = self.left[..from].to_vec();
                rest.extend_from_slice(&self.left[to..]);
                rest
            };
            if self.trying.is_empty() || self.trying.len() == self.left.len() {
                self.at += 1;
                return self.next();
            }
        }
        self.runs += 1;
        Some(self.trying.clone())
    }

    fn tell(&mut self, shows: bool) {
        if !self.whole_tried {
            self.whole_tried = true;
            self.shown = shows;
            return;
        }
        if !shows {
            self.at += 1;
            return;
        }
        self.pieces = if self.at < self.pieces {
            2
        } else {
            (self.pieces - 1).max(2)
        };
        self.at = 0;
        self.left = std::mem::take(&mut self.trying);
    }

    fn found(self) -> Vec<String> {
        if self.shown { self.left } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(count: usize, culprits: &[usize]) -> (Vec<String>, usize) {
        let wanted: Vec<String> = culprits.iter().map(ToString::to_string).collect();
        let mut search = Search::new((0..count).map(|n| n.to_string()).collect());
        while let Some(part) = search.next() {
            search.tell(wanted.iter().all(|one| part.contains(one)));
        }
        let runs = search.runs;
        (search.found(), runs)
    }

    #[test]
    fn one_function_is_found_by_halving() {
        for culprit in [0, 17, 99] {
            let (found, runs) = search(100, &[culprit]);
            assert_eq!(found, [culprit.to_string()]);
            assert!(runs < 20, "{runs} runs");
        }
    }

    #[test]
    fn two_functions_that_only_differ_together_are_found_together() {
        let (found, runs) = search(64, &[3, 60]);
        assert_eq!(found, ["3", "60"]);
        assert!(runs < 100, "{runs} runs");
    }

    #[test]
    fn a_difference_that_does_not_show_again_has_no_functions() {
        let mut search = Search::new(vec!["a".into(), "b".into()]);
        assert!(search.next().is_some());
        search.tell(false);
        assert!(search.next().is_none());
        assert!(search.found().is_empty());
    }
}
