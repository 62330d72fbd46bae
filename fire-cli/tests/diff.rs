//! `fire diff`, the command as it is typed.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const MAIN: &str =
    "package main\n\nimport \"example.com/shop/store\"\n\nfunc main() { println(store.Get()) }\n";
const STORE: &str =
    "package store\n\ntype Item struct {\n\tName string\n}\n\nfunc Get() int { return 1 }\n";

/// The tree `old`, and `new` with this text of `store/store.go`.
fn trees(store: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (side, store) in [("old", STORE), ("new", store)] {
        let tree = root.path().join(side);
        std::fs::create_dir_all(tree.join("store")).unwrap();
        std::fs::write(tree.join("go.mod"), "module example.com/shop\n\ngo 1.24\n").unwrap();
        std::fs::write(tree.join("main.go"), MAIN).unwrap();
        std::fs::write(tree.join("store/store.go"), store).unwrap();
    }
    root
}

fn fire(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fire"));
    // Go is not needed: it is not even to be found.
    command
        .current_dir(directory)
        .args(arguments)
        .env("PATH", "")
        .env_remove("GOOS")
        .env_remove("GOARCH");
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {stderr}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_of(directory: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&fire(directory, arguments))).unwrap()
}

#[test]
fn json_has_the_documented_shape() {
    let trees = trees(&STORE.replace("return 1", "return 2"));
    assert_eq!(
        json_of(trees.path(), &["diff", "old", "new", "--json"]),
        json!({
            "edits": [{"code": "body", "subject": "example.com/shop/store.Get", "detail": "body"}],
            "action": "hot",
            "functions": ["example.com/shop/store.Get"],
        })
    );
}

#[test]
fn nothing_is_nothing() {
    let trees = trees(STORE);
    let wanted = json!({"edits": [], "action": "nothing", "functions": []});
    assert_eq!(
        json_of(trees.path(), &["diff", "--json", "old", "new"]),
        wanted
    );
}

#[test]
fn the_policy_decides() {
    let added = STORE.replace(
        "return 1 }",
        "return two() }\n\nfunc two() int { return 2 }",
    );
    let trees = trees(&added);
    let action = |policy| {
        json_of(
            trees.path(),
            &["diff", "old", "new", "--json", "--policy", policy],
        )["action"]
            .clone()
    };
    assert_eq!(action("serious-changes"), "restart");
    assert_eq!(action("keep-state"), "hot");
}

#[test]
fn people_read_lines() {
    let changed = STORE
        .replace("\tName string\n", "\tName string\n\tTags []string\n")
        .replace("return 1", "return 2");
    let trees = trees(&changed);
    assert_eq!(
        stdout(&fire(trees.path(), &["diff", "old", "new"])),
        "body    example.com/shop/store.Get\nstruct  example.com/shop/store.Item: field Tags added\nrestart\n"
    );
}

#[test]
fn directories_are_relative_to_the_chosen_one() {
    let trees = trees(STORE);
    let path = trees.path().to_str().unwrap();
    assert_eq!(
        stdout(&fire(Path::new("/"), &["-C", path, "diff", "old", "new"])),
        "nothing\n"
    );
}

#[test]
fn wrong_arguments_are_told() {
    let trees = trees(STORE);
    let output = fire(trees.path(), &["diff", "old", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("nowhere is not a directory"), "{stderr}");
    assert_eq!(fire(trees.path(), &["diff", "old"]).status.code(), Some(2));
    assert!(
        !fire(trees.path(), &["diff", "old", "new", "--policy", "no-such"])
            .status
            .success()
    );
}

#[test]
fn a_tree_that_is_not_go_is_refused_with_its_place() {
    let trees = trees(&STORE.replace("return 1", "return 1 +"));
    let output = fire(trees.path(), &["diff", "old", "new"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("store/store.go:7:"), "{stderr}");
}
