//! Builds a Go program against a transport's Go half, as fire does it: by an overlay that puts the
//! package at `fireagent/lane` among the standard packages.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fire_plugin_api::transport::GoFile;

/// A directory of this repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Builds `program` (a directory below `tests/go`) with this Go half into `directory`.
///
/// # Panics
/// When it does not build, with what Go said.
pub fn build(program: &str, half: &[GoFile], directory: &Path, flags: &[&str]) -> PathBuf {
    let said = Command::new("go")
        .args(["env", "GOROOT"])
        .output()
        .expect("go runs");
    let sources = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()).join("src");
    let mut replace = BTreeMap::new();
    for file in half {
        let written = directory.join(&file.name);
        std::fs::write(&written, &file.source).expect("the directory is writable");
        replace.insert(sources.join("fireagent/lane").join(&file.name), written);
    }
    let index = repository("fire-host/go/index")
        .canonicalize()
        .expect("package index exists");
    for entry in std::fs::read_dir(&index)
        .expect("package index is readable")
        .flatten()
    {
        replace.insert(sources.join("index").join(entry.file_name()), entry.path());
    }
    let overlay = directory.join("overlay.json");
    let json = serde_json::json!({ "Replace": replace });
    std::fs::write(&overlay, json.to_string()).expect("the directory is writable");
    let binary = directory.join(program);
    let output = Command::new("go")
        .current_dir(repository("tests/go").join(program))
        .args(["build", "-o"])
        .arg(&binary)
        .arg("-overlay")
        .arg(&overlay)
        .args(flags)
        .arg(".")
        .output()
        .expect("go runs");
    assert!(
        output.status.success(),
        "go build {program}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    binary
}

/// A running Go program that answers each line with a line.
pub struct GoPeer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl GoPeer {
    /// Starts it. Processor lists as of taskset(1); environment as pairs.
    pub fn start(binary: &Path, environment: &[(&str, &str)], processors: Option<&str>) -> Self {
        let mut command = match processors {
            None => Command::new(binary),
            Some(list) => {
                let mut command = Command::new("taskset");
                command.args(["-c", list]).arg(binary);
                command
            }
        };
        let mut child = command
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let to = child.stdin.take().expect("stdin is piped");
        let from = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, to, from }
    }

    /// Gives it a command without waiting for the answer.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.to, "{command}").expect("the peer reads its commands");
    }

    /// The answer to a command; empty when the peer has ended.
    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.from
            .read_line(&mut line)
            .expect("the peer answers in UTF-8");
        line.trim_end().into()
    }

    /// Gives it a command and waits for the answer.
    pub fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.answer()
    }

    /// Gives it a command that must succeed.
    ///
    /// # Panics
    /// When the answer is not `ok`.
    pub fn must(&mut self, command: &str) -> String {
        let answer = self.ask(command);
        match answer.strip_prefix("ok") {
            Some(rest) => rest.trim().into(),
            None => panic!("{command}: {answer:?}"),
        }
    }

    /// Ends it by SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("the peer can be killed");
        self.child.wait().expect("the peer can be waited for");
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for GoPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
