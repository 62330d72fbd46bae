//! The client of the facts helper: a resident Go process that knows the types of the user's program.
//!
//! One request at a time, each a line of JSON. A helper that dies is an error of the request under way; the
//! engine opens another.

mod shapes;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use crate::agent::Agent;
use crate::project::Project;
use crate::toolchain::Toolchain;

pub use shapes::*;

/// What went wrong with the helper.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FactsError {
    /// It could not be built.
    #[error("the facts helper could not be built: {0}")]
    Build(String),
    /// It is gone.
    #[error("the facts helper has ended")]
    Gone,
    /// It says no.
    #[error("{0}")]
    Refused(String),
}

type Waiting = (Value, oneshot::Sender<Result<Value, FactsError>>);

/// A running helper. It ends when this is dropped.
#[derive(Debug)]
pub struct Facts {
    requests: mpsc::UnboundedSender<Waiting>,
}

impl Facts {
    /// Builds the helper, if this Go has not built it before, and starts it.
    pub async fn start(
        agent: &Agent,
        toolchain: &Toolchain,
        project: &Project,
    ) -> Result<Self, FactsError> {
        let binary = build(agent, toolchain).await?;
        let mut command = Command::new(binary);
        command
            .env("PATH", path_with(toolchain))
            .envs(
                project
                    .build
                    .environment
                    .iter()
                    .map(|(key, value)| (key, value)),
            )
            .current_dir(&project.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| FactsError::Build(error.to_string()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(FactsError::Gone);
        };
        let (requests, waiting) = mpsc::unbounded_channel();
        tokio::spawn(serve(child, input, BufReader::new(output).lines(), waiting));
        Ok(Self { requests })
    }

    /// Asks, and waits for the answer.
    pub async fn ask<T: DeserializeOwned>(&self, request: Value) -> Result<T, FactsError> {
        let (sender, answer) = oneshot::channel();
        self.requests
            .send((request, sender))
            .map_err(|_| FactsError::Gone)?;
        let value = answer.await.map_err(|_| FactsError::Gone)??;
        serde_json::from_value(value)
            .map_err(|error| FactsError::Refused(format!("the facts helper answers {error}")))
    }

    /// Reads the whole program.
    pub async fn load(&self, project: &Project, faulty: Faulty) -> Result<Loaded, FactsError> {
        self.ask(json!({
            "do": "load", "dir": project.root, "patterns": project.packages,
            "flags": crate::build::option_flags(&project.build), "skip": faulty == Faulty::LeftAside,
        }))
        .await
    }
}

/// The PATH under which the go command of the toolchain comes first.
pub fn path_with(toolchain: &Toolchain) -> std::ffi::OsString {
    let mut places = vec![toolchain.goroot.join("bin")];
    if let Some(directory) = toolchain.go.parent() {
        places.push(directory.to_path_buf());
    }
    if let Some(path) = std::env::var_os("PATH") {
        places.extend(std::env::split_paths(&path));
    }
    std::env::join_paths(places).unwrap_or_default()
}

async fn serve(
    mut child: Child,
    mut input: ChildStdin,
    mut output: Lines<BufReader<ChildStdout>>,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
) {
    let mut id = 0u64;
    while let Some((mut request, sender)) = waiting.recv().await {
        id += 1;
        request["id"] = json!(id);
        let answer = exchange(&mut input, &mut output, &request).await;
        let failed = matches!(answer, Err(FactsError::Gone));
        // Whoever asked may have been dropped: the answer is then nobody's.
        let _ = sender.send(answer);
        if failed {
            break;
        }
    }
    drop(input);
    let _ = child.wait().await;
}

async fn exchange(
    input: &mut ChildStdin,
    output: &mut Lines<BufReader<ChildStdout>>,
    request: &Value,
) -> Result<Value, FactsError> {
    let mut line = request.to_string();
    line.push('\n');
    input
        .write_all(line.as_bytes())
        .await
        .map_err(|_| FactsError::Gone)?;
    let Ok(Some(text)) = output.next_line().await else {
        return Err(FactsError::Gone);
    };
    let value: Value = serde_json::from_str(&text).map_err(|_| FactsError::Gone)?;
    if value["ok"] == true {
        return Ok(value);
    }
    Err(FactsError::Refused(
        value["error"]
            .as_str()
            .unwrap_or("no reason given")
            .to_owned(),
    ))
}

/// Builds of this process: two at once must not write one file.
static BUILDS: AtomicU64 = AtomicU64::new(0);

async fn build(agent: &Agent, toolchain: &Toolchain) -> Result<PathBuf, FactsError> {
    let source = agent.directory.join("facts");
    let version: String = toolchain
        .version
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let binary = agent.directory.join(format!("facts-{version}"));
    if binary.exists() {
        return Ok(binary);
    }
    let fresh = agent.directory.join(format!(
        ".facts-{}-{}",
        std::process::id(),
        BUILDS.fetch_add(1, Ordering::Relaxed)
    ));
    let output = own_go(toolchain)
        .args(["build", "-trimpath", "-o"])
        .arg(&fresh)
        .arg(".")
        .current_dir(&source)
        .output()
        .await
        .map_err(|error| FactsError::Build(error.to_string()))?;
    if !output.status.success() {
        return Err(FactsError::Build(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    std::fs::rename(&fresh, &binary).map_err(|error| FactsError::Build(error.to_string()))?;
    Ok(binary)
}

/// The go command for fire's own Go code: none of the project's settings apply.
pub fn own_go(toolchain: &Toolchain) -> Command {
    let own: &Path = &toolchain.goroot.join("bin").join("go");
    let mut command = Command::new(if own.exists() { own } else { &toolchain.go });
    command
        .envs([
            ("GOFLAGS", ""),
            ("GOWORK", "off"),
            ("GO111MODULE", "on"),
            ("CGO_ENABLED", "0"),
            ("GOTOOLCHAIN", "local"),
            ("GOEXPERIMENT", ""),
        ])
        .env("GOROOT", &toolchain.goroot)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
