//! Links that cannot be made: the edit restarts the app, with the cause and its cure, and nothing is left behind.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fire_tests::driver::{Fire, Project};

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

/// In a mount namespace of its own whose /dev/shm was mounted with these options.
fn with_dev_shm(options: &str, runtime: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let script = format!("mount -t tmpfs -o {options} tmpfs /dev/shm && exec \"$@\"");
    command
        .args(["--mount", "sh", "-c", &script, "sh"])
        .env("XDG_RUNTIME_DIR", runtime);
    command
}

/// Edits the running app: it must be restarted because of this.
fn edit_restarts(project: &Project, running: &mut Fire, cause: &str) {
    running.expect("ready");
    running.prints("v1 true");
    project.replace("main.go", "v1 ", "v2 ");
    let restarted = running.expect("restarted");
    let reason = &restarted["reasons"][0];
    assert_eq!(reason["code"], "transport", "{restarted}");
    let detail = reason["detail"].as_str().unwrap();
    assert!(detail.contains(cause), "{restarted}");
    running.prints("v2 true");
}

fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    entries.map(name).collect()
}

fn quits(mut running: Fire) {
    running.signal(rustix::process::Signal::TERM);
    running.ends(Duration::from_secs(30));
}

#[test]
fn a_dev_shm_without_room_or_rights_is_told_with_its_cure() {
    for (options, cause) in [
        ("size=64k", "/dev/shm has no room for"),
        ("ro", "cannot make shared memory in /dev/shm"),
    ] {
        let project = Project::new(&[("main.go", APP)]);
        let runtime = tempfile::tempdir().unwrap();
        let mut running = project.fire_by(with_dev_shm(options, runtime.path()), &[]);
        edit_restarts(&project, &mut running, cause);
        let shared = format!("/proc/{}/root/dev/shm", running.pid());
        assert_eq!(names(shared), Vec::<String>::new(), "{options}");
        quits(running);
        assert_eq!(names(runtime.path()), Vec::<String>::new(), "{options}");
    }
}

#[test]
fn a_dev_shm_without_room_does_not_matter_to_the_other_transports() {
    for transport in ["pipe", "tcp"] {
        let project = Project::new(&[("main.go", APP)]);
        let runtime = tempfile::tempdir().unwrap();
        let command = with_dev_shm("size=64k", runtime.path());
        let mut running = project.fire_by(command, &["--transport", transport]);
        running.expect("ready");
        running.prints("v1 true");
        project.replace("main.go", "v1 ", "v2 ");
        running.expect("swapped");
        running.prints("v2 true");
        quits(running);
        assert_eq!(names(runtime.path()), Vec::<String>::new(), "{transport}");
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_its_cure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let settings = format!("[transport]\nname = \"tcp\"\nport = {port}\n");
    let project = Project::new(&[("main.go", APP), ("fire.toml", &settings)]);
    let mut running = project.fire(&[]);
    let cause = format!("cannot listen on 127.0.0.1:{port}");
    edit_restarts(&project, &mut running, &cause);
}

#[test]
fn a_directory_for_sockets_that_is_forbidden_is_told_and_the_app_runs() {
    let project = Project::new(&[("main.go", APP)]);
    let mut command = Command::new("env");
    // Nobody can make a directory there, the superuser included.
    command.arg("XDG_RUNTIME_DIR=/proc");
    let mut running = project.fire_by(command, &[]);
    running.expect("ready");
    running.prints("v1 true");
    project.replace("main.go", "v1 ", "v2 ");
    running.expect("restarted");
    running.prints("v2 true");
    running.signal(rustix::process::Signal::TERM);
    let ended = running.ends(Duration::from_secs(30));
    assert!(
        ended
            .stderr
            .contains("no directory for sockets can be made"),
        "{}",
        ended.stderr
    );
}
