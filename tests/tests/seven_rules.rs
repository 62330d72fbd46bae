//! The seven rules, each by its name, in a program that runs: which edits keep the process and which end it.

use fire_tests::driver::{Fire, Project};
use serde_json::Value;

/// Counts its lines; what it answers tells which code ran and whether the process was kept.
const MAIN: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"
)

type counter struct {
	n int
}

func (c *counter) next(step int) int {
	c.n += step
	return c.n
}

func greet(name string) string {
	return "hello " + name
}

func unused() string { return "nobody asks" }

func answer(c *counter, line string) string {
	return fmt.Sprint(c.next(1), " ", greet(line))
}

func main() {
	c := &counter{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(answer(c, lines.Text()))
	}
}
"#;

/// A running program that has counted to two.
fn counted() -> (Project, Fire, Value) {
    let project = Project::new(&[("main.go", MAIN)]);
    let mut fire = project.fire(&[]);
    let pid = fire.expect("ready")["pid"].clone();
    fire.types("a\n").prints("1 hello a");
    fire.types("b\n").prints("2 hello b");
    (project, fire, pid)
}

/// Expects a restart for this reason: another process, whose count begins anew.
fn restarts(fire: &mut Fire, pid: &Value, code: &str, subject: &str, line: &str) {
    let restarted = fire.expect("restarted");
    assert_ne!(&restarted["pid"], pid, "{restarted}");
    let reasons = restarted["reasons"].as_array().expect("a list of reasons");
    assert!(
        reasons
            .iter()
            .any(|reason| reason["code"] == code && reason["subject"] == subject),
        "no {code} {subject}: {restarted}"
    );
    fire.types("c\n").prints(line);
}

#[test]
fn a_body_is_swapped_and_the_state_stays() {
    let (project, mut fire, _) = counted();
    project.replace("main.go", "\"hello \"", "\"good day \"");
    let swapped = fire.expect("swapped");
    assert_eq!(swapped["functions"][0], "example.com/app.greet");
    fire.types("c\n").prints("3 good day c");
}

#[test]
fn a_signature_restarts() {
    let (project, mut fire, pid) = counted();
    project.write(
        "main.go",
        &MAIN
            .replace("greet(name string)", "greet(name string, mark byte)")
            .replace("\"hello \" + name", "\"hello \" + name + string(mark)")
            .replace("greet(line)", "greet(line, '!')"),
    );
    restarts(
        &mut fire,
        &pid,
        "signature",
        "example.com/app.greet",
        "1 hello c!",
    );
}

#[test]
fn a_method_body_is_swapped_and_the_state_stays() {
    let (project, mut fire, _) = counted();
    project.replace("main.go", "c.n += step", "c.n += 10 * step");
    let swapped = fire.expect("swapped");
    assert_eq!(swapped["functions"][0], "example.com/app.(*counter).next");
    fire.types("c\n").prints("12 hello c");
}

#[test]
fn the_parameters_of_a_method_restart() {
    let (project, mut fire, pid) = counted();
    project.write(
        "main.go",
        &MAIN
            .replace("next(step int) int", "next(step, factor int) int")
            .replace("+= step", "+= step * factor")
            .replace("c.next(1)", "c.next(1, 5)"),
    );
    restarts(
        &mut fire,
        &pid,
        "method-signature",
        "example.com/app.(*counter).next",
        "5 hello c",
    );
}

#[test]
fn a_struct_restarts() {
    let (project, mut fire, pid) = counted();
    project.replace("main.go", "\tn int\n", "\tn    int\n\tlast string\n");
    restarts(
        &mut fire,
        &pid,
        "struct",
        "example.com/app.counter",
        "1 hello c",
    );
}

#[test]
fn what_is_added_restarts_when_it_is_used() {
    let (project, mut fire, pid) = counted();
    // Nothing uses it yet: nothing happens.
    project.write(
        "more.go",
        "package main\n\nfunc polite(s string) string { return \"dear \" + s }\n",
    );
    let nothing = fire.expect("nothing");
    assert_eq!(nothing["codes"][0], "added-unused", "{nothing}");
    fire.types("x\n").prints("3 hello x");
    project.write(
        "main.go",
        &MAIN.replace("greet(line)", "greet(kind(line))").replace(
            "func main",
            "func kind(s string) string { return \"kind \" + s }\n\nfunc main",
        ),
    );
    restarts(
        &mut fire,
        &pid,
        "added-used",
        "example.com/app.kind",
        "1 hello kind c",
    );
}

#[test]
fn what_is_removed_restarts_when_it_was_used() {
    let (project, mut fire, pid) = counted();
    project.replace(
        "main.go",
        "func unused() string { return \"nobody asks\" }\n\n",
        "",
    );
    let nothing = fire.expect("nothing");
    assert_eq!(nothing["codes"][0], "removed-unused", "{nothing}");
    fire.types("x\n").prints("3 hello x");
    let text = std::fs::read_to_string(project.path().join("main.go")).unwrap();
    project.write(
        "main.go",
        &text
            .replace(
                "func greet(name string) string {\n\treturn \"hello \" + name\n}\n\n",
                "",
            )
            .replace("greet(line)", "line"),
    );
    restarts(
        &mut fire,
        &pid,
        "removed-used",
        "example.com/app.greet",
        "1 c",
    );
}
