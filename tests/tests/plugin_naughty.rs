//! A transport that fails, in each way, at each call: fire names the plugin and the call, and the app is not harmed.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::time::Duration;

use fire_tests::driver::{Fire, Project};
use fire_tests::plugin_libraries::example;

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

fn project(fails: &str) -> Project {
    let library = example("naughty_transport");
    let settings = format!(
        "[transport]\nname = \"naughty-transport\"\npath = {:?}\nfails = {fails:?}\n",
        library.to_str().unwrap()
    );
    Project::new(&[("main.go", APP), ("fire.toml", &settings)])
}

/// Starts it, edits it: the new code runs, whatever the transport does.
fn runs(fails: &str) -> (Fire, serde_json::Value) {
    let project = project(fails);
    let mut running = project.fire(&[]);
    running.expect("ready");
    running.prints("v1 true");
    project.replace("main.go", "v1 ", "v2 ");
    let done = running.until(|event| event["event"] == "swapped" || event["event"] == "restarted");
    running.prints("v2 true");
    (running, done)
}

fn said(mut running: Fire) -> String {
    running.signal(rustix::process::Signal::TERM);
    running.ends(Duration::from_secs(40)).stderr
}

#[test]
fn a_link_that_cannot_be_made_restarts_the_app() {
    for (fails, told) in [
        ("create fails", "`create`: naughty"),
        ("create panics", "`create` panicked"),
        ("create hangs", "`create`: did not answer within 10 s"),
        (
            "descriptor fails",
            "`descriptor`: \"two\\nlines\" is not one line",
        ),
        ("descriptor panics", "`descriptor` panicked"),
    ] {
        let (_running, done) = runs(fails);
        assert_eq!(done["event"], "restarted", "{fails}: {done}");
        let detail = done["reasons"][0]["detail"].as_str().unwrap();
        assert!(
            detail.contains("transport `naughty-transport`: ") && detail.contains(told),
            "{fails}: {done}"
        );
    }
}

#[test]
fn a_link_that_cannot_be_closed_ends_with_its_worker() {
    for fails in ["attached panics", "close panics"] {
        let (running, done) = runs(fails);
        assert_eq!(done["event"], "swapped", "{fails}: {done}");
        said(running);
    }
}

#[test]
fn a_go_half_that_fails_restarts_the_app() {
    for fails in ["Attach fails", "Attach panics"] {
        let (_running, done) = runs(fails);
        assert_eq!(done["event"], "restarted", "{fails}: {done}");
    }
}

#[test]
fn a_go_half_that_does_not_compile_keeps_the_app_native() {
    let (running, done) = runs("Go does not compile");
    assert_eq!(done["event"], "restarted", "{done}");
    let said = said(running);
    assert!(said.contains("undefined: nowhere"), "{said}");
}

#[test]
fn a_transport_that_cannot_be_made_is_told_before_anything_runs() {
    for (fails, told) in [
        ("new fails", "naughty"),
        ("new panics", "`new` panicked"),
        ("go_half fails", "`go_half`: there is no file"),
        ("go_half panics", "`go_half` panicked"),
    ] {
        let (code, _, said) = project(fails).fire_once(&[]);
        assert_ne!(code, 0, "{fails}: {said}");
        assert!(
            said.contains("transport `naughty-transport`: ") && said.contains(told),
            "{fails}: {said}"
        );
    }
}
