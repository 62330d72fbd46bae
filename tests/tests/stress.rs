//! Many calls at once, with locks, channels and maps shared by both processes and both heaps collected all the time.
//!
//! `FIRE_STRESS_SECONDS` says for how long, 6 by default. The program runs under the race detector at home: a race that the
//! plain program does not have is an exit code other than 0.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use fire_tests::conformance::{Outcome, Split, outcomes, parse};

fn run(name: &str, flags: &[&str]) -> (Outcome, Outcome) {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("stress/{name}.txtar")),
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/stress-{name}"));
    runtime.block_on(outcomes(
        &directory,
        parse(name, &text),
        Split::Package,
        flags,
    ))
}

fn same(plain: &Outcome, moved: &Outcome) {
    assert_eq!(plain.code, Some(0), "plain: {}", plain.report);
    assert_eq!(moved.code, Some(0), "moved: {}", moved.report);
    assert_eq!(plain.stdout, moved.stdout, "{}", moved.report);
}

#[test]
fn a_thousand_goroutines_share_locks_channels_and_maps() {
    let (plain, moved) = run("thousand", &["-race"]);
    same(&plain, &moved);
    for memory in &moved.memory {
        assert!(
            memory.late < 2 * memory.early + (16 << 20),
            "a worker grows: {memory:?}"
        );
    }
    eprintln!("{}{:?}", moved.report, moved.memory);
}

#[test]
fn ten_thousand_goroutines_block_in_moved_calls_at_once() {
    let (plain, moved) = run("blocked", &[]);
    same(&plain, &moved);
}
