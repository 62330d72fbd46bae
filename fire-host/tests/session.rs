//! The session with an engine that only says what its policy would: an app that exits is started again when it asks for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fire_host::clock::Clock;
use fire_host::event::{Event, Told};
use fire_host::project::Project;
use fire_host::session::{Command, Session};
use fire_host::setup::{Request, settle};
use fire_host::supervise::Guard;
use fire_host::swap::{
    Census, Degraded, Desk, Fallback, HomeBuild, Hot, PrepareError, Status, Swapped, Swapper, Task,
    Undone, Verdict, WorkerNews,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Builds plainly; wants the app again after it has exited with code 3.
struct Again;

fn open(_: &Project) -> Result<Box<dyn Swapper>, Degraded> {
    Ok(Box::new(Again))
}

impl Swapper for Again {
    fn prepare_home(&mut self) -> Task<'_, Result<HomeBuild, PrepareError>> {
        Box::pin(async { Ok(HomeBuild::default()) })
    }

    fn home_environment(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn app_started(&mut self, _pid: u32) -> Task<'_, Result<(), Degraded>> {
        Box::pin(async { Ok(()) })
    }

    fn app_ended(&mut self) -> Task<'_, ()> {
        Box::pin(async {})
    }

    fn app_exited(&mut self, code: i32, signal: Option<i32>) -> Option<Duration> {
        assert_eq!(signal, (code == 128 + 9).then_some(9));
        (code == 3 || signal.is_some()).then_some(Duration::from_millis(5))
    }

    fn judge<'a>(&'a mut self, _changed: &'a [PathBuf]) -> Task<'a, Verdict> {
        Box::pin(async {
            Verdict::Restart {
                reasons: Vec::new(),
            }
        })
    }

    fn swap(&mut self, _hot: Hot) -> Task<'_, Result<Swapped, Fallback>> {
        Box::pin(async {
            Err(Fallback {
                reasons: Vec::new(),
            })
        })
    }

    fn revert<'a>(&'a mut self, _functions: &'a [String]) -> Task<'a, Result<(), Fallback>> {
        Box::pin(async { Ok(()) })
    }

    fn census(&self) -> Option<Census> {
        None
    }

    fn news(&mut self) -> UnboundedReceiver<WorkerNews> {
        unbounded_channel().1
    }

    fn desk(&self) -> Desk {
        Arc::new(|| Box::pin(async { Status::default() }))
    }

    fn undo(&mut self) -> Task<'_, Result<Undone, Fallback>> {
        Box::pin(async { Ok(Undone::default()) })
    }

    fn close(&mut self) -> Task<'_, ()> {
        Box::pin(async {})
    }
}

/// Exits with code 3, then by SIGKILL, then with code 0; a file counts.
const MAIN: &str = r#"package main

import (
	"os"
	"syscall"
)

func main() {
	count, _ := os.ReadFile("count")
	os.WriteFile("count", append(count, '.'), 0o600)
	switch len(count) {
	case 0:
		os.Exit(3)
	case 1:
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
"#;

#[tokio::test]
async fn an_app_that_exits_is_started_again_when_the_policy_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    std::fs::write(root.join("go.mod"), "module example.com/app\n\ngo 1.22\n").unwrap();
    std::fs::write(root.join("main.go"), MAIN).unwrap();
    let settings = settle(Request {
        root,
        ..Request::default()
    })
    .unwrap();
    let (sender, mut told) = unbounded_channel();
    let (session, handle) =
        Session::open(settings, Some(open), Guard::none(), Clock::start(), sender);
    let running = tokio::spawn(session.run());
    let mut next = async || loop {
        let said = tokio::time::timeout(Duration::from_secs(120), told.recv());
        match said.await.expect("something is told").expect("it goes on") {
            Told::Event(record) => return record.event,
            Told::Note { .. } => {}
        }
    };
    let mut seen = Vec::new();
    while seen.len() < 6 {
        seen.push(match next().await {
            Event::Ready { .. } => "ready".to_owned(),
            Event::Restarted { reasons, .. } => format!("restarted: {}", reasons[0].code),
            Event::AppExited { code, again_ms } => format!("exited {code} {again_ms:?}"),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(
        seen,
        [
            "ready",
            "exited 3 Some(5)",
            "restarted: exited",
            "exited 137 Some(5)",
            "restarted: exited",
            "exited 0 None",
        ]
    );
    handle.ask(Command::Quit);
    running.await.unwrap();
}
