//! `fire verify` over the public modules of `tests/modules.txt`, nightly-style; the result is a table.
//!
//!     cargo run -p fire-tests --example modules              all of them
//!     cargo run -p fire-tests --example modules -- yaml mux  those whose path contains one of the words
//!
//! Needs Go and the module proxy. The exit code is 1 if a module could not be verified or is not equal.

use std::process::ExitCode;

use fire_tests::modules::{list, verify};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let modules: Vec<_> = list()
        .into_iter()
        .filter(|one| words.is_empty() || words.iter().any(|word| one.path.contains(word.as_str())))
        .collect();
    println!(
        "| module | kind | tests | functions moved | movable | calls moved | equal | moved time / plain time | s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let (mut tests, mut moved, mut movable, mut total, mut equal) = (0, 0, 0, 0, 0);
    let mut slowdowns = Vec::new();
    for module in &modules {
        let row = match verify(module) {
            Ok(row) => row,
            Err(error) => {
                println!("| {} | {} | | | | | no | | |", module.path, module.kind);
                eprintln!("{}: {error}", module.path);
                continue;
            }
        };
        println!(
            "| {} | {} | {} | {} | {} of {} | {} | {} | {} | {} |",
            row.module,
            module.kind,
            row.tests,
            row.moved,
            row.movable,
            row.total,
            row.calls,
            if row.equal { "yes" } else { "**no**" },
            row.slowdown
                .map_or_else(String::new, |factor| format!("{factor:.1}")),
            row.seconds
        );
        if row.equal {
            equal += 1;
        } else {
            eprintln!("{}\n{}", row.module, row.told);
        }
        tests += row.tests;
        moved += row.moved;
        movable += row.movable;
        total += row.total;
        slowdowns.extend(row.slowdown);
    }
    slowdowns.sort_by(f64::total_cmp);
    println!(
        "\n{equal} of {} modules equal; {tests} tests; {moved} functions moved; {movable} of {total} movable; {} times the time (median)",
        modules.len(),
        slowdowns
            .get(slowdowns.len() / 2)
            .map_or_else(|| "?".into(), |factor| format!("{factor:.1}"))
    );
    ExitCode::from(u8::from(equal < modules.len()))
}
