//! Programs that are built in other ways than the plain one: cgo, tags from elsewhere, workspaces. What they are built
//! from is known, and no source that has been left behind gets into a build.

use fire_tests::driver::Project;

/// Prints a line for each line that it reads.
const MAIN: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(answer(lines.Text()))
	}
}
"#;

const C: &str = r#"package main

// #include "double.h"
// enum { LIMIT = 17 };
import "C"

import "fmt"

type size = C.int

type pair struct {
	n    C.int
	name string
}

const limit = C.LIMIT

func double(n int) int { return int(C.twice(C.int(n))) }

func (p pair) text() string { return p.name }

func answer(s string) string { return label(double(len(s))) + raw(3) + pair{1, "p"}.text() }

func raw(n size) string { return fmt.Sprint(n, limit) }

func label(n int) string { return fmt.Sprint("label ", n, " ") }
"#;

#[test]
fn a_program_with_cgo_is_swapped_where_c_has_no_part() {
    let project = Project::new(&[
        ("main.go", MAIN),
        ("c.go", C),
        ("double.h", "int twice(int n);\n"),
        (
            "double.c",
            "#include \"double.h\"\nint twice(int n) { return 2 * n; }\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    let ready = fire.expect("ready");
    assert!(ready["movable"].as_u64() >= Some(1), "{ready}");
    fire.types("abc\n").prints("label 6 3 17p");
    project.replace("c.go", "\"label \"", "\"LABEL \"");
    let swapped = fire.expect("swapped");
    assert_eq!(swapped["functions"][0], "example.com/app.label");
    fire.types("abc\n").prints("LABEL 6 3 17p");
    for (file, from, to, code, subject, line) in [
        (
            "c.go",
            "return p.name",
            "return \"!\" + p.name",
            "unmovable-body",
            "example.com/app.pair.text",
            "LABEL 6 3 17!p",
        ),
        (
            "double.c",
            "2 * n",
            "3 * n",
            "build",
            "double.c",
            "LABEL 9 3 17!p",
        ),
        (
            "double.h",
            "int twice(int n);",
            "int twice(int number);",
            "build",
            "double.h",
            "LABEL 9 3 17!p",
        ),
        (
            "c.go",
            "LIMIT = 17",
            "LIMIT = 18",
            "build",
            "c.go",
            "LABEL 9 3 18!p",
        ),
    ] {
        project.replace(file, from, to);
        let restarted = fire.expect("restarted");
        let reason = &restarted["reasons"][0];
        assert_eq!(
            (&reason["code"], &reason["subject"]),
            (&code.into(), &subject.into()),
            "{restarted}"
        );
        assert_ne!(reason["detail"], "added", "{restarted}");
        fire.types("abc\n").prints(line);
    }
}

#[test]
fn source_that_failed_and_was_taken_back_is_in_no_build() {
    let project = Project::new(&[
        ("main.go", MAIN),
        (
            "answer.go",
            "package main\n\nimport \"example.com/app/words\"\n\nfunc answer(s string) string { return words.Of(s) }\n",
        ),
        (
            "words/words.go",
            "package words\n\ntype T struct{ a int }\n\nfunc Of(s string) string { return s }\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    project.replace("answer.go", "words.Of(s)", "words.Off(s)");
    assert_eq!(fire.expect("failed")["stage"], "typecheck");
    project.replace("answer.go", "words.Off(s)", "words.Of(s)");
    fire.expect("nothing");
    project.replace("words/words.go", "a int", "a, b int");
    fire.expect("restarted");
    fire.types("x\n").prints("x");
    project.replace("words/words.go", "return s", "return s + s");
    fire.expect("swapped");
    fire.types("x\n").prints("xx");
}

#[test]
fn tags_from_goflags_decide_what_is_watched() {
    let tagged = |tag: &str, text: &str| {
        format!(
            "//go:build {tag}\n\npackage main\n\nfunc answer(s string) string {{ return s + {text:?} }}\n"
        )
    };
    let project = Project::new(&[
        ("main.go", MAIN),
        ("with.go", &tagged("extra", "with1")),
        ("without.go", &tagged("!extra", "without1")),
        (
            "fire.toml",
            "[build]\nenv = { GOFLAGS = \"-tags=extra -trimpath\" }\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    fire.types("x\n").prints("xwith1");
    project.replace("without.go", "without1", "without2");
    fire.expect("nothing");
    project.replace("with.go", "with1", "with2");
    fire.expect("swapped");
    fire.types("x\n").prints("xwith2");
}

#[test]
fn a_workspace_is_watched_with_all_its_modules() {
    let module = |name: &str| format!("module example.com/{name}\n\ngo 1.22\n");
    let project = Project::new(&[
        ("go.work", "go 1.22\n\nuse (\n\t./app\n\t./lib\n)\n"),
        ("app/go.mod", &module("app")),
        ("lib/go.mod", &module("lib")),
        (
            "app/main.go",
            &MAIN
                .replace("\t\"os\"\n", "\t\"os\"\n\n\t\"example.com/lib\"\n")
                .replace("answer(", "lib.Answer("),
        ),
        (
            "lib/lib.go",
            "package lib\n\nfunc Answer(s string) string { return s + \"1\" }\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    fire.types("x\n").prints("x1");
    project.replace("lib/lib.go", "\"1\"", "\"2\"");
    fire.expect("swapped");
    fire.types("x\n").prints("x2");
    project.replace("lib/go.mod", "go 1.22", "go 1.21");
    let restarted = fire.expect("restarted");
    assert_eq!(restarted["reasons"][0]["subject"], "lib/go.mod");
    assert_eq!(restarted["reasons"][0]["detail"], "changed");
    fire.types("x\n").prints("x2");
}

#[test]
fn what_was_saved_together_with_an_error_is_not_forgotten() {
    let project = Project::new(&[
        (
            "main.go",
            &MAIN.replace(
                "answer(lines",
                "one()+two()+os.Getenv(\"FROM_FILE\")+answer(lines",
            ),
        ),
        (
            "one.go",
            "package main\n\nfunc one() string { return \"1\" }\n",
        ),
        (
            "two.go",
            "package main\n\nfunc two() string { return \"2\" }\n",
        ),
        (
            "answer.go",
            "package main\n\nfunc answer(s string) string { return s }\n",
        ),
        (".env", "FROM_FILE=e\n"),
    ]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    fire.types("x\n").prints("12ex");
    // A syntax error, then a type error, beside a good edit each.
    project.replace("one.go", "\"1\"", "\"I\"");
    project.replace("two.go", "\"2\" }", "\"2\" ");
    fire.until(|event| event["event"] == "failed" && event["stage"] == "parse");
    project.replace("two.go", "\"2\" ", "\"2\" }");
    fire.until(|event| event["event"] == "swapped" || event["event"] == "nothing");
    fire.types("x\n").prints("I2ex");
    // A restart that cannot be built is still wanted when it can be.
    project.replace("answer.go", "return s", "return t");
    fire.until(|event| event["event"] == "failed");
    project.write(".env", "FROM_FILE=E\n");
    fire.until(|event| event["event"] == "failed");
    project.replace("answer.go", "return t", "return s");
    fire.until(|event| event["event"] == "restarted");
    fire.types("x\n").prints("I2Ex");
}

#[test]
fn a_new_fire_toml_takes_effect_at_once() {
    let main = MAIN.replace(
        "answer(lines",
        "os.Args[1:], os.Getenv(\"FROM_TOML\"), answer(lines",
    );
    let project = Project::new(&[
        ("main.go", &main),
        (
            "plain.go",
            "//go:build !loud\n\npackage main\n\nfunc answer(s string) string { return s }\n",
        ),
        (
            "loud.go",
            "//go:build loud\n\npackage main\n\nfunc answer(s string) string { return s + \"!\" }\n",
        ),
        ("page.txt", "1"),
    ]);
    let mut fire = project.fire(&[]);
    let ready = fire.expect("ready");
    fire.types("x\n").prints("[]  x");
    project.write(
        "fire.toml",
        "[run]\nargs = [\"-a\"]\nenv = { FROM_TOML = \"t\" }\n",
    );
    let restarted = fire.expect("restarted");
    assert_eq!(restarted["reasons"][0]["code"], "config", "{restarted}");
    assert_eq!(restarted["reasons"][0]["detail"], "[run]", "{restarted}");
    assert_ne!(restarted["pid"], ready["pid"]);
    fire.types("x\n").prints("[-a] t x");
    // What is wrong is told, and the app keeps running.
    project.write("fire.toml", "[run]\narg = [\"-b\"]\n");
    let failed = fire.expect("failed");
    let found = &failed["diagnostics"][0];
    assert_eq!(
        (&found["file"], &found["line"], &found["col"]),
        (&"fire.toml".into(), &2.into(), &1.into()),
        "{failed}"
    );
    fire.types("x\n").prints("[-a] t x");
    project.write(
        "fire.toml",
        "policy = \"keep-state\"\n[run]\nargs = [\"-b\"]\n[build]\ntags = [\"loud\"]\n",
    );
    fire.expect("restarted");
    fire.types("x\n").prints("[-b]  x!");
    project.replace("loud.go", "\"!\"", "\"!!\"");
    fire.expect("swapped");
    fire.types("x\n").prints("[-b]  x!!");
    // What only concerns the watch restarts nothing.
    project.write(
        "fire.toml",
        "policy = \"keep-state\"\n[run]\nargs = [\"-b\"]\n[build]\ntags = [\"loud\"]\n[watch]\ninclude = [\"*.txt\"]\n",
    );
    fire.expect("nothing");
    project.write("page.txt", "2");
    assert_eq!(
        fire.expect("restarted")["reasons"][0]["subject"],
        "page.txt"
    );
    fire.types("x\n").prints("[-b]  x!!");
    std::fs::remove_file(project.path().join("fire.toml")).unwrap();
    fire.expect("restarted");
    fire.types("x\n").prints("[]  x");
}
