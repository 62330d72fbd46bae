//! A Go program of fire's own, built against a transport's Go half as fire builds it: by an overlay that puts the
//! package at `fireagent/lane` among the standard packages. It is driven line by line.
//!
//! Used by what measures and checks transports; a user's program never comes here.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fire_plugin_api::Error;
use fire_plugin_api::transport::GoFile;

/// Package `index`, which the Go halves import.
const INDEX: [(&str, &str); 3] = [
    ("index.go", include_str!("../go/index/index.go")),
    ("index_amd64.s", include_str!("../go/index/index_amd64.s")),
    ("index_arm64.s", include_str!("../go/index/index_arm64.s")),
];

/// Builds a program of these files (names and texts) with this Go half into `directory`, and returns it.
pub fn build(
    go: &Path,
    files: &[(&str, &str)],
    half: &[GoFile],
    directory: &Path,
) -> Result<PathBuf, Error> {
    let source = directory.join("source");
    write(&source, "go.mod", "module fire\n\ngo 1.22\n")?;
    for (name, text) in files {
        write(&source, name, text)?;
    }
    // A workspace around the directory is none of ours.
    let command = || {
        let mut command = Command::new(go);
        command.current_dir(&source).env("GOWORK", "off");
        command
    };
    let said = run(command().args(["env", "GOROOT"]))?;
    let sources = PathBuf::from(said.trim()).join("src");
    let mut replace = BTreeMap::new();
    let half = half
        .iter()
        .map(|file| ("fireagent/lane", file.name.as_str(), file.source.as_str()));
    for (package, name, text) in half.chain(INDEX.map(|(name, text)| ("index", name, text))) {
        replace.insert(
            sources.join(package).join(name),
            write(&directory.join("overlay").join(package), name, text)?,
        );
    }
    let json = serde_json::json!({ "Replace": replace }).to_string();
    let overlay = write(directory, "overlay.json", &json)?;
    let program = directory.join("program");
    run(command()
        .args(["build", "-overlay"])
        .arg(overlay)
        .arg("-o")
        .arg(&program)
        .arg("."))?;
    Ok(program)
}

/// Writes a file, and its directory.
pub fn write(directory: &Path, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = directory.join(name);
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|error| Error::new(format!("cannot write {}: {error}", path.display())))?;
    Ok(path)
}

/// Runs a command that must succeed; gives what it printed.
pub fn run(command: &mut Command) -> Result<String, Error> {
    let shown = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::new(format!("{shown}: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!(
            "it does not build:\n{}",
            said.trim_end()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A running program that answers each line with a line. It ends with this value.
pub struct GoProgram {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl GoProgram {
    /// Starts a command whose standard input and output are the conversation.
    pub fn start(command: &mut Command) -> Result<Self, Error> {
        let failed =
            |error: std::io::Error| Error::new(format!("cannot start the Go program: {error}"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self {
                child,
                to,
                from: BufReader::new(from),
            }),
            _ => Err(Error::new("the Go program has no pipes")),
        }
    }

    /// Gives it a command without waiting for the answer.
    pub fn tell(&mut self, command: &str) -> Result<(), Error> {
        writeln!(self.to, "{command}")
            .map_err(|error| Error::new(format!("the Go program has ended: {error}")))
    }

    /// The answer to a command; empty when the program has ended.
    pub fn answer(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.from
            .read_line(&mut line)
            .map_err(|error| Error::new(format!("the Go program's answer: {error}")))?;
        Ok(line.trim_end().into())
    }

    /// Gives it a command and waits for the answer; an error if that says `failed`, or nothing.
    pub fn ask(&mut self, command: &str) -> Result<String, Error> {
        self.tell(command)?;
        let answer = self.answer()?;
        if answer.is_empty() || answer.starts_with("failed") {
            return Err(Error::new(format!("{command}: {answer:?}")));
        }
        Ok(answer)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it by SIGKILL and waits for that.
    pub fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for GoProgram {
    fn drop(&mut self) {
        self.kill();
    }
}
