//! The app: started with the terminal's stdin, stdout and stderr, stopped politely, then firmly.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use tokio::signal::unix::{SignalKind, signal};

use super::terminal::Witness;
use super::{Group, Guard, Terminal};

/// How the app is started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Its working directory.
    pub directory: PathBuf,
    /// What it is given on its command line.
    pub arguments: Vec<String>,
    /// Environment besides fire's own.
    pub environment: Vec<(String, String)>,
    /// What it may borrow when it wants to read.
    pub terminal: Terminal,
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

/// What befell the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It ended by itself, with this code.
    Exit(i32),
    /// Ctrl-C was typed while it had the terminal; it may be ending.
    Interrupt,
}

/// The running app.
#[derive(Debug)]
pub struct App {
    child: tokio::process::Child,
    group: Group,
    pid: u32,
    ended: Option<i32>,
    signal: Option<i32>,
    interrupted: bool,
    terminal: Terminal,
    /// While it has the terminal.
    witness: Option<Witness>,
    stops: tokio::signal::unix::Signal,
}

impl App {
    /// Starts the binary in a process group of its own.
    pub fn start(
        binary: &std::path::Path,
        launch: &Launch,
        more_environment: Vec<(String, String)>,
        guard: &Guard,
    ) -> std::io::Result<Self> {
        let stops = signal(SignalKind::child())?;
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
            signal: None,
            interrupted: false,
            terminal: launch.terminal.clone(),
            witness: None,
            stops,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The signal that ended it, if it has ended by one.
    pub fn signal(&self) -> Option<i32> {
        self.signal
    }

    /// Done when something befell it. May be dropped and asked again.
    pub async fn met(&mut self) -> Met {
        if let Some(code) = self.ended {
            return self.ending(code);
        }
        loop {
            self.mind_stops();
            tokio::select! {
                biased;
                typed = witnessed(&mut self.witness) => {
                    self.witness = None;
                    if typed {
                        self.interrupted = true;
                        return Met::Interrupt;
                    }
                }
                status = self.child.wait() => {
                    // The witness may have more to say of how it ended.
                    if let Some(mut witness) = self.witness.take() {
                        let typed = witness.ended();
                        let typed = tokio::time::timeout(Duration::from_millis(20), typed).await;
                        self.interrupted |= typed.unwrap_or(false);
                        witness.dismiss().await;
                    }
                    self.signal = status.as_ref().ok().and_then(ExitStatus::signal);
                    let code = status.map_or(-1, exit_code);
                    self.ended = Some(code);
                    self.give_terminal_back();
                    return self.ending(code);
                }
                _ = self.stops.recv() => {}
            }
        }
    }

    fn ending(&self, code: i32) -> Met {
        if self.interrupted {
            Met::Interrupt
        } else {
            Met::Exit(code)
        }
    }

    /// Lends the terminal to an app that the kernel stopped for want of it.
    fn mind_stops(&mut self) {
        let Some(group) = self.group.id() else { return };
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let Ok(Some(status)) = waitid(WaitId::Pid(group), options) else {
            return;
        };
        let by = status.stopping_signal().and_then(Signal::from_named_raw);
        match by {
            Some(Signal::TTIN | Signal::TTOU) if self.terminal.lend(group) => {
                self.witness = Witness::start(group).ok();
                self.group.signal(Signal::CONT);
            }
            Some(Signal::TSTP) if self.witness.is_some() => self.stop_with_it(group),
            _ => {}
        }
    }

    /// Ctrl-Z was typed while the app had the terminal: fire stops too, as one job with it.
    fn stop_with_it(&mut self, group: Pid) {
        self.terminal.take_back(group);
        // Returns when the shell lets fire go on.
        let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
        if self.terminal.lend(group) {
            self.group.signal(Signal::CONT);
        }
    }

    fn give_terminal_back(&mut self) {
        if let Some(group) = self.group.id() {
            self.terminal.take_back(group);
        }
    }

    async fn ended(&mut self) {
        while self.ended.is_none() {
            self.met().await;
        }
    }

    /// Ends it and all of its group: asks, waits for at most the grace, kills. Returns as soon as
    /// nobody is left; `false` if somebody still is, which only the kernel can cause.
    pub async fn stop(&mut self, stop: Stop) -> bool {
        let end = Instant::now() + stop.grace;
        if self.ended.is_none() {
            // Whom Ctrl-C has asked already is not asked twice.
            if !self.interrupted {
                self.group.signal(stop.signal);
                // A stopped process (Ctrl-Z, a background read) must run to hear the signal.
                self.group.signal(Signal::CONT);
            }
            if tokio::time::timeout(stop.grace, self.ended())
                .await
                .is_err()
            {
                self.group.signal(Signal::KILL);
                self.ended().await;
            }
        } else if !self.group.is_gone() {
            self.group.signal(stop.signal);
        }
        self.give_terminal_back();
        if let Some(witness) = self.witness.take() {
            witness.dismiss().await;
        }
        let left = end.saturating_duration_since(Instant::now());
        self.group.gone_within(left).await || self.group.kill().await
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.give_terminal_back();
    }
}

async fn witnessed(witness: &mut Option<Witness>) -> bool {
    match witness {
        Some(witness) => witness.ended().await,
        None => std::future::pending().await,
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
