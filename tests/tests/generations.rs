//! Generations of workers over a session: started together or not at all, drained, ended, taken back.

use std::time::Duration;

use fire_tests::driver::{Fire, Project};
use fire_tests::plugin_libraries::example;
use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::Value;

fn is_gone(pid: &Value) -> bool {
    let number = pid.as_i64().and_then(|pid| i32::try_from(pid).ok());
    let pid = number.and_then(Pid::from_raw).expect("a process id");
    test_kill_process(pid).is_err()
}

fn generations(project: &Project) -> Vec<Value> {
    let (code, text, error) = project.fire_once(&["status", "--json"]);
    assert_eq!(code, 0, "{error}");
    let status: Value = serde_json::from_str(&text).expect("JSON");
    status["generations"].as_array().expect("a list").clone()
}

const PAIR: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"
)

func left() string { return "l1" }

func right() string { return "r1" }

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(lines.Text(), left(), right())
	}
}
"#;

/// Two functions are edited in one save, each gets a worker, and the second one cannot be linked.
#[test]
fn a_batch_whose_second_worker_does_not_start_is_undone() {
    let library = example("naughty_transport");
    let settings = format!(
        "split = \"per-function\"\n\n[transport]\nname = \"naughty-transport\"\npath = {:?}\nfails = \"create fails\"\nonly = 4\n",
        library.to_str().expect("a path")
    );
    let project = Project::new(&[("main.go", PAIR), ("fire.toml", &settings)]);
    let mut fire = project.fire(&[]);
    let ready = fire.expect("ready");
    fire.types("a\n").prints("a l1 r1");
    let before = generations(&project);
    assert_eq!(before.len(), 2, "{before:?}");

    let both = PAIR.replace("l1", "l2").replace("r1", "r2");
    project.write("main.go", &both);
    let restarted = fire.expect("restarted");
    assert_ne!(restarted["pid"], ready["pid"]);
    let reason = &restarted["reasons"][0];
    assert_eq!(
        (&reason["code"], &reason["detail"]),
        (
            &"transport".into(),
            &"transport `naughty-transport`: `create`: naughty".into()
        ),
        "{restarted}"
    );
    fire.types("b\n").prints("b l2 r2");
    // Those of the beginning, anew; nothing of the batch.
    let after = generations(&project);
    assert_eq!(after.len(), 2, "{after:?}");
    for one in &before {
        assert!(is_gone(&one["worker_pid"]), "{one}");
    }
}

/// What is moved before main is the source that the program was started from, and not the one before.
#[test]
fn a_restart_with_everything_moved_runs_the_new_source() {
    let project = Project::new(&[("main.go", PAIR)]);
    for split in ["per-function", "per-package"] {
        project.write("main.go", PAIR);
        let mut fire = project.fire(&["--split", split]);
        fire.expect("ready");
        fire.types("a\n").prints("a l1 r1");
        let other = PAIR
            .replace("l1", "l2")
            .replace("func main", "type added struct{}\n\nfunc main");
        project.write(
            "main.go",
            &other.replace("\tfmt.Println", "\t_ = added{}\n\t\tfmt.Println"),
        );
        fire.expect("restarted");
        fire.types("b\n").prints("b l2 r1");
    }
}

const HOLDING: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"
)

var (
	gate    = make(chan bool)
	kept    func() string
	waiting = make(chan bool)
)

func answer() string { return "v1" }

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "hold":
			go func() {
				defer func() {
					if p := recover(); p != nil {
						fmt.Println("panicked:", p)
					}
				}()
				fmt.Println("held", answer())
			}()
			<-waiting
			fmt.Println("holding")
		case "release":
			kept = nil
			close(gate)
		default:
			fmt.Println(lines.Text(), answer())
		}
	}
}
"#;

/// Its body leaves a goroutine and a closure behind, and waits.
const HOLDS: &str = "\tkept = func() string { return \"kept\" }\n\tgo func() {\n\t\t<-gate\n\t\tfmt.Println(\"let go\")\n\t}()\n\twaiting <- true\n\t<-gate\n\treturn \"v2\"\n";

fn answers(project: &Project, fire: &mut Fire, body: &str) -> Value {
    let text = HOLDING.replace(
        "func answer() string { return \"v1\" }",
        &format!("func answer() string {{\n{body}}}"),
    );
    project.write("main.go", &text);
    fire.expect("swapped")
}

#[test]
fn what_an_old_generation_still_runs_is_told_until_it_has_drained() {
    let project = Project::new(&[("main.go", HOLDING)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    let old = answers(&project, &mut fire, HOLDS);
    fire.types("hold\n").prints("holding");
    answers(&project, &mut fire, "\treturn \"v3\"\n");
    let draining = fire.until(|event| event["event"] == "draining");
    assert_eq!(draining["generation"], old["generation"], "{draining}");
    assert_eq!(draining["functions"], old["functions"], "{draining}");
    for what in ["calls", "goroutines", "closures"] {
        assert_eq!(draining[what], 1, "{draining}");
    }
    let shown = project.fire_once(&["status"]).1;
    assert!(
        shown.contains("draining, 1 calls under way, 1 goroutines, 1 function values in use"),
        "{shown}"
    );
    fire.types("a\n").prints("a v3");
    fire.types("release\n").prints("held v2");
    // The last swap can be taken back: what was before it is kept until the next one, which may be told after the end.
    project.replace("main.go", "\"v3\"", "\"v4\"");
    let (mut drained, mut swapped) = (false, false);
    while !(drained && swapped) {
        let event = fire.event();
        swapped |= event["event"] == "swapped";
        if event["event"] == "drained" {
            assert_eq!(event["generation"], old["generation"], "{event}");
            drained = true;
        }
    }
    fire.types("b\n").prints("b v4");
}

#[test]
fn a_deadlock_is_cured_by_the_next_save() {
    let policy = "[policy]\nname = \"serious-changes\"\ndrain-after-ms = 500\n";
    let project = Project::new(&[("main.go", HOLDING), ("fire.toml", policy)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    let stuck = answers(
        &project,
        &mut fire,
        "\twaiting <- true\n\t<-make(chan bool)\n\treturn \"v2\"\n",
    );
    fire.types("hold\n").prints("holding");
    answers(&project, &mut fire, "\treturn \"v3\"\n");
    fire.types("a\n").prints("a v3");
    fire.prints("panicked: fire: the worker running example.com/app.answer died (still busy 500 ms after it was superseded)");
    let exited = fire.until(|event| event["event"] == "worker_exited");
    assert_eq!(
        (&exited["generation"], &exited["action"]),
        (&stuck["generation"], &"left-ended".into()),
        "{exited}"
    );
    fire.types("b\n").prints("b v3");
}

#[test]
fn a_killed_worker_ends_calls_that_wait_for_a_channel() {
    let project = Project::new(&[("main.go", HOLDING)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    let swapped = answers(
        &project,
        &mut fire,
        "\twaiting <- true\n\tselect {\n\tcase <-make(chan int):\n\tcase (chan string)(nil) <- \"\":\n\t}\n\treturn \"v2\"\n",
    );
    fire.types("hold\n").prints("holding");
    let number = i32::try_from(swapped["worker_pid"].as_i64().expect("a number"));
    let pid = Pid::from_raw(number.expect("small")).expect("a process id");
    rustix::process::kill_process(pid, Signal::KILL).expect("the worker runs");
    fire.prints("panicked: fire: the worker running example.com/app.answer died (signal 9)");
}

#[test]
fn an_unmovable_body_restarts_under_keep_state_too() {
    let text = HOLDING.replace(
        "func answer() string",
        "func saved() any { return recover() }\n\nfunc answer() string",
    );
    let project = Project::new(&[("main.go", &text)]);
    let mut fire = project.fire(&["--policy", "keep-state"]);
    let ready = fire.expect("ready");
    project.replace(
        "main.go",
        "return recover()",
        "return fmt.Sprint(recover())",
    );
    project.replace("main.go", "\"v1\"", "\"v2\"");
    let restarted = fire.until(|event| event["event"] == "restarted");
    assert_ne!(restarted["pid"], ready["pid"]);
    let reason = &restarted["reasons"][0];
    assert_eq!(
        (&reason["code"], &reason["subject"]),
        (&"unmovable-body".into(), &"example.com/app.saved".into()),
        "{restarted}"
    );
}

#[test]
fn the_key_u_takes_the_last_swap_back() {
    let project = Project::new(&[(
        "main.go",
        &PAIR.replace("bufio.NewScanner(os.Stdin)", "bufio.NewScanner(ticks())").replace(
            "func main()",
            "func ticks() *os.File {\n\tr, w, _ := os.Pipe()\n\tgo func() {\n\t\tfor {\n\t\t\tfmt.Fprintln(w, \"tick\")\n\t\t\ttime.Sleep(20 * time.Millisecond)\n\t\t}\n\t}()\n\treturn r\n}\n\nfunc main()",
        ).replace("\"os\"\n", "\"os\"\n\t\"time\"\n"),
    )]);
    let mut fire = project.fire_on_terminal(&[]);
    fire.expect("ready");
    fire.prints("tick l1 r1");
    project.replace("main.go", "\"l1\"", "\"l2\"");
    fire.expect("swapped");
    fire.prints("tick l2 r1");
    fire.types("u");
    let reverted = fire.expect("reverted");
    assert_eq!(
        reverted["functions"][0], "example.com/app.left",
        "{reverted}"
    );
    fire.prints("tick l1 r1");
    fire.types("q");
    assert_eq!(fire.ends(Duration::from_secs(20)).status.code(), Some(0));
}
