//! The app: started with the terminal's stdin, stdout and stderr, stopped politely, then firmly.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Group, Guard};

/// How the app is started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Its working directory.
    pub directory: PathBuf,
    /// What it is given on its command line.
    pub arguments: Vec<String>,
    /// Environment besides fire's own.
    pub environment: Vec<(String, String)>,
}

/// How the app is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// What asks it to end.
    pub signal: Signal,
    /// How long it may take before SIGKILL.
    pub grace: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            signal: Signal::TERM,
            grace: Duration::from_secs(5),
        }
    }
}

/// The running app.
#[derive(Debug)]
pub struct App {
    child: tokio::process::Child,
    group: Group,
    pid: u32,
    ended: Option<i32>,
}

impl App {
    /// Starts the binary in a process group of its own.
    pub fn start(
        binary: &std::path::Path,
        launch: &Launch,
        more_environment: Vec<(String, String)>,
        guard: &Guard,
    ) -> std::io::Result<Self> {
        let child = tokio::process::Command::new(binary)
            .args(&launch.arguments)
            .current_dir(&launch.directory)
            .envs(launch.environment.iter().map(|(key, value)| (key, value)))
            .envs(more_environment)
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        Ok(Self {
            group: Group::of(child.id(), guard),
            child,
            pid,
            ended: None,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its process group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Done when it has exited, with its code. May be dropped and asked again.
    pub async fn exited(&mut self) -> i32 {
        if let Some(code) = self.ended {
            return code;
        }
        let code = match self.child.wait().await {
            Ok(status) => exit_code(status),
            Err(_) => -1,
        };
        self.ended = Some(code);
        code
    }

    /// Ends it and all of its group: asks, waits for at most the grace, kills. Returns as soon as
    /// nobody is left; `false` if somebody still is, which only the kernel can cause.
    pub async fn stop(&mut self, stop: Stop) -> bool {
        let end = Instant::now() + stop.grace;
        if self.ended.is_none() {
            self.group.signal(stop.signal);
            // A stopped process (Ctrl-Z, a background read) must run to hear the signal.
            self.group.signal(Signal::CONT);
            if tokio::time::timeout(stop.grace, self.exited())
                .await
                .is_err()
            {
                self.group.signal(Signal::KILL);
                self.exited().await;
            }
        } else {
            self.group.signal(stop.signal);
        }
        let left = end.saturating_duration_since(Instant::now());
        self.group.gone_within(left).await || self.group.kill().await
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        self.group.signal(Signal::KILL);
        self.exited().await;
        self.group.kill().await;
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
