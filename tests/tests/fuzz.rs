//! What fuzzing has found interesting, and mutations of it that are the same at each run.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use fire_tests::fuzz::{self, Target};

/// How many mutations of each input are tried.
const MUTATIONS: usize = 60;

/// xorshift64*: enough for bytes to be changed at many places.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap() % end.max(1)
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has a corpus");
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn mutate(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.below(256) as u8),
            _ => {
                let from = random.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
        }
    }
    bytes
}

fn replay((name, target): Target) {
    let corpus = corpus(name);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for input in &corpus {
        target(input);
        for _ in 0..MUTATIONS {
            let other = &corpus[random.below(corpus.len())];
            let mutated = mutate(input, other, &mut random);
            let outcome = std::panic::catch_unwind(|| target(&mutated));
            assert!(outcome.is_ok(), "{name} panics at {mutated:?}");
        }
    }
}

macro_rules! targets {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            replay((stringify!($name), fuzz::$name));
        }
    )*};
}
targets!(frames, shared_memory, control, library, settings, source);

#[test]
fn every_target_is_replayed() {
    let mut names: Vec<_> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let here = [
        "control",
        "frames",
        "library",
        "settings",
        "shared_memory",
        "source",
    ];
    assert_eq!(names, here);
}

/// With their corpus.
#[test]
fn the_go_halves_pass_their_own_targets() {
    for name in ["shm", "pipe", "tcp"] {
        let directory = tempfile::tempdir().unwrap();
        let output = fire_tests::go_half::lay_out(name, directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}{wrong}");
        assert!(said.contains("ok"), "{name}: {said}");
    }
}
