//! Two runs of one test binary, compared. Pure.

use serde::Serialize;

use crate::engine::trial::Ran;

use super::goroutines;
use super::outcomes::{Ending, Outcome, Outcomes, without_addresses};

/// A test that ended differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name; empty for the package as a whole.
    pub test: String,
    /// How it ended plain.
    pub plain: String,
    /// How it ended moved.
    pub moved: String,
}

/// The differences of two runs, what went wrong first in front; tests that were not run any more are its consequence.
pub fn compare(plain: &Ran, moved: &Ran) -> Vec<Difference> {
    let (before, after) = (Outcomes::read(&plain.output), Outcomes::read(&moved.output));
    let mut found: Vec<(u8, Difference)> = Vec::new();
    for name in before.tests.keys().chain(
        after
            .tests
            .keys()
            .filter(|name| !before.tests.contains_key(*name)),
    ) {
        let (was, is) = (before.tests.get(name), after.tests.get(name));
        if same(was, is) {
            continue;
        }
        let rank = match is.map(|outcome| outcome.ending) {
            Some(Ending::Unfinished) => 0,
            Some(Ending::Fail) => 1,
            _ => 2,
        };
        let difference = Difference {
            test: name.clone(),
            plain: shown(was, plain),
            moved: shown(is, moved),
        };
        found.push((rank, difference));
    }
    found.sort_by_key(|(rank, _)| *rank);
    let mut differences: Vec<Difference> = found.into_iter().map(|(_, one)| one).collect();
    let whole = before.panic != after.panic
        || plain.code != moved.code
        || plain.stopped.is_some() != moved.stopped.is_some();
    if differences.is_empty() && whole {
        differences.push(Difference {
            test: String::new(),
            plain: ended(plain, &before),
            moved: ended(moved, &after),
        });
    }
    differences
}

impl Difference {
    /// It is about a test that only one of the runs had, and of which test it is a part. Some name their subtests after the time of day.
    pub fn one_sided(&self) -> Option<&str> {
        let absent = self.plain.starts_with(NOT_RUN) || self.is_consequence();
        self.test
            .rsplit_once('/')
            .filter(|_| absent)
            .map(|(parent, _)| parent)
    }

    /// The test's name whichever of its runs this is: what differs in the second of many may differ in the first the next time.
    pub fn any_run(&self) -> &str {
        self.test
            .split_once(" (run ")
            .map_or(&self.test, |(name, _)| name)
    }

    /// The test was not reached moved: another one ended the process.
    pub fn is_consequence(&self) -> bool {
        self.moved.starts_with(NOT_RUN)
    }

    /// The test ended by itself moved, and failed.
    pub fn failed(&self) -> bool {
        self.moved.starts_with(FAILED)
    }
}

/// How a test that was not run, and one that failed, begin to be told.
const NOT_RUN: &str = "not run: ";
const FAILED: &str = "fail\n";

/// Whether two runs of a test ended alike. Where both failed, what an example printed counts too: it is what the
/// example is about. Other failures may say times and addresses.
fn same(was: Option<&Outcome>, is: Option<&Outcome>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => {
            was.ending == is.ending
                && (was.ending != Ending::Fail || printed(&was.text) == printed(&is.text))
        }
        (None, None) => true,
        _ => false,
    }
}

/// What a failed example printed.
fn printed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("got:\n")?;
    let (got, _) = rest.split_once("\nwant:\n")?;
    Some(without_addresses(got))
}

fn shown(outcome: Option<&Outcome>, run: &Ran) -> String {
    let why = || {
        run.stopped
            .clone()
            .unwrap_or_else(|| format!("the process ended with {}", status(run.code)))
    };
    match outcome {
        None => format!("{NOT_RUN}{}", why()),
        Some(outcome) => {
            let text = outcome.text.trim_end();
            match outcome.ending {
                Ending::Pass => "pass".into(),
                Ending::Skip => "skip".into(),
                Ending::Fail => format!("{FAILED}{text}"),
                Ending::Unfinished => {
                    format!("did not end: {}\n{}", why(), goroutines::readable(text))
                }
            }
        }
    }
}

/// How a process ended, with what it said about that.
fn ended(run: &Ran, outcomes: &Outcomes) -> String {
    let how = run.stopped.clone().unwrap_or_else(|| status(run.code));
    match &outcomes.panic {
        Some(panic) => format!("{how}\n{panic}"),
        None => format!("{how}\n{}", tail(&run.output)),
    }
}

fn status(code: i32) -> String {
    if code < 0 {
        "a signal".into()
    } else {
        format!("exit status {code}")
    }
}

/// The last lines of an output.
fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// The pattern for `-test.run` that selects the tests that these differences are about, at their top level.
pub fn pattern(differences: &[Difference]) -> Option<String> {
    let mut names: Vec<&str> = differences
        .iter()
        .map(|one| one.test.split(['/', ' ']).next().unwrap_or_default())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names[0].is_empty() {
        return None;
    }
    Some(format!("^({})$", names.join("|")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(output: &str, code: i32) -> Ran {
        Ran {
            output: output.replace('~', "\u{16}"),
            code,
            ..Ran::default()
        }
    }

    #[test]
    fn a_test_that_ends_differently_is_a_difference() {
        let found = compare(
            &ran("~=== RUN   TestA\n~--- PASS: TestA (0.00s)\n", 0),
            &ran(
                "~=== RUN   TestA\n    a.go:1: no\n~--- FAIL: TestA (0.00s)\n",
                1,
            ),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].plain, "pass");
        assert!(found[0].moved.contains("a.go:1: no"), "{}", found[0].moved);
        assert_eq!(pattern(&found).as_deref(), Some("^(TestA)$"));
    }

    #[test]
    fn tests_that_fail_alike_are_alike_unless_an_example_prints_something_else() {
        let failed = |text: &str| {
            ran(
                &format!("~=== RUN   ExampleA\n~--- FAIL: ExampleA (0.00s)\n{text}"),
                1,
            )
        };
        assert!(compare(&failed("    a.go:1: 3 ms\n"), &failed("    a.go:1: 4 ms\n")).is_empty());
        let got = |text: &str| failed(&format!("got:\n{text}\nwant:\nx\n"));
        assert!(compare(&got("1"), &got("1")).is_empty());
        assert_eq!(compare(&got("1"), &got("2")).len(), 1);
    }

    #[test]
    fn what_did_not_end_comes_first_with_the_reason() {
        let plain = ran(
            "~=== RUN   TestA\n~--- PASS: TestA (0.00s)\n~=== RUN   TestB\n~--- PASS: TestB (0.00s)\n",
            0,
        );
        let mut moved = ran("~=== RUN   TestB\n", -1);
        moved.stopped = Some("it hangs".into());
        let found = compare(&plain, &moved);
        assert_eq!(found[0].test, "TestB");
        assert!(found[0].moved.starts_with("did not end: it hangs"));
        assert_eq!(found[1].moved, "not run: it hangs");
    }

    #[test]
    fn a_test_goes_by_one_name_in_all_its_runs() {
        let twice = |second: &str| {
            ran(
                &format!(
                    "~=== RUN   TestA\n~--- PASS: TestA (0.00s)\n~=== RUN   TestA\n~--- {second}: TestA (0.00s)\n"
                ),
                0,
            )
        };
        let found = compare(&twice("PASS"), &twice("FAIL"));
        assert_eq!(found[0].test, "TestA (run 2)");
        assert_eq!(found[0].any_run(), "TestA");
    }

    #[test]
    fn a_subtest_that_one_run_has_alone_is_told_apart() {
        let of = |name: &str| {
            ran(
                &format!("~=== RUN   TestA/{name}\n~--- PASS: TestA/{name} (0.00s)\n"),
                0,
            )
        };
        let found = compare(&of("10:31"), &of("10:32"));
        assert_eq!(found.len(), 2);
        assert!(
            found.iter().all(|one| one.one_sided() == Some("TestA")),
            "{found:?}"
        );
        assert!(found.iter().all(|one| !one.failed()));
    }

    #[test]
    fn the_panic_that_ends_a_process_is_compared() {
        let died = |text: &str| {
            ran(
                &format!(
                    "~=== RUN   TestA\n~--- FAIL: TestA (0.00s)\npanic: {text}\n\ngoroutine 1 [running]:\n"
                ),
                2,
            )
        };
        assert!(compare(&died("at 0x1"), &died("at 0x2")).is_empty());
        let found = compare(&died("one"), &died("two"));
        assert_eq!(found.len(), 1);
        assert!(found[0].moved.contains("panic: two"), "{}", found[0].moved);
    }
}
