//! Random Go programs: each is a case of its own seed, well-typed, deterministic, and ends.
//!
//! A case declares types and functions and has one entry function. It prints what it computes through package `show`,
//! which stays at home, so its text is what the case has seen, identities of pointers included. Many cases are one
//! program of the conformance suite, which builds and compares it. A panic ends its case alone; fuel ends those that
//! would go on for long.
//!
//! What the language leaves open is never generated, or a difference would mean nothing: the order of several panics in
//! one statement, capacities that the compiler may choose, the order of maps, conversions of floats that do not fit. The
//! exception is when operands are read that a call in the same statement changes: the compiler's order is kept there, and
//! `late.rs` looks for it.

mod concurrent;
mod control;
mod declare;
mod expression;
mod late;
mod random;
mod statement;
mod types;

use std::fmt::Write as _;

use crate::conformance::{Program, parse};
use declare::Case;

/// The text of one case, and the name of its entry function.
pub fn case(seed: u64) -> (String, String) {
    let mut case = Case::new(seed);
    case.generate();
    (case.text(), case.entry())
}

/// Programs of some cases each, with consecutive seeds.
pub fn programs(first: u64, count: u64, each: u64) -> Vec<Program> {
    let mut programs = Vec::new();
    let mut seed = first;
    while seed < first + count {
        let end = (seed + each).min(first + count);
        programs.push(program(seed, end));
        seed = end;
    }
    programs
}

fn program(first: u64, end: u64) -> Program {
    let mut cases = String::new();
    let mut calls = String::new();
    for seed in first..end {
        let (text, entry) = case(seed);
        let _ = writeln!(cases, "// Seed {seed}.\n\n{text}");
        let _ = writeln!(calls, "\tshow.Case({seed}, {entry})");
    }
    let text = format!(
        "Generated.\n-- main.go --\npackage main\n\nimport \"example/show\"\n\nfunc main() {{\n{calls}}}\n\
         -- cases.go --\npackage main\n\n{IMPORTS}\n{}\n{}\n{cases}\n-- show/show.go --\n{}",
        concurrent::PRELUDE,
        late::STATE,
        include_str!("../go/show/show.go")
    );
    parse(&format!("generated-{first}"), &text)
}

const IMPORTS: &str = r#"import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"example/show"
)

var (
	_ = errors.New
	_ = fmt.Sprint
	_ = slices.Max[[]int]
	_ = sort.Ints
	_ = strconv.Itoa
	_ = strings.ToUpper
	_ sync.Mutex
	_ atomic.Int64
)
"#;

#[cfg(test)]
mod tests {
    #[test]
    fn a_seed_always_gives_the_same_case() {
        for seed in 1..50 {
            assert_eq!(super::case(seed), super::case(seed));
        }
        assert_ne!(super::case(1).0, super::case(2).0);
    }
}
