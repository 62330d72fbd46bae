//! A restart whose cause is Go source alone does without the go command, and runs what the go command would have built.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use fire_tests::driver::Project;

/// Prints a line for each line that it reads.
const MAIN: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"

	"example.com/app/store"
	"example.com/app/text"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(answer())
	}
}

func answer() string { return fmt.Sprintf("%+v %s", store.New(), text.Shown(text.Limit)) }
"#;

const STORE: &str =
    "package store\n\ntype Item struct{ A int }\n\nfunc New() Item { return Item{} }\n";

const TEXT: &str = "package text\n\nimport \"strconv\"\n\nconst Limit = 1\n\nfunc Shown(n int) string { return strconv.Itoa(n) }\n";

/// A go command that counts its builds.
fn counting(directory: &Path) -> std::io::Result<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let go = std::env::split_paths(&path)
        .map(|place| place.join("go"))
        .find(|go| go.is_file())
        .expect("go is on PATH");
    let log = directory.join("builds");
    std::fs::write(&log, "")?;
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' -n '*) ;; ' build '*) echo \"$*\" >>'{}';; esac\nexec '{}' \"$@\"\n",
        log.display(),
        go.display()
    );
    let wrapper = directory.join("go");
    std::fs::write(&wrapper, script)?;
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
    Ok(format!("{}:{path}", directory.display()))
}

#[test]
fn go_source_alone_needs_no_go_command() {
    let project = Project::new(&[
        ("main.go", MAIN),
        ("store/store.go", STORE),
        ("text/text.go", TEXT),
    ]);
    let tools = tempfile::tempdir().unwrap();
    let path = counting(tools.path()).unwrap();
    let mut command = Command::new("env");
    command.env("PATH", path);
    let mut fire = project.fire_by(command, &[]);
    let builds = || {
        let log = std::fs::read_to_string(tools.path().join("builds")).unwrap();
        log.lines().count()
    };
    fire.expect("ready");
    fire.types("?\n").prints("{A:0} 1");
    assert_eq!(builds(), 1);
    for (what, file, from, to, line, by_go) in [
        (
            "a field",
            "store/store.go",
            "A int",
            "A, B int",
            "{A:0 B:0} 1",
            0,
        ),
        (
            "another",
            "store/store.go",
            "A, B int",
            "A, B, C int",
            "{A:0 B:0 C:0} 1",
            0,
        ),
        // What main has compiled in comes from a package that it imports.
        (
            "a constant",
            "text/text.go",
            "Limit = 1",
            "Limit = 22",
            "{A:0 B:0 C:0} 22",
            0,
        ),
        (
            "an import",
            "text/text.go",
            "import \"strconv\"",
            "import (\n\t\"strconv\"\n\t\"strings\"\n)\n\nvar mark = strings.Repeat(\"!\", 2)",
            "{A:0 B:0 C:0} 22",
            1,
        ),
        (
            "a variable",
            "text/text.go",
            "\"!\", 2",
            "\"!\", 3",
            "{A:0 B:0 C:0} 22",
            0,
        ),
        (
            "a signature",
            "text/text.go",
            "func Shown(n int) string { return strconv.Itoa(n) }",
            "func Shown(n int, more ...int) string { return strconv.Itoa(n) + mark }",
            "{A:0 B:0 C:0} 22!!!",
            0,
        ),
    ] {
        let before = builds();
        project.replace(file, from, to);
        fire.expect("restarted");
        fire.types("?\n").prints(line);
        assert_eq!(builds() - before, by_go, "{what}");
    }
    // A mistake that only the compiler finds is told in the compiler's words, and loses nothing.
    let before = builds();
    project.replace("store/store.go", "A, B, C int", "A, B [1 << 50]int");
    let failed = fire.expect("failed");
    assert_eq!(failed["stage"], "build", "{failed}");
    assert!(builds() > before, "{failed}");
    fire.types("?\n").prints("{A:0 B:0 C:0} 22!!!");
    project.replace("store/store.go", "A, B [1 << 50]int", "D int");
    fire.expect("restarted");
    fire.types("?\n").prints("{D:0} 22!!!");
    // A new file is the go command's business.
    let before = builds();
    project.write(
        "store/more.go",
        "package store\n\nfunc init() { New() }\n\nvar _ = 1\n",
    );
    fire.expect("restarted");
    assert_eq!(builds() - before, 1);
}
