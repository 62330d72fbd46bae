//! However fire ends while a worker runs, in whatever way the program resists: no process is left, no socket, no segment.

use std::time::{Duration, Instant};

use fire_tests::driver::Project;
use rustix::process::{Pid, Signal, test_kill_process};

/// Holds a port, minds no polite signal, and has a child that minds none either.
const STUBBORN: &str = r#"package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func text() string { return "v1" }

func main() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	port, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Println("the port is taken:", err)
		os.Exit(1)
	}
	child := exec.Command("/bin/sh", "-c", "trap '' TERM INT HUP; while :; do read line < /dev/zero; done")
	child.Stdout = os.Stdout
	child.Start()
	fmt.Println("holds", port.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(text())
	}
	select {}
}
"#;

/// Files in /dev/shm that a process has mapped, deleted or not.
fn segments(pid: i32) -> Vec<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process runs");
    let mut found: Vec<String> = maps
        .lines()
        .filter_map(|line| Some(line[line.find("/dev/shm/")?..].to_owned()))
        .collect();
    found.dedup();
    found
}

#[test]
fn every_end_with_a_worker_running_leaves_nothing() {
    let project = Project::new(&[
        ("main.go", STUBBORN),
        ("fire.toml", "[run]\ngrace_ms = 200\n"),
    ]);
    let mut address = "127.0.0.1:0".to_owned();
    for (signal, code) in [
        (Signal::INT, Some(130)),
        (Signal::TERM, Some(143)),
        (Signal::HUP, Some(129)),
        (Signal::KILL, None),
    ] {
        let mut fire = project.fire(&["--", &address]);
        fire.expect("ready");
        // The second round begins with the first one's port: it is free at once.
        let said = fire.prints_line("holds ");
        address = said.split_once("holds ").unwrap().1.to_owned();
        project.replace("main.go", "\"v1\"", "\"v2\"");
        let swapped = fire.expect("swapped");
        fire.types("x\n").prints("v2");
        let worker = i32::try_from(swapped["worker_pid"].as_i64().unwrap()).unwrap();
        let mapped = segments(worker);
        assert!(!mapped.is_empty(), "a worker maps its lane");
        fire.signal(signal);
        assert_eq!(fire.ends(Duration::from_secs(6)).status.code(), code);
        let end = Instant::now() + Duration::from_secs(6);
        let left = || {
            let alive = test_kill_process(Pid::from_raw(worker).unwrap()).is_ok();
            alive || mapped.iter().any(|file| std::fs::exists(file).unwrap())
        };
        while left() {
            assert!(
                Instant::now() < end,
                "{signal:?} left the worker or {mapped:?}"
            );
            std::thread::yield_now();
        }
        project.replace("main.go", "\"v2\"", "\"v1\"");
    }
}
