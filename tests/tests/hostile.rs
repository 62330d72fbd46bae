//! Home lives, whatever a worker sends: runs `fire-host/go/home/*_test.go`, which play a worker that is broken.
//!
//! Package home lies among the standard packages of a program that fire has built, so its tests are built by an overlay, with
//! a transport whose lanes say what a test has written down. `FIRE_FUZZ=60s` fuzzes for so long, beyond the kept corpus.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
        .canonicalize()
        .unwrap()
}

/// Builds the tests of package home.
fn built(into: &Path, flags: &[&str]) -> PathBuf {
    let said = Command::new("go").args(["env", "GOROOT"]).output().unwrap();
    let sources = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()).join("src");
    let mut replace = BTreeMap::new();
    for (path, directory) in [
        ("fireagent/home", "fire-host/go/home"),
        ("fireagent/wire", "fire-host/go/wire"),
        ("fireagent/lane", "tests/go/lane-script"),
        ("index", "fire-host/go/index"),
    ] {
        for entry in std::fs::read_dir(repository(directory)).unwrap().flatten() {
            let name = entry.file_name();
            let wanted = path == "fireagent/home" || !name.to_string_lossy().ends_with("_test.go");
            let go = entry
                .path()
                .extension()
                .is_some_and(|is| is == "go" || is == "s");
            if wanted && go {
                replace.insert(sources.join(path).join(name), entry.path());
            }
        }
    }
    let overlay = into.join("overlay.json");
    std::fs::write(
        &overlay,
        serde_json::json!({ "Replace": replace }).to_string(),
    )
    .unwrap();
    let binary = into.join("home.test");
    let output = Command::new("go")
        .current_dir(into)
        .args(["test", "-c", "-vet=off", "-o"])
        .arg(&binary)
        .arg("-overlay")
        .arg(&overlay)
        .args(flags)
        .arg("fireagent/home")
        .env("GOFLAGS", "-mod=mod")
        .env("GO111MODULE", "off")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    binary
}

fn passes(binary: &Path, arguments: &[&str]) {
    let crashes = tempfile::tempdir().unwrap();
    let output = Command::new(binary)
        .current_dir(repository("fire-host/go/home"))
        .args(arguments)
        .env("FIRE_CRASHES", crashes.path())
        .output()
        .unwrap();
    let ended: String = std::fs::read_dir(crashes.path())
        .unwrap()
        .flatten()
        .map(|file| std::fs::read_to_string(file.path()).unwrap_or_default())
        .collect();
    assert!(
        output.status.success(),
        "{}\n{}\n{ended}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_a_broken_worker_sends_ends_its_call_alone() {
    let directory = tempfile::tempdir().unwrap();
    let binary = built(directory.path(), &[]);
    passes(
        &binary,
        &["-test.timeout=5m", "-test.skip=TestRandomFrames"],
    );
}

/// Scripts of fixed seeds; with `FIRE_FUZZ=10m`, those that a fuzzer finds in that time.
#[test]
fn fuzzed_frames_end_their_call_alone() {
    let directory = tempfile::tempdir().unwrap();
    let Ok(time) = std::env::var("FIRE_FUZZ") else {
        let binary = built(directory.path(), &[]);
        return passes(&binary, &["-test.run=TestRandomFrames", "-test.timeout=5m"]);
    };
    let binary = built(directory.path(), &["-fuzz=FuzzFrames"]);
    let cache = directory.path().join("corpus");
    passes(
        &binary,
        &[
            "-test.run=^$",
            "-test.fuzz=FuzzFrames",
            &format!("-test.fuzztime={time}"),
            &format!("-test.fuzzcachedir={}", cache.display()),
            "-test.parallel=2",
            "-test.fuzzminimizetime=100x", // else it makes inputs smaller for most of the time
        ],
    );
}
