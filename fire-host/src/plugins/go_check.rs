//! Builds a transport's Go half into a small worker and lets it talk with the Rust half.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fire_plugin_api::transport::{Frame, Link, LinkRequest, Side, Transport};

use crate::go_program::build;

const WORKER: &str = include_str!("../../go/lanecheck/main.go");

/// An echo that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is wrong, in one sentence; the compiler's own words may follow.
pub fn run(transport: &dyn Transport, directory: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", directory.display());
    let links = directory.join("link");
    fs::create_dir_all(&links).map_err(said)?;
    let files = [("main.go", WORKER)];
    let binary = build(Path::new("go"), &files, &transport.go_half(), directory)
        .map_err(|error| error.message)?;
    let request = LinkRequest {
        generation: 1,
        directory: links,
    };
    let link = transport
        .create(&request)
        .map_err(|error| format!("create: {error}"))?;
    let mut worker = start(&binary, &link.descriptor(Side::Worker))?;
    let outcome = exchange(link);
    // It may have ended by itself.
    let _ = worker.kill();
    let _ = worker.wait();
    outcome
}

/// The worker, attached.
fn start(binary: &Path, descriptor: &str) -> Result<Child, String> {
    let mut worker = Command::new(binary)
        .arg(descriptor)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the worker does not start: {error}"))?;
    let mut line = String::new();
    if let Some(output) = worker.stdout.take() {
        // An error leaves the line empty.
        let _ = BufReader::new(output).read_line(&mut line);
    }
    if line.trim() == "attached" {
        return Ok(worker);
    }
    let _ = worker.kill();
    let _ = worker.wait();
    Err("the worker's `Attach` failed".to_owned())
}

/// Home's side. It runs on a thread of its own, because a lane that is broken may wait for ever.
fn exchange(link: Box<dyn Link>) -> Result<(), String> {
    let (done, waiting) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more after the deadline.
        let _ = done.send(echoes(&*link));
        link.close("the check is over");
    });
    waiting
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| Err(format!("no echo within {} s", PATIENCE.as_secs())))
}

fn echoes(link: &dyn Link) -> Result<(), String> {
    let home = link
        .attach(Side::Home)
        .map_err(|error| format!("attach home: {error}"))?;
    link.attached()
        .map_err(|error| format!("attached: {error}"))?;
    for lane in 0..20u64 {
        let mut lane_of_home = home.open().map_err(|error| format!("open: {error}"))?;
        for size in [0, 1, 40, 41, 64, 1_000, 4_096, 60_000] {
            let sent = Frame {
                kind: size as u16,
                flags: lane as u16,
                call: lane << 40 | 7,
                payload: (0..size).map(|at: usize| (at ^ size) as u8).collect(),
            };
            lane_of_home
                .send(&sent)
                .map_err(|error| format!("send of {size} bytes: {error}"))?;
            let received = lane_of_home
                .recv()
                .map_err(|error| format!("recv of {size} bytes: {error}"))?;
            if received != sent {
                return Err(format!("a frame with {size} bytes came back changed"));
            }
        }
        lane_of_home.close();
    }
    Ok(())
}
