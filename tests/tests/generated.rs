//! Random Go programs behave the same at home and in workers.
//!
//! `FIRE_GENERATED="SEED COUNT"` runs COUNT programs from a seed on, 200 from 1 by default, so that the seed that a
//! failure names reproduces it alone: `FIRE_GENERATED="4711 1" cargo test -p fire-tests --test generated`. With
//! `FIRE_GENERATED_TEXT=1` the programs are only written, to standard output.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use fire_tests::conformance::{Over, Program, Split, run};
use fire_tests::generated::{case, programs};

/// Cases in one program.
const EACH: u64 = 50;

/// How a program's functions are spread: by its first seed.
fn split(program: &Program) -> Vec<Split> {
    let seed: u64 = program.name.rsplit('-').next().unwrap().parse().unwrap();
    vec![Split::Scattered(seed / EACH)]
}

#[test]
fn random_programs_behave_the_same_in_workers() {
    let asked = std::env::var("FIRE_GENERATED").unwrap_or_default();
    let mut numbers = asked.split_whitespace().map(|word| word.parse().unwrap());
    let (first, count) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(200));
    if std::env::var_os("FIRE_GENERATED_TEXT").is_some() {
        for seed in first..first + count {
            println!("{}", case(seed).0);
        }
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // Several runs with different seeds may go on at once.
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/generated/{first}"));
    let differences = runtime.block_on(run(
        &directory,
        programs(first, count, EACH),
        split,
        &[Over::Shm],
    ));
    let texts: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert!(
        texts.is_empty(),
        "{} of them differ\n\n{}",
        texts.len(),
        texts.join("\n\n")
    );
    std::fs::remove_dir_all(&directory).unwrap();
}
