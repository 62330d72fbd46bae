//! The Go halves with their own tests and fuzz targets, laid out as modules: a half is no module where it lies, because fire
//! compiles it among the standard packages.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lane_pair::transport;

/// Whose tests a transport's Go half has: directories below `plugins`.
fn owners(name: &str) -> &'static [&'static str] {
    match name {
        "shm" => &["transport-shm"],
        "pipe" => &["transport-stream", "transport-pipe"],
        "tcp" => &["transport-stream", "transport-tcp"],
        other => panic!("no such transport: {other}"),
    }
}

/// Lays a transport's Go half out in a directory; gives the `go test` that runs in it.
///
/// # Panics
/// When it cannot.
pub fn lay_out(name: &str, directory: &Path) -> Command {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let repository = repository.canonicalize().unwrap();
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join("go.mod"), "module fire/lane\n\ngo 1.22\n").unwrap();
    for file in transport(name, "").go_half() {
        std::fs::write(directory.join(file.name), file.source).unwrap();
    }
    for owner in owners(name) {
        let half = repository.join("plugins").join(owner).join("go");
        let test = format!("{}_fuzz_test.go", owner.replace('-', "_"));
        std::fs::copy(half.join("fuzz_test.go"), directory.join(test)).unwrap();
        copy(&half.join("testdata"), &directory.join("testdata"));
    }
    let output = Command::new("go").args(["env", "GOROOT"]).output().unwrap();
    let goroot = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let index = repository.join("fire-host/go/index");
    let replace: BTreeMap<PathBuf, PathBuf> = std::fs::read_dir(&index)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let there = goroot.join("src/index").join(entry.file_name());
            (there, entry.path())
        })
        .collect();
    let overlay = directory.join("overlay.json");
    let json = serde_json::json!({ "Replace": replace });
    std::fs::write(&overlay, json.to_string()).unwrap();
    let mut command = Command::new("go");
    command
        .current_dir(directory)
        .env("GOWORK", "off")
        .arg("test")
        .arg("-overlay")
        .arg(overlay);
    command
}

/// Copies a tree; nothing if there is none.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::create_dir_all(to).unwrap();
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
