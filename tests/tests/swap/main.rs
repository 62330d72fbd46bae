//! Functions swapped in a running program: the process and its state stay, the answers change.

mod workers;

use std::time::Duration;

use fire_tests::driver::{Fire, Project};
use rustix::process::Signal;
use serde_json::Value;

/// Answers each line of its standard input; `n` counts them for as long as the process lives.
const MAIN: &str = r#"package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"example.com/app/store"
)

type service struct {
	shelf *store.Shelf
	n     int
}

var errEmpty = errors.New("empty")

func describe(s *store.Shelf, word string) (string, error) {
	if word == "" {
		return "", fmt.Errorf("describe: %w", errEmpty)
	}
	return strings.ToUpper(word) + "/" + strings.Join(s.Words(), ","), nil
}

func (v *service) answer(word string) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint("panicked: ", p)
		}
	}()
	v.n++
	v.shelf.Put(word)
	text, err := describe(v.shelf, word)
	if errors.Is(err, errEmpty) {
		return "nothing"
	}
	return text
}

func main() {
	v := &service{shelf: store.New()}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		n := v.n
		fmt.Println("answer", n, v.answer(lines.Text()))
	}
}
"#;

const STORE: &str = r#"package store

import (
	"sort"
	"sync"
)

type Shelf struct {
	mu    sync.Mutex
	words map[string]int
	order []string
}

func New() *Shelf { return &Shelf{words: map[string]int{}} }

func (s *Shelf) Put(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.words[word]; !ok {
		s.order = append(s.order, word)
	}
	s.words[word]++
}

func (s *Shelf) Words() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := append([]string(nil), s.order...)
	sort.Strings(out)
	return out
}
"#;

fn started() -> (Project, Fire, u64) {
    started_with("")
}

/// With a fire.toml, if it says something.
fn started_with(settings: &str) -> (Project, Fire, u64) {
    let project = Project::new(&[("main.go", MAIN), ("store/store.go", STORE)]);
    if !settings.is_empty() {
        project.write("fire.toml", settings);
    }
    let mut fire = project.fire(&[]);
    let ready = fire.expect("ready");
    let pid = ready["pid"].as_u64().expect("a ready event has a pid");
    (project, fire, pid)
}

fn functions(event: &Value) -> Vec<&str> {
    let list = event["functions"].as_array().expect("a list of functions");
    list.iter()
        .map(|id| id.as_str().expect("an id is text"))
        .collect()
}

#[test]
fn edited_bodies_go_live_and_the_state_stays() {
    let (project, mut fire, pid) = started();
    fire.types("b\n").prints("answer 0 B/b");

    project.replace(
        "main.go",
        "strings.ToUpper(word) + \"/\"",
        "strings.Repeat(word, 2) + \":\"",
    );
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app.describe"]);
    assert!(swapped["stages"]["link"].is_u64(), "{swapped}");
    fire.types("a\n").prints("answer 1 aa:a,b");

    project.replace(
        "store/store.go",
        "s.order = append(s.order, word)",
        "s.order = append(s.order, word+\"!\")",
    );
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app/store.(*Shelf).Put"]);
    fire.types("c\n").prints("answer 2 cc:a,b,c!");

    project.replace(
        "store/store.go",
        "sort.Strings(out)",
        "sort.Sort(sort.Reverse(sort.StringSlice(out)))",
    );
    fire.expect("swapped");
    fire.types("c\n").prints("answer 3 cc:c!,b,a");

    // Errors keep their identity, in both directions.
    project.replace("main.go", "\"describe: %w\"", "\"described: %w\"");
    fire.expect("swapped");
    fire.types("\n").prints("answer 4 nothing");

    // A panic of moved code is recovered at home, with the runtime's own text.
    project.replace(
        "main.go",
        "\treturn strings.Repeat",
        "\tif word == \"z\" {\n\t\t_ = s.Words()[99]\n\t}\n\treturn strings.Repeat",
    );
    fire.expect("swapped");
    fire.types("z\n")
        .prints("answer 5 panicked: runtime error: index out of range [99] with length 5");
    fire.types("d\n").prints("answer 6 dd:");

    project.replace(
        "store/store.go",
        "sort.Sort(sort.Reverse(sort.StringSlice(out)))",
        "sort.Strings(out)",
    );
    let reverted = fire.expect("reverted");
    assert_eq!(
        functions(&reverted),
        ["example.com/app/store.(*Shelf).Words"]
    );
    fire.types("d\n").prints("answer 7 dd:");

    project.replace(
        "store/store.go",
        "order []string",
        "order []string\n\tsize  int",
    );
    let restarted = fire.expect("restarted");
    assert_eq!(restarted["reasons"][0]["code"], "struct", "{restarted}");
    assert_ne!(restarted["pid"].as_u64(), Some(pid));
    fire.types("q\n").prints("answer 0 qq:q!");
}

#[test]
fn generic_functions_are_swapped_for_every_instance() {
    let main = MAIN
        .replace(
            "func (v *service) answer",
            "type pair[A, B any] struct {\n\tfirst  A\n\tsecond B\n}\n\n\
             func (p pair[A, _]) head() string { return strings.TrimSpace(fmt.Sprint(p.first)) }\n\n\
             func listed[T any](list ...T) string { return fmt.Sprint(list) }\n\n\
             func (v *service) answer",
        )
        .replace(
            "strings.ToUpper(word) + \"/\" + strings.Join(s.Words(), \",\")",
            "pair[string, int]{word, 1}.head() + listed(len(word)) + listed(s.Words()...)",
        );
    let project = Project::new(&[("main.go", &main), ("store/store.go", STORE)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    fire.types("b\n").prints("answer 0 b[1][b]");

    project.replace("main.go", "fmt.Sprint(list) }", "fmt.Sprint(len(list)) }");
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app.listed"]);
    fire.types("a\n").prints("answer 1 a12");

    project.replace(
        "main.go",
        "fmt.Sprint(p.first)",
        "fmt.Sprint(p.first, p.first)",
    );
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app.pair.head"]);
    fire.types("a\n").prints("answer 2 aa12");

    // What runs in a worker of its own sees the next edit of a generic function too.
    project.replace("main.go", "{word, 1}", "{word + \"!\", 1}");
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app.describe"]);
    fire.types("a\n").prints("answer 3 a!a!12");
    project.replace(
        "main.go",
        "fmt.Sprint(len(list)) }",
        "fmt.Sprint(-len(list)) }",
    );
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app.listed"]);
    fire.types("a\n").prints("answer 4 a!a!-1-2");
    project.replace("main.go", "fmt.Sprint(-len(list)) }", "fmt.Sprint(list) }");
    let rebuilt = fire.expect("swapped");
    assert_eq!(functions(&rebuilt), ["example.com/app.describe"]);
    fire.expect("reverted");
    fire.types("a\n").prints("answer 5 a!a![1][a b]");

    // An instance that the running program does not have.
    project.replace("main.go", "listed(len(word))", "listed(1.5, 2)");
    fire.expect("swapped");
    fire.types("a\n").prints("answer 6 a!a![1.5 2][a b]");
}

#[test]
fn what_does_not_compile_is_told_and_the_program_answers_on() {
    let (project, mut fire, _) = started();
    project.replace("main.go", "v.n++", "v.n++ +");
    let failed = fire.expect("failed");
    assert_eq!(failed["stage"], "parse", "{failed}");
    project.replace("main.go", "v.n++ +", "v.m++");
    let failed = fire.expect("failed");
    assert_eq!(failed["stage"], "typecheck", "{failed}");
    let place = &failed["diagnostics"][0];
    assert_eq!(
        (&place["file"], &place["line"], &place["col"]),
        (&"main.go".into(), &33.into(), &4.into()),
        "{failed}"
    );
    fire.types("b\n").prints("answer 0 B/b");
    project.replace("main.go", "v.m++", "v.n += 10");
    fire.expect("swapped");
    fire.types("c\n")
        .prints("answer 1 C/b,c")
        .types("d\n")
        .prints("answer 11 D/b,c,d");
}

#[test]
fn the_last_swap_can_be_taken_back() {
    let (project, mut fire, pid) = started();
    assert!(
        project
            .fire_once(&["undo"])
            .2
            .contains("nothing to take back")
    );
    project.replace("main.go", "\"/\"", "\"|\"");
    fire.expect("swapped");
    project.replace("main.go", "\"|\"", "\"+\"");
    fire.expect("swapped");
    fire.types("b\n").prints("answer 0 B+b");
    let (code, said, _) = project.fire_once(&["undo"]);
    assert_eq!(
        (code, said.contains("example.com/app.describe")),
        (0, true),
        "{said}"
    );
    let swapped = fire.expect("swapped");
    assert_eq!(
        (&swapped["generation"], functions(&swapped)),
        (&1.into(), vec!["example.com/app.describe"])
    );
    fire.types("c\n").prints("answer 1 C|b,c");
    assert_eq!(project.fire_once(&["undo"]).0, 1);
    // The next save goes on from the source, in whichever file it is.
    project.replace(
        "store/store.go",
        "append(s.order, word)",
        "append(s.order, word+\"!\")",
    );
    let swapped = fire.expect("swapped");
    assert_eq!(
        functions(&swapped),
        [
            "example.com/app.describe",
            "example.com/app/store.(*Shelf).Put"
        ]
    );
    fire.types("d\n").prints("answer 2 D+b,c,d!");
    project.fire_once(&["undo"]);
    fire.expect("swapped");
    fire.expect("reverted");
    fire.types("e\n").prints("answer 3 E|b,c,d!,e");
    let (code, text, _) = project.fire_once(&["status", "--json"]);
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, status["pid"].as_u64()), (0, Some(pid)), "{status}");
    let described = status["functions"].as_array().unwrap();
    let described = described
        .iter()
        .find(|one| one["id"] == "example.com/app.describe")
        .unwrap();
    assert_eq!(
        (&described["runs"], &described["generation"]),
        (&"worker".into(), &1.into())
    );
    assert!(
        described["calls"].as_u64() >= Some(4) && described["mean_ns"].as_u64() > Some(0),
        "{described}"
    );
    let memory = &status["memory"];
    for part in ["home_kb", "host_kb", "workers_kb"] {
        assert!(memory[part].as_u64() > Some(0), "{memory}");
    }
}

#[test]
fn nobody_answers_where_no_fire_runs() {
    let project = Project::new(&[("main.go", MAIN), ("store/store.go", STORE)]);
    for command in ["status", "undo"] {
        let (code, _, said) = project.fire_once(&[command]);
        assert_eq!(
            (code, said.contains("no fire runs for")),
            (1, true),
            "{said}"
        );
    }
}

#[test]
fn nothing_is_left_behind() {
    let (project, mut fire, _) = started();
    project.replace("main.go", "\"/\"", "\"|\"");
    let swapped = fire.expect("swapped");
    fire.signal(Signal::INT);
    fire.ends(Duration::from_secs(10));
    let worker = i32::try_from(swapped["worker_pid"].as_i64().unwrap()).unwrap();
    let alive = rustix::process::test_kill_process(rustix::process::Pid::from_raw(worker).unwrap());
    assert!(alive.is_err(), "the worker lives on");
    let mut names: Vec<String> = std::fs::read_dir(project.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, [".fire", "go.mod", "main.go", "store"]);
}

#[test]
fn everything_moved_before_main_answers_alike() {
    let project = Project::new(&[("main.go", MAIN), ("store/store.go", STORE)]);
    for split in ["per-package", "per-function"] {
        let mut fire = project.fire(&["--split", split]);
        fire.expect("ready");
        fire.types("b\n")
            .prints("answer 0 B/b")
            .types("\n")
            .prints("answer 1 nothing");
        fire.signal(Signal::INT);
        fire.ends(Duration::from_secs(10));
    }
}

#[test]
fn a_change_that_shows_after_a_restart_alone_is_told_as_that() {
    let (project, mut fire, _) = started();
    project.replace(
        "store/store.go",
        "map[string]int{}",
        "make(map[string]int, 8)",
    );
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app/store.New"]);
    // The second is told after all of the first.
    project.replace("main.go", r#""/" +"#, r#""|" +"#);
    let swapped = fire.expect("swapped");
    assert_eq!(functions(&swapped), ["example.com/app.describe"]);
    fire.signal(Signal::INT);
    let ended = fire.ends(Duration::from_secs(20));
    let told: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("called only as the program starts"))
        .collect();
    assert_eq!(
        told,
        [
            "fire  example.com/app/store.New is called only as the program starts: the change shows after a restart"
        ]
    );
}
