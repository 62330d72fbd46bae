//! Workers that are killed while they are called.

use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::time::{Duration, Instant};

use fire_tests::driver::Project;
use fire_tests::http::Load;
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::source::Random;
use crate::{number, port, process, status};

const COUNTING: &str = r#"package main

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

var runs sync.Map

func touch(n *atomic.Int64) int64 { return n.Load() }

func work(id string) string {
	found, _ := runs.LoadOrStore(id, new(atomic.Int64))
	n := found.(*atomic.Int64)
	n.Add(1)
	for i := 0; i < 50; i++ {
		touch(n)
	}
	return fmt.Sprint("ran ", touch(n))
}

func serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprint(w, "panicked: ", p)
		}
	}()
	fmt.Fprint(w, work(r.URL.Path))
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(serve))
}
"#;

#[test]
fn workers_are_killed_and_no_call_runs_twice() {
    let kills = number("FIRE_KILLS", 15);
    let mut random = Random(number("FIRE_SEED", 88_172_645_463_325_252));
    let project = Project::new(&[
        ("main.go", COUNTING),
        (
            "fire.toml",
            "[policy]\nname = \"keep-state\"\nrespawns = 1000000\nrespawn-after-ms = 0\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    let ready = fire.expect("ready");
    let port = port(&mut fire);
    // Two workers: one calls the other.
    project.replace("main.go", "i < 50", "i < 60");
    fire.expect("swapped");
    project.replace("main.go", "return n.Load()", "return n.Load() + 0");
    fire.expect("swapped");
    let load = Load::start(
        &Arc::new(AtomicU16::new(port)),
        3,
        Duration::from_millis(1),
        |client, n| format!("/{client}/{n}"),
    );
    let (mut killed, began) = (0, Instant::now());
    for tick in 1.. {
        if killed == kills {
            break;
        }
        let status = status(&project);
        let all = status["generations"].as_array().expect("a list");
        let workers: Vec<&Value> = all.iter().filter(|one| one["state"] == "serving").collect();
        if !workers.is_empty() {
            let choice = random.below(workers.len() as u64);
            let victim = workers[usize::try_from(choice).expect("small")];
            // It may have ended in the meantime.
            if kill_process(process(&victim["worker_pid"]), Signal::KILL).is_ok() {
                killed += 1;
            }
        }
        let next = began + tick * Duration::from_millis(200);
        fire.quiet_for(next.saturating_duration_since(Instant::now()));
    }
    let took = began.elapsed();
    let exchanges = load.stop();
    let mut panics = 0;
    for exchange in &exchanges {
        match exchange.answer.as_deref() {
            Ok("ran 1") => {}
            Ok(text) if text.starts_with("panicked: fire: the worker running example.com/app.") => {
                assert!(text.ends_with("died (signal 9)"), "{text}");
                panics += 1;
            }
            other => panic!("{}: {other:?}", exchange.path),
        }
    }
    println!(
        "{killed} workers killed in {took:?}: {panics} of {} calls lost",
        exchanges.len()
    );
    assert!(panics < exchanges.len(), "every call was lost");
    assert_eq!(status(&project)["pid"], ready["pid"], "the app survives");
    fire.signal(Signal::INT);
    fire.ends(Duration::from_secs(20));
}
