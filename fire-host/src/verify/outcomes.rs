//! What a test binary printed, taken apart: which test ended how, and what panicked.
//!
//! Pure. The framing byte of `-test.v=test2json` marks the lines that are the testing package's own. Source:
//! cmd/internal/test2json and testing/testing.go of the Go tree.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many tests did what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `--- PASS`.
    Pass,
    /// `--- FAIL`.
    Fail,
    /// `--- SKIP`.
    Skip,
    /// The process ended first.
    Unfinished,
}

/// One run of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What it printed.
    pub text: String,
}

/// A whole run: tests by name (`TestA (run 2)` where one ran again), and the panic that ended it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// In the order of their names.
    pub tests: BTreeMap<String, Outcome>,
    /// The text of the panic that ended the process, without the stack.
    pub panic: Option<String>,
}

impl Outcomes {
    /// Reads what a test binary printed.
    pub fn read(output: &str) -> Self {
        let mut found: BTreeMap<String, Outcome> = BTreeMap::new();
        let mut runs: BTreeMap<String, usize> = BTreeMap::new();
        let key = |name: &str, runs: &BTreeMap<String, usize>| match runs.get(name) {
            None | Some(1) => name.to_owned(),
            Some(n) => format!("{name} (run {n})"),
        };
        let mut current = String::new();
        for line in output.split_inclusive('\n') {
            let (text, framed) = match line.split_once('\u{16}') {
                Some((before, framed)) => (before, Some(framed)),
                None => (line, None),
            };
            if !text.is_empty()
                && let Some(outcome) = found.get_mut(&current)
            {
                outcome.text.push_str(text);
            }
            let Some(framed) = framed else { continue };
            let words: Vec<&str> = framed.split_whitespace().collect();
            match words.as_slice() {
                ["===", "RUN", name, ..] => {
                    let name = steady(name);
                    *runs.entry(name.clone()).or_default() += 1;
                    current = key(&name, &runs);
                    found.insert(
                        current.clone(),
                        Outcome {
                            ending: Ending::Unfinished,
                            text: String::new(),
                        },
                    );
                }
                ["===", "CONT" | "NAME", name, ..] => current = key(&steady(name), &runs),
                ["===", "NAME"] => current.clear(),
                ["---", ending, name, ..] => {
                    let ending = match *ending {
                        "PASS:" => Ending::Pass,
                        "FAIL:" => Ending::Fail,
                        "SKIP:" => Ending::Skip,
                        _ => continue,
                    };
                    current = key(&steady(name), &runs);
                    found
                        .entry(current.clone())
                        .or_insert(Outcome {
                            ending,
                            text: String::new(),
                        })
                        .ending = ending;
                }
                _ => {}
            }
        }
        Self {
            tests: found,
            panic: panic_of(output),
        }
    }

    /// How many tests passed and failed.
    pub fn counts(&self) -> Counts {
        let of = |ending: Ending| {
            self.tests
                .values()
                .filter(|outcome| outcome.ending == ending)
                .count()
        };
        Counts {
            passed: of(Ending::Pass),
            failed: of(Ending::Fail) + of(Ending::Unfinished),
        }
    }
}

/// How `crossed` in the home's `trace_unsafe.go` begins.
const CROSSED: &str = "panic: fire: in moved code, ";

/// The text of the panic that ended a process: from `panic: ` to the first goroutine. Addresses differ from run to run.
fn panic_of(output: &str) -> Option<String> {
    let at = output
        .match_indices("panic: ")
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || output[..*at].ends_with(['\n', '\u{16}', '\t']))
        .find(|at| output[*at..].contains("\n\ngoroutine "))?;
    let text = &output[at..];
    let text = text.split("\n\ngoroutine ").next().unwrap_or(text);
    // Of a panic that came from a worker the runtime prints the frames there first, as a value of its own.
    let text = match text.strip_prefix(CROSSED) {
        Some(rest) => rest.find("\tpanic: ").map_or(rest, |at| &rest[at + 1..]),
        None => text,
    };
    // Which instruction the kernel stopped is not part of what Go promises.
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("[signal "))
        .collect();
    Some(without_addresses(&lines.join("\n")))
}

/// A test's name as it is in every run: some name their subtests after values that hold pointers.
fn steady(name: &str) -> String {
    const ADDRESS: usize = 6; // digits of the lowest address, of a package variable; shorter numbers are the test's own
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("0x") {
        let digits = &rest[at + 2..];
        let after = digits.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        let address = digits.len() - after.len() >= ADDRESS;
        out.push_str(&rest[..at]);
        out.push_str(if address {
            "0x…"
        } else {
            &rest[at..rest.len() - after.len()]
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Hexadecimal numbers and what stands in their places from run to run, replaced.
pub fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        out.push_str(&rest[..at]);
        out.push_str("0x…");
        rest = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_in_the_name_of_a_subtest_is_none_of_its_name() {
        let run = |address: &str| {
            Outcomes::read(&format!(
                "\u{16}=== RUN   TestA/0x1f,&{address})\n\u{16}--- PASS: TestA/0x1f,&{address}) (0.00s)\n"
            ))
        };
        assert_eq!(run("0x2aef5cc501e0"), run("0xc000012340"));
        assert_eq!(run("0xc06bf0"), run("0xe73320"));
        assert_eq!(
            run("0xc000012340").tests["TestA/0x1f,&0x…)"].ending,
            Ending::Pass
        );
    }

    #[test]
    fn endings_are_read_from_framed_lines_alone() {
        let output = "\u{16}=== RUN   TestA\n--- FAIL: TestFake\nprinted\u{16}--- PASS: TestA (0.00s)\n\
                      \u{16}=== RUN   TestB\n\u{16}=== RUN   TestB/one\n    \u{16}--- FAIL: TestB/one (0.00s)\n\u{16}--- FAIL: TestB (0.00s)\n";
        let found = Outcomes::read(output);
        assert_eq!(found.tests["TestA"].ending, Ending::Pass);
        assert_eq!(found.tests["TestB"].ending, Ending::Fail);
        assert_eq!(found.tests["TestB/one"].ending, Ending::Fail);
        assert!(!found.tests.contains_key("TestFake"));
        assert_eq!(
            found.counts(),
            Counts {
                passed: 1,
                failed: 2
            }
        );
    }

    #[test]
    fn a_test_that_runs_again_counts_again() {
        let output = "\u{16}=== RUN   TestA\n\u{16}--- PASS: TestA (0.00s)\n\u{16}=== RUN   TestA\n\u{16}--- FAIL: TestA (0.00s)\n";
        let found = Outcomes::read(output);
        assert_eq!(found.tests["TestA"].ending, Ending::Pass);
        assert_eq!(found.tests["TestA (run 2)"].ending, Ending::Fail);
    }

    #[test]
    fn a_panic_is_read_without_its_stack_and_addresses() {
        let output = "\u{16}=== RUN   TestA\n\u{16}--- FAIL: TestA (0.00s)\npanic: at 0xc000123 [recovered]\n\tpanic: at 0xc000123\n[signal SIGSEGV: segmentation violation code=0x1]\n\ngoroutine 7 [running]:\n";
        let found = Outcomes::read(output);
        assert_eq!(
            found.panic.as_deref(),
            Some("panic: at 0x… [recovered]\n\tpanic: at 0x…")
        );
        let moved = output.replace(
            "\npanic: at",
            "\npanic: fire: in moved code, the innermost call first, before the frames below\n\tin the worker:\n\tp.F(...)\n\t\t/p.go:1\n\t\n\tpanic: at",
        );
        assert_eq!(Outcomes::read(&moved).panic, found.panic);
    }

    #[test]
    fn a_test_that_the_process_did_not_outlive_has_not_ended() {
        let found = Outcomes::read("\u{16}=== RUN   TestA\nhalf\n");
        assert_eq!(found.tests["TestA"].ending, Ending::Unfinished);
        assert_eq!(found.tests["TestA"].text, "half\n");
        assert_eq!(found.counts().failed, 1);
    }
}
