//! Every program of the conformance suite behaves the same at home and in workers.
//!
//! `FIRE_CONFORMANCE="word word"` runs only the programs whose names contain one of the words, `FIRE_OVER=shm` only that transport
//! (the tests of the others then fail: leave them out). The Go on PATH is the one that
//! is tested: each release builds in a directory of its own.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use fire_tests::conformance::{Difference, Over, Split, read_all, run};

/// The whole suite, run by the test that comes first.
static SUITE: OnceLock<Vec<Difference>> = OnceLock::new();

fn suite() -> &'static [Difference] {
    SUITE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let said = Command::new("go")
            .args(["env", "GOVERSION"])
            .output()
            .unwrap();
        let release = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        runtime.block_on(run(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/conformance-{release}")),
            read_all(std::env::var("FIRE_CONFORMANCE").ok().as_deref()),
            |_| vec![Split::Package, Split::Function],
            overs(),
        ))
    })
}

/// The transports that the suite runs over.
fn overs() -> &'static [Over] {
    let asked = std::env::var("FIRE_OVER");
    match Over::ALL
        .iter()
        .position(|over| asked.as_deref() == Ok(over.name()))
    {
        Some(one) => &Over::ALL[one..=one],
        None => &Over::ALL,
    }
}

fn conforms(split: Option<Split>, over: Option<Over>) {
    assert!(
        over.is_none_or(|over| overs().contains(&over)),
        "FIRE_OVER leaves it out"
    );
    let differing: Vec<_> = suite()
        .iter()
        .filter(|one| one.split == split && one.over == over)
        .map(ToString::to_string)
        .collect();
    assert!(
        differing.is_empty(),
        "{} programs differ\n\n{}",
        differing.len(),
        differing.join("\n\n")
    );
}

#[test]
fn programs_end_well_and_move_as_they_say() {
    conforms(None, None);
}

#[test]
fn workers_build() {
    conforms(Some(Split::Package), None);
    conforms(Some(Split::Function), None);
}

#[test]
fn over_shm_one_worker_a_package() {
    conforms(Some(Split::Package), Some(Over::Shm));
}

#[test]
fn over_shm_one_worker_a_function() {
    conforms(Some(Split::Function), Some(Over::Shm));
}

#[test]
fn over_pipe_one_worker_a_package() {
    conforms(Some(Split::Package), Some(Over::Pipe));
}

#[test]
fn over_pipe_one_worker_a_function() {
    conforms(Some(Split::Function), Some(Over::Pipe));
}

#[test]
fn over_tcp_one_worker_a_package() {
    conforms(Some(Split::Package), Some(Over::Tcp));
}

#[test]
fn over_tcp_one_worker_a_function() {
    conforms(Some(Split::Function), Some(Over::Tcp));
}
