//! Who reads a stack sees the frames of moved code, by the user's names and lines: the report of a panic that nothing recovers, a
//! server that recovers it, the program itself. What all programs can read is in the conformance suite, `stack-*.txtar`.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use fire_tests::conformance::{Outcome, Split, outcomes, parse};
use fire_tests::driver::Project;

const PROGRAM: &str = "A panic three levels deep.
-- main.go --
package main

import \"fmt\"

//conform:exits
type store struct{ items []string }

func (s *store) get(i int) string {
	return s.items[i]
}

func each(n int, f func(int) string) {
	for i := range n {
		fmt.Println(f(i))
	}
}

func middle(s *store) {
	each(3, func(i int) string {
		return s.get(i)
	})
}

func outer() {
	middle(&store{items: []string{\"a\", \"b\"}})
}

func main() {
	outer()
}
";

fn run(name: &str, split: Split) -> (Outcome, Outcome) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target")
        .join(name);
    runtime.block_on(outcomes(&directory, parse("trace", PROGRAM), split, &[]))
}

/// The user's frames of a report, in order: name without arguments, line.
fn frames(report: &str) -> Vec<String> {
    let lines: Vec<&str> = report.lines().map(str::trim).collect();
    // A moved function's own frame at home is that of its dispatch check.
    let stub = |at: usize| at >= 2 && lines[at - 2].contains("__fire_");
    lines
        .windows(2)
        .enumerate()
        .filter(|(at, pair)| pair[1].contains("cases/trace/main.go:") && !stub(*at))
        .map(|(_, pair)| {
            let name = pair[0].rsplit_once('(').map_or(pair[0], |(name, _)| name);
            let line = pair[1].rsplit_once(':').unwrap().1;
            let digits: String = line.chars().take_while(char::is_ascii_digit).collect();
            // Go names a closure by where it was inlined to.
            let closure = name.contains("middle.func1");
            let name = if closure { "middle.func1" } else { name };
            format!("{name}:{digits}")
        })
        .collect()
}

fn shows_all_frames(name: &str, split: Split) {
    let (plain, moved) = run(name, split);
    assert_eq!(plain.stdout, moved.stdout);
    assert_eq!(plain.code, moved.code);
    let wanted = frames(&plain.report);
    let got = frames(&moved.report);
    assert_eq!(wanted, got, "\n{}", moved.report);
}

#[test]
fn a_panic_shows_the_frames_of_one_worker_and_of_home() {
    shows_all_frames("stacks-package", Split::Package);
}

#[test]
fn a_panic_shows_the_frames_of_every_worker_it_has_come_through() {
    shows_all_frames("stacks-function", Split::Function);
}

/// Asks its own server, whose handler panics, and prints what the server logs.
const SERVER: &str = r#"package main

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
)

type store struct{ items []string }

func (s *store) item(i int) string {
	return s.items[i]
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w,
		s.item(len(r.URL.Path)))
}

func place() string {
	return "nowhere"
}

func main() {
	server := httptest.NewUnstartedServer(&store{})
	server.Config.ErrorLog = log.New(os.Stdout, "", 0)
	server.Start()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		http.Get(server.URL)
		fmt.Println("at", place())
	}
}
"#;

#[test]
fn a_server_shows_the_frames_of_moved_handlers_and_a_program_begins_to_read_stacks() {
    let project = Project::new(&[("main.go", SERVER)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    project
        .replace("main.go", "Fprintln(w,", "Fprint(w,")
        .replace("main.go", "return s.items[i]", "return s.items[i+1]");
    fire.expect("swapped");
    fire.types("a\n")
        .prints("index out of range [2] with length 0")
        .prints("main.(*store).item(")
        .prints("main.go:15")
        .prints("main.(*store).ServeHTTP(")
        .prints("main.go:20")
        .prints("net/http.serverHandler.ServeHTTP(")
        .prints("at nowhere");

    project
        .replace("main.go", "\"os\"\n", "\"os\"\n\t\"runtime\"\n")
        .replace(
            "main.go",
            "return \"nowhere\"",
            "_, _, n, _ := runtime.Caller(1)\n\treturn fmt.Sprint(n)",
        );
    let restarted = fire.expect("restarted");
    let reason = restarted["reasons"].to_string();
    assert!(reason.contains("runtime.Caller"), "{reason}");
    fire.types("a\n").prints("at 36");

    project.replace("main.go", "fmt.Sprint(n)", "fmt.Sprint(\"line \", n)");
    fire.expect("swapped");
    fire.types("a\n").prints("at line 36");
}
