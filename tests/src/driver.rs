//! Drives a real fire on a real Go project. Everything waits for an event or a line, with a deadline;
//! a failure shows the command, fire's output and its events.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::schema;

/// Nothing takes longer, a first build on a busy machine included.
const DEADLINE: Duration = Duration::from_secs(120);

/// The fire binary, built once.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "fire-cli"])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(&root)
            .status()
            .expect("cargo runs");
        assert!(built.success(), "fire does not build");
        // Beside this test: target/debug/deps/test → target/debug/fire.
        let test = std::env::current_exe().expect("the test has a path");
        let directory = test.parent().and_then(Path::parent).expect("target/debug");
        directory.join("fire")
    })
}

/// A Go project in a directory of its own.
#[derive(Debug)]
pub struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    /// With these files, and a `go.mod` if there is none among them.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        };
        if !files
            .iter()
            .any(|(name, _)| name.ends_with("go.mod") || *name == "go.work")
        {
            project.write("go.mod", "module example.com/app\n\ngo 1.22\n");
        }
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// An empty directory.
    pub fn empty() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Saves a file as editors do: beside it, then renamed over it.
    pub fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        let directory = path.parent().expect("a file has a directory");
        std::fs::create_dir_all(directory).expect("the directory can be made");
        let beside = path.with_extension("new~");
        std::fs::write(&beside, text).expect("the file can be written");
        std::fs::rename(&beside, &path).expect("the file can be renamed");
        self
    }

    /// Saves a file with one text in place of another.
    pub fn replace(&self, name: &str, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.path().join(name)).expect("the file can be read");
        assert!(text.contains(from), "{name} does not contain {from:?}");
        self.write(name, &text.replace(from, to))
    }

    /// Starts fire here.
    pub fn fire(&self, arguments: &[&str]) -> Fire {
        Fire::start(Command::new(binary()), self.path(), arguments)
    }

    /// Starts fire here by a command that is given fire's own command line as its last arguments and becomes it.
    pub fn fire_by(&self, mut command: Command, arguments: &[&str]) -> Fire {
        command.arg(binary());
        Fire::start(command, self.path(), arguments)
    }

    /// Starts fire here with a terminal of its own, where keys are typed: what it and the app write goes where it does
    /// without one.
    pub fn fire_on_terminal(&self, arguments: &[&str]) -> Fire {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("a terminal");
        grantpt(&keyboard).expect("the terminal can be used");
        unlockpt(&keyboard).expect("the terminal can be opened");
        let name = ptsname(&keyboard, Vec::new()).expect("the terminal has a name");
        let mut command = Command::new("sh");
        // The first terminal that the leader of a session opens is its own.
        command
            .args([
                "-c",
                "exec setsid --wait sh -c 'exec \"$@\" <\"$TERMINAL\"' sh \"$@\"",
                "sh",
            ])
            .env("TERMINAL", std::ffi::OsStr::from_bytes(name.as_bytes()));
        let mut fire = self.fire_by(command, arguments);
        let keyboard = std::fs::File::from(keyboard);
        fire.terminal = Some(keyboard.try_clone().expect("a second hold on the terminal"));
        fire.keyboard = Some(Box::new(keyboard));
        fire
    }

    /// Runs fire to its end: exit code, stdout, stderr.
    pub fn fire_once(&self, arguments: &[&str]) -> (i32, String, String) {
        self.fire_once_with(arguments, &[])
    }

    /// The same with variables in its environment.
    pub fn fire_once_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &Path)],
    ) -> (i32, String, String) {
        let output = Command::new(binary())
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .expect("fire starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr),
        )
    }
}

/// A running fire.
pub struct Fire {
    command: String,
    child: Child,
    keyboard: Option<Box<dyn Write + Send>>,
    /// It does not hang up before fire has ended.
    terminal: Option<std::fs::File>,
    events: Receiver<Value>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    told: Vec<String>,
}

impl Fire {
    fn start(mut command: Command, directory: &Path, arguments: &[&str]) -> Self {
        // A pipe with a name: the reader is woken by each line, and nobody polls.
        let pipe = tempfile::tempdir().expect("a temporary directory");
        let path = pipe.path().join("events");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .expect("a named pipe");
        command
            .arg("--events")
            .arg(&path)
            .arg("-v")
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let shown = format!("{command:?}");
        let mut child = command.spawn().expect("fire starts");
        let stdout = lines(child.stdout.take().expect("piped"));
        let stderr = lines(child.stderr.take().expect("piped"));
        let (sender, events) = mpsc::channel();
        std::thread::spawn(move || {
            let schema = schema::events();
            let file = std::fs::File::open(&path).expect("the named pipe opens");
            for line in BufReader::new(file).lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).expect("an event is JSON");
                schema::check(&schema, &event).unwrap_or_else(|wrong| panic!("{line}: {wrong}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
            drop(pipe);
        });
        Self {
            command: shown,
            keyboard: child.stdin.take().map(|pipe| Box::new(pipe) as _),
            terminal: None,
            child,
            events,
            stdout,
            stderr,
            told: Vec::new(),
        }
    }

    /// Process id of fire.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next event, whatever it is.
    pub fn event(&mut self) -> Value {
        match self.events.recv_timeout(DEADLINE) {
            Ok(event) => {
                self.told.push(event.to_string());
                event
            }
            Err(_) => self.fail("no event"),
        }
    }

    /// The next event but batches and what is said of older generations; it must be this one.
    pub fn expect(&mut self, name: &str) -> Value {
        loop {
            let event = self.event();
            if event["event"] == name {
                return event;
            }
            if !["batch", "draining", "drained"]
                .iter()
                .any(|name| event["event"] == *name)
            {
                self.fail(&format!("expected {name}, found {event}"));
            }
        }
    }

    /// Waits for this event, passing over others.
    pub fn until(&mut self, matches: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.event();
            if matches(&event) {
                return event;
            }
        }
    }

    /// Takes what comes for a while, whatever it is.
    pub fn quiet_for(&mut self, while_: Duration) {
        let end = Instant::now() + while_;
        while let Ok(event) = self
            .events
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.told.push(event.to_string());
        }
    }

    /// Waits for a line of the app that contains this.
    pub fn prints(&mut self, text: &str) -> &mut Self {
        self.prints_line(text);
        self
    }

    /// Waits for a line of the app that contains this, and gives it.
    pub fn prints_line(&mut self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            match self
                .stdout
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.told.push(format!("stdout: {line}"));
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => self.fail(&format!("the app never printed {text:?}")),
            }
        }
    }

    /// Types this to the app, or to whoever has the terminal.
    pub fn types(&mut self, text: &str) -> &mut Self {
        let keyboard = self.keyboard.as_mut().expect("it has not ended");
        keyboard.write_all(text.as_bytes()).expect("somebody reads");
        self
    }

    /// Sends fire a signal.
    pub fn signal(&mut self, signal: Signal) -> &mut Self {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("fire runs");
        self
    }

    /// Waits for fire, and everything that holds its stdout, to end.
    pub fn ends(mut self, limit: Duration) -> Ended {
        let end = Instant::now() + limit;
        drop(self.keyboard.take());
        loop {
            match self
                .stdout
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.told.push(format!("stdout: {line}")),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.fail("something of it still runs");
                }
            }
        }
        // Nobody holds its stdout any more, so it has ended or is about to.
        let status = self.child.wait().expect("fire ends");
        drop(self.terminal.take());
        let stderr: Vec<String> = self.stderr.iter().collect();
        let events = self.events.iter().collect();
        Ended {
            status,
            stderr: stderr.join("\n"),
            events,
        }
    }

    fn fail(&mut self, message: &str) -> ! {
        // Ended first: then its output has an end.
        let _ = self.child.kill();
        let stderr: Vec<String> = self.stderr.iter().collect();
        panic!(
            "{message}\ncommand: {}\nevents and output:\n  {}\nstderr:\n  {}",
            self.command,
            self.told.join("\n  "),
            stderr.join("\n  ")
        );
    }
}

impl Drop for Fire {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(pid, Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// A fire that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it said that nobody waited for.
    pub stderr: String,
    /// Events that nobody waited for.
    pub events: Vec<Value>,
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
