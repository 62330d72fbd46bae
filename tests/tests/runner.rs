//! The runner as its user sees it: real processes, real saves, real signals.

use std::time::Duration;

use fire_tests::driver::Project;
use rustix::process::Signal;

/// Says its version, then lives until it is told to end.
const APP: &str = r#"package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const version = "v1"

func main() {
	fmt.Println("runs", version, os.Args[1:])
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	fmt.Println("ends", version)
}
"#;

/// The same with a child that minds no polite signal.
const FAMILY: &str = r#"package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	child := exec.Command("/bin/sh", "-c", "trap '' TERM INT HUP; while :; do read line < /dev/zero; done")
	child.Stdout = os.Stdout
	child.Start()
	fmt.Println("runs")
	time.Sleep(time.Hour)
}
"#;

#[test]
fn saves_are_answered() {
    let project = Project::new(&[("main.go", APP), ("main_test.go", "package main\n")]);
    let mut fire = project.fire(&["serve", "-x"]);
    let ready = fire.expect("ready");
    fire.prints("runs v1 [serve -x]");
    project.replace("main.go", "\"v1\"", "\"v2\"");
    let restarted = fire.expect("restarted");
    assert_ne!(restarted["pid"], ready["pid"]);
    fire.prints("ends v1").prints("runs v2");
    project.replace("main.go", "\"v2\"", "v2");
    let failed = fire.expect("failed");
    assert_eq!(failed["running"], true);
    assert_eq!(failed["diagnostics"][0]["file"], "main.go");
    assert_eq!(failed["diagnostics"][0]["line"], 10);
    assert_eq!(failed["diagnostics"][0]["message"], "undefined: v2");
    project.write("main_test.go", "package main\n\n// More.\n");
    fire.until(|event| event["event"] == "batch");
    project.replace("main.go", "= v2", "= \"v3\"");
    fire.until(|event| event["event"] == "restarted");
    fire.prints("runs v3");
    fire.signal(Signal::INT);
    let ended = fire.ends(Duration::from_secs(6));
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert_eq!(ended.events.last().unwrap()["event"], "stopped");
}

#[test]
fn every_end_of_fire_ends_the_whole_tree() {
    let project = Project::new(&[
        ("main.go", FAMILY),
        ("fire.toml", "[run]\ngrace_ms = 200\n"),
    ]);
    for (signal, code) in [
        (Signal::INT, Some(130)),
        (Signal::TERM, Some(143)),
        (Signal::HUP, Some(129)),
        (Signal::KILL, None),
    ] {
        let mut fire = project.fire(&[]);
        fire.prints("runs").signal(signal);
        assert_eq!(fire.ends(Duration::from_secs(6)).status.code(), code);
    }
}

#[test]
fn ctrl_c_ends_a_build() {
    let project = Project::new(&[
        ("main.go", APP),
        (
            "fire.toml",
            "[build]\nbefore = [\"touch begun; exec sleep 1000\"]\n\n[[on_change]]\nfiles = [\"begun\"]\nrun = \"true\"\n",
        ),
    ]);
    for signal in [Signal::INT, Signal::KILL] {
        let mut fire = project.fire(&[]);
        fire.until(|event| event["event"] == "batch" && event["files"][0] == "begun");
        fire.signal(signal);
        fire.ends(Duration::from_secs(6));
        std::fs::remove_file(project.path().join("begun")).unwrap();
    }
}

#[test]
fn a_second_fire_says_so() {
    let project = Project::new(&[("main.go", APP)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    let (code, _, stderr) = project.fire_once(&[]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains(&format!("(process {})", fire.pid())),
        "{stderr}"
    );
}

#[test]
fn an_app_that_exits_is_reported_and_started_by_the_next_save() {
    let source = "package main\n\nimport \"os\"\n\nfunc main() {\n\tos.Exit(3)\n}\n";
    let project = Project::new(&[("main.go", source)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    assert_eq!(fire.expect("app_exited")["code"], 3);
    project.replace("main.go", "Exit(3)", "Exit(4)");
    assert_eq!(fire.expect("restarted")["reasons"][0]["code"], "exited");
    assert_eq!(fire.expect("app_exited")["code"], 4);
}

#[test]
fn a_first_build_that_fails_waits_for_the_cure() {
    let project = Project::new(&[("main.go", "package main\n\nfunc main() { x }\n")]);
    let mut fire = project.fire(&[]);
    assert_eq!(fire.expect("failed")["running"], false);
    project.write("main.go", APP);
    fire.expect("ready");
    fire.prints("runs v1");
}

#[test]
fn the_app_reads_stdin() {
    let source = "package main\n\nimport (\n\t\"bufio\"\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tlines := bufio.NewScanner(os.Stdin)\n\tfor lines.Scan() {\n\t\tfmt.Println(\"read\", lines.Text())\n\t}\n}\n";
    let project = Project::new(&[("main.go", source)]);
    let mut fire = project.fire(&[]);
    fire.types("hello\n").prints("read hello");
}

#[test]
fn three_hundred_files_are_one_batch() {
    let mut files: Vec<(String, String)> = (0..300)
        .map(|n| {
            (
                format!("p{n}/p.go"),
                format!("package p{n}\n\nconst V = 1\n"),
            )
        })
        .collect();
    files.push(("main.go".into(), APP.into()));
    let borrowed: Vec<(&str, &str)> = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    let project = Project::new(&borrowed);
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.com",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(project.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    std::fs::write(project.path().join(".gitignore"), ".fire/\n").unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    git(&["checkout", "-qb", "two"]);
    for n in 0..300 {
        project.replace(&format!("p{n}/p.go"), "V = 1", "V = 2");
    }
    project.replace("main.go", "\"v1\"", "\"v2\"");
    git(&["commit", "-qam", "two"]);
    git(&["checkout", "-q", "main"]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    fire.prints("runs v1");
    git(&["checkout", "-q", "two"]);
    let batch = fire.event();
    assert_eq!(batch["files"].as_array().unwrap().len(), 301);
    fire.expect("restarted");
    fire.prints("runs v2");
}

#[test]
fn the_newest_source_wins() {
    let mut files: Vec<(String, String)> = (0..4)
        .map(|n| {
            (
                format!("w{n}.go"),
                format!("package main\n\nconst w{n} = 0\n"),
            )
        })
        .collect();
    let main = "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\nfunc main() {\n\tfmt.Println(\"state\", w0, w1, w2, w3)\n\ttime.Sleep(time.Hour)\n}\n";
    files.push(("main.go".into(), main.into()));
    let borrowed: Vec<(&str, &str)> = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    let project = Project::new(&borrowed);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let project = &project;
            scope.spawn(move || {
                for round in 1..=50 {
                    let name = format!("w{writer}.go");
                    let text = format!("package main\n\nconst w{writer} = {round}\n");
                    if round % 2 == 0 {
                        project.write(&name, &text);
                    } else {
                        std::fs::write(project.path().join(&name), text).unwrap();
                    }
                }
            });
        }
    });
    fire.prints("state 50 50 50 50");
}

#[test]
fn what_the_program_is_built_from_is_watched() {
    let main = "package main\n\nimport (\n\t_ \"embed\"\n\t\"fmt\"\n\t\"time\"\n\n\t\"example.com/lib\"\n)\n\n//go:embed web/*.txt\nvar _ string\n\n//go:embed web/page.txt\nvar page string\n\nfunc main() {\n\tfmt.Println(\"runs\", lib.Name, page)\n\ttime.Sleep(time.Hour)\n}\n"
        .replace("//go:embed web/*.txt\nvar _ string\n\n", "");
    let project = Project::new(&[
        (
            "app/go.mod",
            "module example.com/app\n\ngo 1.22\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n",
        ),
        ("app/.gitignore", "web/\n"),
        ("app/main.go", &main),
        ("app/web/page.txt", "page1"),
        ("app/notes.txt", "no"),
        ("lib/go.mod", "module example.com/lib\n\ngo 1.22\n"),
        ("lib/lib.go", "package lib\n\nconst Name = \"lib1\"\n"),
    ]);
    let mut fire = project.fire(&["-C", "app"]);
    fire.expect("ready");
    fire.prints("runs lib1 page1");
    project.replace("lib/lib.go", "lib1", "lib2");
    fire.expect("restarted");
    fire.prints("runs lib2 page1");
    project.write("app/notes.txt", "still no");
    project.write("app/web/page.txt", "page2");
    assert_eq!(fire.expect("restarted")["reasons"][0]["code"], "embedded");
    fire.prints("runs lib2 page2");
}

#[test]
fn env_files_rules_and_commands() {
    let main = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() {\n\tfmt.Println(\"runs\", os.Getenv(\"A_OF_FILE\"), os.Getenv(\"B_OF_TOML\"), generated)\n\ttime.Sleep(time.Hour)\n}\n";
    let project = Project::new(&[
        ("main.go", main),
        (".env", "A_OF_FILE=a1\n"),
        ("view.txt", "g1"),
        (
            "gen.sh",
            "printf 'package main\\n\\nconst generated = \"%s\"\\n' \"$(cat view.txt)\" > generated.go\n",
        ),
        (
            "fire.toml",
            "[build]\nbefore = [\"test -f generated.go || sh gen.sh\"]\n\n[run]\nenv = { B_OF_TOML = \"b1\" }\n\n[[on_change]]\nfiles = [\"*.txt\"]\nrun = \"sh gen.sh\"\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    fire.prints("runs a1 b1 g1");
    fire.until(|event| event["event"] == "ready");
    project.write(".env", "A_OF_FILE=a2\n");
    fire.until(|event| event["event"] == "restarted" && event["reasons"][0]["code"] == "env");
    fire.prints("runs a2 b1 g1");
    project.write("view.txt", "g2");
    fire.prints("runs a2 b1 g2");
}

#[test]
fn several_apps_have_lines_of_their_own() {
    let app = |name: &str| APP.replace("\"runs\"", &format!("\"runs {name}\""));
    let project = Project::new(&[
        ("cmd/a/main.go", &app("a")),
        ("cmd/b/main.go", &app("b")),
        (
            "fire.toml",
            "[[app]]\nname = \"a\"\npackage = \"./cmd/a\"\nrun = { args = [\"one\"] }\n\n[[app]]\nname = \"b\"\npackage = \"./cmd/b\"\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    let first = fire.until(|event| event["event"] == "ready")["app"].clone();
    let second = fire.until(|event| event["event"] == "ready")["app"].clone();
    assert_ne!(first, second);
    project.replace("cmd/b/main.go", "\"v1\"", "\"v2\"");
    let restarted = fire.until(|event| event["event"] == "restarted");
    assert_eq!(restarted["app"], "b");
    fire.prints("runs b v2");
    fire.signal(Signal::TERM);
    assert_eq!(fire.ends(Duration::from_secs(6)).status.code(), Some(143));
}

#[test]
fn polling_sees_saves_too() {
    let project = Project::new(&[("main.go", APP)]);
    let mut fire = project.fire(&["--poll=20"]);
    fire.expect("ready");
    project.replace("main.go", "\"v1\"", "\"v2\"");
    fire.expect("restarted");
    fire.prints("runs v2");
}

#[test]
fn directories_come_and_go() {
    let project = Project::new(&[("main.go", APP)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    project.write("new/deep/d.go", "package deep\n\nconst V = \"deep1\"\n");
    fire.until(|event| event["event"] == "nothing" || event["event"] == "restarted");
    let source = APP
        .replace("import (", "import (\n\t\"example.com/app/new/deep\"")
        .replace("= \"v1\"", "= deep.V");
    project.write("main.go", &source);
    fire.prints("runs deep1");
    project.write("new/deep/d.go", "package deep\n\nconst V = \"deep2\"\n");
    fire.prints("runs deep2");
    std::fs::remove_dir_all(project.path().join("new")).unwrap();
    fire.until(|event| event["event"] == "failed");
}

#[test]
fn what_cannot_work_is_said_in_a_sentence() {
    let empty = Project::empty();
    let (code, _, stderr) = empty.fire_once(&[]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("belongs to no Go module") && stderr.contains("hint: "),
        "{stderr}"
    );
    let library = Project::new(&[("lib.go", "package lib\n")]);
    let (code, _, stderr) = library.fire_once(&[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("hold no Go program"), "{stderr}");
    let (code, _, stderr) = library.fire_once(&["-C", "nowhere"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("nowhere cannot be entered"), "{stderr}");
    let (code, _, stderr) = library.fire_once(&["-c", "none.toml"]);
    assert_eq!(code, 2);
    assert_eq!(stderr.matches("No such file").count(), 1, "{stderr}");
    assert!(stderr.contains("hint: `fire init` writes one"), "{stderr}");
    let (code, _, stderr) = Project::new(&[("main.go", APP)]).fire_once(&["--policy", "kep-state"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("there is no restart policy `kep-state`")
            && stderr.contains("hint: did you mean `keep-state`?"),
        "{stderr}"
    );
}

#[test]
fn mistakes_in_fire_toml_are_told_with_their_place_and_the_nearest_name() {
    let project = Project::new(&[("main.go", APP)]);
    for (text, expected) in [
        (
            "[build]\ntag = []\n",
            "fire.toml:2:1: unknown key `tag`|did you mean `tags`?",
        ),
        (
            "[run]\nargs = \"-x\"\n",
            "fire.toml:2:8: string \"-x\", expected a list",
        ),
        (
            "\npolicy = \"kep-state\"\n",
            "fire.toml:2:11: there is no restart policy `kep-state`|did you mean `keep-state`?",
        ),
        (
            "split = { name = \"per-functoin\" }\n",
            "fire.toml:1:19: there is no split strategy `per-functoin`|did you mean `per-function`?",
        ),
        (
            "[transport]\nname = \"pigeon\"\n",
            "fire.toml:2:9: there is no transport `pigeon` (there are: shm, pipe, tcp",
        ),
        (
            "[policy]\nname = \"keep-state\"\nrespwans = 1\n",
            "fire.toml:3:1: restart policy `keep-state`: unknown field `respwans`",
        ),
        (
            "policy = { name = \"keep-state\", respwans = 1 }\n",
            "fire.toml:1:33: restart policy `keep-state`: unknown field `respwans`",
        ),
        ("[build\n", "fire.toml:1:7: "),
    ] {
        project.write("fire.toml", text);
        let (code, _, stderr) = project.fire_once(&[]);
        assert_eq!(code, 2, "{text}{stderr}");
        for part in expected.split('|') {
            assert!(stderr.contains(part), "{text}wanted {part}\n{stderr}");
        }
    }
}
