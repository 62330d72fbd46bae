//! Plugins of each kind that fail at each call, in each way: fire names the plugin and the call, another one decides or
//! fire stops with a clear message, and the app is not harmed.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fire_tests::driver::{Fire, Project};
use fire_tests::plugin_libraries::example;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const APP: &str = r#"package main

import (
	"fmt"
	"time"
)

var count int

func greet() string {
	count++
	return fmt.Sprint("v1 ", count > 1, tail())
}

func tail() string { return "." }

func main() {
	for {
		fmt.Println(greet())
		time.Sleep(50 * time.Millisecond)
	}
}
"#;

/// A project whose plugin of a kind fails.
fn project(kind: &str, fails: &str) -> Project {
    let library = example(&format!("naughty_{kind}"));
    let settings = format!(
        "[{kind}]\nname = \"naughty-{kind}\"\npath = {:?}\nfails = {fails:?}\n",
        library.to_str().unwrap()
    );
    Project::new(&[("main.go", APP), ("fire.toml", &settings)])
}

/// Starts it, edits it: the new code runs, whatever the plugin does.
fn runs(project: &Project) -> (Fire, Value) {
    let mut running = project.fire(&[]);
    running.expect("ready");
    running.prints("v1 true");
    project.replace("main.go", "v1 ", "v2 ");
    let done = running.until(|event| event["event"] == "swapped" || event["event"] == "restarted");
    running.prints("v2 true");
    (running, done)
}

fn said(mut running: Fire) -> String {
    running.signal(Signal::TERM);
    running.ends(Duration::from_secs(40)).stderr
}

/// Several at once: they wait more than they compute.
fn each<T: Sync>(list: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                while let Some(one) = list.get(next.fetch_add(1, Relaxed)) {
                    check(one);
                }
            });
        }
    });
}

#[test]
fn a_plugin_that_cannot_be_made_is_told_before_anything_runs() {
    let kinds = [
        ("transport", "transport"),
        ("split", "split strategy"),
        ("policy", "restart policy"),
    ];
    let ways = [
        ("new fails", "`new`: naughty"),
        ("new panics", "`new` panicked at "),
        ("new hangs", "`new`: did not answer within 10 s"),
    ];
    let mut all = Vec::new();
    for kind in kinds {
        all.extend(ways.map(|way| (kind, way)));
    }
    for way in [
        ("go_half fails", "`go_half`: there is no file"),
        ("go_half panics", "`go_half` panicked at "),
        ("go_half hangs", "`go_half`: did not answer within 10 s"),
    ] {
        all.push((kinds[0], way));
    }
    each(&all, |((kind, shown), (fails, told))| {
        let (code, out, said) = project(kind, fails).fire_once(&[]);
        assert_eq!((code, out.as_str()), (1, ""), "{kind} {fails}: {said}");
        let told = format!("{shown} `naughty-{kind}`: {told}");
        assert!(said.contains(&told), "{kind} {fails}: {said}");
    });
}

#[test]
fn a_link_that_cannot_be_made_restarts_the_app() {
    let ways = [
        ("create fails", "`create`: naughty"),
        ("create panics", "`create` panicked"),
        ("create hangs", "`create`: did not answer within 10 s"),
        (
            "descriptor fails",
            "`descriptor`: \"two\\nlines\" is not one line",
        ),
        ("descriptor panics", "`descriptor` panicked"),
        (
            "descriptor hangs",
            "`descriptor`: did not answer within 10 s",
        ),
    ];
    each(&ways, |(fails, told)| {
        let (_running, done) = runs(&project("transport", fails));
        assert_eq!(done["event"], "restarted", "{fails}: {done}");
        let detail = done["reasons"][0]["detail"].as_str().unwrap();
        assert!(
            detail.contains("transport `naughty-transport`: ") && detail.contains(told),
            "{fails}: {done}"
        );
    });
}

#[test]
fn a_link_that_fails_later_costs_no_more_than_a_swap() {
    let ways = [
        ("attached panics", "`attached` panicked at "),
        ("attached fails", "`attached`: naughty"),
        ("attached hangs", "`attached`: did not answer within 10 s"),
        ("close panics", "`close` panicked at "),
        ("close hangs", "`close`: did not answer within 10 s"),
    ];
    each(&ways, |(fails, told)| {
        let (running, _) = runs(&project("transport", fails));
        let said = said(running);
        let told = format!("transport `naughty-transport`: {told}");
        assert!(said.contains(&told), "{fails}: {said}");
    });
}

#[test]
fn a_go_half_that_fails_restarts_the_app() {
    for fails in ["Attach fails", "Attach panics"] {
        let (_running, done) = runs(&project("transport", fails));
        assert_eq!(done["event"], "restarted", "{fails}: {done}");
    }
}

#[test]
fn a_go_half_that_does_not_compile_keeps_the_app_native() {
    let (running, done) = runs(&project("transport", "Go does not compile"));
    assert_eq!(done["event"], "restarted", "{done}");
    let said = said(running);
    for part in [
        "the Go half of transport `naughty-transport` does not compile: ",
        "undefined: nowhere",
        "hint: ",
        "transport = \"shm\"",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn on_edit_decides_where_a_split_strategy_cannot() {
    let ways = [
        ("initial fails", "`initial`: naughty"),
        ("initial panics", "`initial` panicked at "),
        ("initial hangs", "`initial`: did not answer within 10 s"),
        (
            "initial invents",
            "`initial`: the plan names no.Such, which does not exist",
        ),
        (
            "initial repeats",
            "`initial`: the plan has example.com/app.greet in two groups",
        ),
        (
            "initial moves the unmovable",
            "`initial`: the plan moves example.com/app.main, which cannot be moved (main)",
        ),
        ("on_edit fails", "`on_edit`: naughty"),
        ("on_edit panics", "`on_edit` panicked at "),
        ("on_edit hangs", "`on_edit`: did not answer within 10 s"),
        (
            "on_edit invents",
            "`on_edit`: the plan names no.Such, which does not exist",
        ),
        (
            "on_edit misses",
            "`on_edit`: the plan misses example.com/app.greet, which was edited",
        ),
        (
            "on_edit repeats",
            "`on_edit`: the plan has example.com/app.greet in two groups",
        ),
        (
            "on_edit moves the unmovable",
            "`on_edit`: the plan moves example.com/app.main, which cannot be moved (main)",
        ),
    ];
    each(&ways, |(fails, told)| {
        let (running, done) = runs(&project("split", fails));
        assert_eq!(done["event"], "swapped", "{fails}: {done}");
        let said = said(running);
        let told = format!("split strategy `naughty-split`: {told}");
        assert!(
            said.contains(&told) && said.contains("; `on-edit` decides instead"),
            "{fails}: {said}"
        );
    });
}

#[test]
fn serious_changes_decides_where_a_policy_cannot() {
    let ways = [
        ("judge fails", "`judge`: naughty"),
        ("judge panics", "`judge` panicked at "),
        ("judge hangs", "`judge`: did not answer within 10 s"),
        ("judge forgets", "`judge`: it gives 0 actions for 1 edits"),
        ("drain_limits panics", "`drain_limits` panicked at "),
        (
            "drain_limits hangs",
            "`drain_limits`: did not answer within 10 s",
        ),
        (
            "drain_limits allows none",
            "`drain_limits`: it allows no old generation",
        ),
        ("worker_limits panics", "`worker_limits` panicked at "),
        (
            "worker_limits hangs",
            "`worker_limits`: did not answer within 10 s",
        ),
        ("on_ending fails", "`on_ending`: naughty"),
        ("on_ending panics", "`on_ending` panicked at "),
        ("on_ending hangs", "`on_ending`: did not answer within 10 s"),
    ];
    each(&ways, |(fails, told)| {
        let (mut running, done) = runs(&project("policy", fails));
        assert_eq!(done["event"], "swapped", "{fails}: {done}");
        if fails.starts_with("on_ending") {
            let worker = i32::try_from(done["worker_pid"].as_i64().unwrap()).unwrap();
            kill_process(Pid::from_raw(worker).unwrap(), Signal::KILL).unwrap();
            let exited = running.until(|event| event["event"] == "worker_exited");
            assert_eq!(exited["action"], "respawned", "{fails}: {exited}");
            running.prints("v2 true");
        }
        let said = said(running);
        let told = format!("restart policy `naughty-policy`: {told}");
        assert!(
            said.contains(&told) && said.contains("; `serious-changes` decides instead"),
            "{fails}: {said}"
        );
    });
}

/// It wants a signature swapped whose callers include `main`.
#[test]
fn a_policy_that_swaps_what_cannot_be_swapped_is_not_followed() {
    let project = project("policy", "judge swaps all");
    let mut running = project.fire(&[]);
    running.expect("ready");
    running.prints("v1 true");
    let edited = APP
        .replace("greet() string", "greet(mark string) string")
        .replace("\"v1 \"", "mark")
        .replace("greet())", "greet(\"v2 \"))");
    project.write("main.go", &edited);
    running.expect("restarted");
    running.prints("v2 true");
    let said = said(running);
    let told = "restart policy `naughty-policy`: `judge`: it wants to swap example.com/app.greet, which cannot be swapped (signature)";
    assert!(said.contains(told), "{said}");
}
