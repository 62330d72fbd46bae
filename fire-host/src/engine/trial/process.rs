//! One run of a test binary: what it prints, how it ends, and what ends it if it does not.
//!
//! Place in the flow: below [`super::Engine::run_moved`] and the plain runs of `verify`. It knows nothing of workers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::time::{clock_getcpuclockid, clock_gettime};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// What a run of a test binary printed, and how it ended.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Standard output and standard error, in the order of arrival.
    pub output: String,
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Why fire ended it, if fire did.
    pub stopped: Option<String>,
    /// How long the tests took, the launch of workers left out.
    pub took: Duration,
    /// How long each test took that ended.
    pub each: BTreeMap<String, Duration>,
}

/// How long a run may go on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all.
    pub whole: Duration,
    /// Without any use of a processor: then it hangs.
    pub idle: Duration,
}

/// How long a process that was asked for its goroutines may take to print them.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often a running process is looked at.
pub const LOOK: Duration = Duration::from_millis(500);

/// A test binary that runs, in a process group of its own.
pub struct Process {
    child: Child,
    group: Option<Pid>,
    reading: JoinHandle<(String, BTreeMap<String, Duration>)>,
    began: Instant,
    last_use: Instant,
    used: u64,
}

/// How a look at a process turned out.
pub enum Look {
    /// It goes on.
    Running,
    /// It has ended, with this exit code; -1 for a signal.
    Ended(i32),
    /// It must be ended, for this reason.
    Over(String),
}

impl Process {
    /// Starts a command. Tests that end are counted in `done`.
    pub fn start(mut command: Command, done: Arc<AtomicUsize>) -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        let second = writer.try_clone()?;
        command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(second)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        drop(command); // it holds the write end
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = Vec::new();
            let mut clock = Clock::default();
            let mut reader = BufReader::new(reader);
            // A read that fails ends the text early; the exit code tells the rest.
            while let Ok(length @ 1..) = reader.read_until(b'\n', &mut text) {
                let line = &text[text.len() - length..];
                done.fetch_add(usize::from(clock.note(line)), Ordering::Relaxed);
            }
            (String::from_utf8_lossy(&text).into_owned(), clock.each)
        });
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Self {
            child,
            group,
            reading,
            began: Instant::now(),
            last_use: Instant::now(),
            used: 0,
        })
    }

    /// Its time begins now.
    pub fn restart_clock(&mut self) {
        self.began = Instant::now();
        self.last_use = Instant::now();
    }

    /// How long it has run.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until it ends, or until the next look at it is due.
    pub async fn look(&mut self, limits: Limits, beside: &[u32]) -> Look {
        match tokio::time::timeout(LOOK, self.child.wait()).await {
            Ok(Ok(status)) => return Look::Ended(status.code().unwrap_or(-1)),
            Ok(Err(_)) => return Look::Ended(-1),
            Err(_) => {}
        }
        let own = self.child.id();
        let used = own
            .iter()
            .chain(beside)
            .map(|pid| processor_time(*pid))
            .sum();
        if used != self.used {
            self.used = used;
            self.last_use = Instant::now();
        }
        if self.elapsed() >= limits.whole {
            return Look::Over(format!("not done after {} s", limits.whole.as_secs()));
        }
        if self.last_use.elapsed() >= limits.idle {
            return Look::Over(format!(
                "it hangs: no process of it did anything for {} s",
                limits.idle.as_secs()
            ));
        }
        Look::Running
    }

    /// Ends it, its goroutines printed, and what it has left behind.
    pub async fn end(mut self, code: Option<i32>, stopped: Option<String>) -> Ran {
        let took = self.elapsed();
        if stopped.is_some()
            && let Some(group) = self.group
        {
            // A process that is gone already needs no signal.
            let _ = kill_process(group, Signal::QUIT);
            let _ = tokio::time::timeout(LAST_WORDS, self.child.wait()).await;
        }
        if let Some(group) = self.group {
            // What the test left behind goes too, or the pipe never ends.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let status = self.child.wait().await;
        let code = code.unwrap_or_else(|| status.ok().and_then(|s| s.code()).unwrap_or(-1));
        let (output, each) = self.reading.await.unwrap_or_default();
        Ran {
            output,
            code,
            stopped,
            took,
            each,
        }
    }
}

/// When the tests of a run began, and how long those took that have ended, by the lines of the testing package.
#[derive(Default)]
struct Clock {
    began: BTreeMap<String, Instant>,
    each: BTreeMap<String, Duration>,
}

impl Clock {
    /// Reads a line that has just come. True: a test has ended.
    fn note(&mut self, line: &[u8]) -> bool {
        let Some(at) = line.iter().position(|byte| *byte == 0x16) else {
            return false;
        };
        let line = String::from_utf8_lossy(&line[at + 1..]);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["===", "RUN", name, ..] => {
                self.began.insert((*name).to_owned(), Instant::now());
                false
            }
            ["---", _, name, ..] => {
                if let Some(began) = self.began.remove(*name) {
                    self.each.insert((*name).to_owned(), began.elapsed());
                }
                true
            }
            _ => false,
        }
    }
}

/// Runs a command to its end.
pub async fn run(command: Command, limits: Limits, done: Arc<AtomicUsize>) -> Ran {
    let mut process = match Process::start(command, done) {
        Ok(process) => process,
        Err(error) => return failed(&error),
    };
    loop {
        match process.look(limits, &[]).await {
            Look::Running => {}
            Look::Ended(code) => return process.end(Some(code), None).await,
            Look::Over(why) => return process.end(None, Some(why)).await,
        }
    }
}

/// [`run`], with the process stopped again and again, so that what it computes takes `factor` times as long.
pub async fn run_slowed(
    command: Command,
    limits: Limits,
    factor: f64,
    done: Arc<AtomicUsize>,
) -> Ran {
    let mut process = match Process::start(command, done) {
        Ok(process) => process,
        Err(error) => return failed(&error),
    };
    let over = Arc::new(AtomicBool::new(false));
    let (group, ended) = (process.group, over.clone());
    // A thread, as tokio's clock has no parts of a millisecond, and tests may take no longer.
    let holding = tokio::task::spawn_blocking(move || {
        if let Some(group) = group {
            hold_up(group, factor, &ended);
        }
    });
    let (code, why) = loop {
        match process.look(limits, &[]).await {
            Look::Running => {}
            Look::Ended(code) => break (Some(code), None),
            Look::Over(why) => break (None, Some(why)),
        }
    };
    // What is stopped does not take its signals: the last one lets it go on.
    over.store(true, Ordering::Relaxed);
    if holding.await.is_err() {
        tracing::debug!("the thread that held a process up has panicked");
    }
    process.end(code, why).await
}

/// Stops a process after whatever it has computed, for so long that it has taken `factor` times as long. What it waits for takes
/// as long as ever.
fn hold_up(group: Pid, factor: f64, over: &AtomicBool) {
    let Ok(clock) = clock_getcpuclockid(nix::unistd::Pid::from_raw(group.as_raw_pid())) else {
        return; // it is gone
    };
    let mut used = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(GOES);
        let Ok(now) = clock_gettime(clock).map(Duration::from) else {
            return;
        };
        let computed = now.saturating_sub(used);
        used = now;
        if computed.is_zero() {
            continue;
        }
        if kill_process_group(group, Signal::STOP).is_err() {
            return;
        }
        std::thread::sleep(computed.mul_f64((factor - 1.0).max(0.0)).min(HELD));
        if kill_process_group(group, Signal::CONT).is_err() {
            return;
        }
    }
}

/// How long a process that is slowed down goes on at a time, and stops at most.
const GOES: Duration = Duration::from_micros(200);
const HELD: Duration = Duration::from_secs(1);

/// A run that did not begin.
pub fn failed(error: &std::io::Error) -> Ran {
    Ran {
        output: error.to_string(),
        code: -1,
        ..Ran::default()
    }
}

/// Clock ticks that a process and the children it has waited for have used. Source: proc(5), `stat`.
fn processor_time(pid: u32) -> u64 {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return 0;
    };
    // The second field, in parentheses, may hold blanks.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}
