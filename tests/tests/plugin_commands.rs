//! `fire plugin` as its user sees it: a plugin of each kind, made outside the workspace, is installed by path,
//! checked, named in `fire.toml` and used in a run.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use fire_tests::driver::Project;

const APP: &str = r#"package main

import (
	"fmt"
	"time"
)

var count int

func greet() string {
	count++
	return fmt.Sprint("v1 ", count > 1)
}

func main() {
	for {
		fmt.Println(greet())
		time.Sleep(50 * time.Millisecond)
	}
}
"#;

fn third_party(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("third-party")
        .join(name);
    path.to_str().unwrap().to_owned()
}

/// Runs a command that must succeed; gives its output.
fn fire(project: &Project, arguments: &[&str]) -> String {
    let (code, out, err) = project.fire_once(arguments);
    assert_eq!(code, 0, "fire {arguments:?}: {out}{err}");
    out
}

fn library(project: &Project, name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::DLL_SUFFIX);
    project.path().join(".fire/plugins").join(file)
}

#[test]
fn third_party_plugins_are_installed_checked_used_and_removed() {
    let project = Project::new(&[("main.go", APP)]);
    for name in ["pigeon", "in-company", "careful"] {
        fire(&project, &["plugin", "add", "--path", &third_party(name)]);
        let path = library(&project, name);
        let said = fire(&project, &["plugin", "check", path.to_str().unwrap()]);
        assert!(
            said.contains("passed ") && !said.contains("FAILED"),
            "{said}"
        );
    }
    let listed = fire(&project, &["plugin", "list"]);
    for line in [
        "transport  pigeon",
        "split      in-company",
        "policy     careful",
    ] {
        assert!(listed.contains(line), "{listed}");
    }

    let names = "transport = \"pigeon\"\nsplit = \"in-company\"\npolicy = \"careful\"\n";
    project.write("fire.toml", names);
    let mut running = project.fire(&[]);
    running.expect("ready");
    running.prints("v1 true");
    project.replace("main.go", "v1 ", "v2 ");
    running.expect("swapped");
    running.prints("v2 true");
    drop(running);

    // A wrong key is told with its line, before anything is built.
    project.write(
        "fire.toml",
        "[policy]\nname = \"careful\"\n\npatience = 3\n",
    );
    let (code, _, said) = project.fire_once(&[]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("fire.toml:4:1: restart policy `careful`: unknown field `patience`"),
        "{said}"
    );

    // A library that was exchanged is not loaded.
    project.write("fire.toml", "policy = \"careful\"\n");
    let path = library(&project, "careful");
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    let (code, _, said) = project.fire_once(&[]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("has changed since it was installed"),
        "{said}"
    );

    fire(&project, &["plugin", "remove", "careful"]);
    assert!(!library(&project, "careful").exists());
    let (_, _, said) = project.fire_once(&[]);
    assert!(
        said.contains("there is no restart policy `careful`"),
        "{said}"
    );
}
