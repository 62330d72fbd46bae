//! The project's socket: `fire status` and `fire undo` ask a running fire.
//!
//! One question a connection, one line each way, JSON. The socket lies in `.fire/socket`, a directory that only this
//! user can enter; it is reached by way of the directory's descriptor, because the path of a project may be longer
//! than that of a socket may be.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::session::{Command, Handle};
use crate::state;
use crate::swap::{Desk, Status, Undone};

/// How long a running fire may take to answer: it may be in the middle of a restart.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    /// Nothing listens.
    #[error("no fire runs for {}", .0.display())]
    Nobody(PathBuf),
    /// It does not answer, or not in words that this fire knows.
    #[error("the fire that runs for {} does not answer: {source}", .root.display())]
    Silent {
        /// The project.
        root: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says why not.
    #[error("{0}")]
    Refused(String),
}

impl InquiryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Nobody(_) => {
                Some("start `fire` in that directory, or say which one with -C DIR".to_owned())
            }
            Self::Silent { .. } => Some("look where it runs: it may be stopped".to_owned()),
            Self::Refused(_) => None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Question {
    Status,
    Undo,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Status(Vec<Status>),
    Undone(Vec<Undone>),
    Error(String),
}

/// One app, as it can be asked about.
#[derive(Clone)]
pub struct Inquired {
    /// How things are.
    pub desk: Desk,
    /// Where wishes go.
    pub handle: Handle,
}

/// The listening side. The socket goes with it.
#[derive(Debug)]
pub struct Inquiry {
    socket: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        self.task.abort();
        // One that stays is refused connections, and replaced by the next fire.
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Inquiry {
    /// Listens for questions about these apps. Precondition: this process holds the project's lock.
    pub fn open(root: &Path, apps: Vec<Inquired>) -> std::io::Result<Self> {
        let directory = directory(root);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)?;
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
        let socket = directory.join(NAME);
        let _ = std::fs::remove_file(&socket);
        let (held, short) = short(&directory)?;
        let listener = UnixListener::bind(short)?;
        drop(held);
        let apps: Arc<[Inquired]> = apps.into();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, apps.clone()));
            }
        });
        Ok(Self { socket, task })
    }
}

const NAME: &str = "ask";

fn directory(root: &Path) -> PathBuf {
    root.join(state::DIRECTORY).join("socket")
}

/// The socket's path by way of the descriptor of its directory.
fn short(directory: &Path) -> std::io::Result<(OwnedFd, PathBuf)> {
    let held: OwnedFd = std::fs::File::open(directory)?.into();
    let path = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    Ok((held, path.join(NAME)))
}

async fn serve(stream: tokio::net::UnixStream, apps: Arc<[Inquired]>) {
    let (input, mut output) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(input).lines();
    let Ok(Some(line)) = lines.next_line().await else {
        return;
    };
    let answer = match serde_json::from_str(&line) {
        Ok(Question::Status) => {
            let mut all = Vec::new();
            for app in apps.iter() {
                all.push((app.desk)().await);
            }
            Answer::Status(all)
        }
        Ok(Question::Undo) => undo(&apps).await,
        Err(error) => Answer::Error(error.to_string()),
    };
    if let Ok(mut text) = serde_json::to_string(&answer) {
        text.push('\n');
        // Whoever asked may have gone.
        let _ = output.write_all(text.as_bytes()).await;
    }
}

/// Takes the last swap of every app back that has one.
async fn undo(apps: &[Inquired]) -> Answer {
    let (mut undone, mut refusals) = (Vec::new(), Vec::new());
    for app in apps {
        let (sender, mut answer) = tokio::sync::mpsc::unbounded_channel();
        app.handle.ask(Command::Undo(Some(sender)));
        match answer.recv().await {
            Some(Ok(one)) => undone.push(one),
            Some(Err(text)) => refusals.push(text),
            None => refusals.push("fire is ending".to_owned()),
        }
    }
    if undone.is_empty() {
        refusals.dedup();
        return Answer::Error(refusals.join("; "));
    }
    Answer::Undone(undone)
}

/// How things are with every app of the project's fire.
pub fn status(root: &Path) -> Result<Vec<Status>, InquiryError> {
    match ask(root, &Question::Status)? {
        Answer::Status(all) => Ok(all),
        other => Err(unexpected(root, other)),
    }
}

/// Has the project's fire take its last swap back.
pub fn take_back(root: &Path) -> Result<Vec<Undone>, InquiryError> {
    match ask(root, &Question::Undo)? {
        Answer::Undone(all) => Ok(all),
        other => Err(unexpected(root, other)),
    }
}

fn unexpected(root: &Path, answer: Answer) -> InquiryError {
    match answer {
        Answer::Error(text) => InquiryError::Refused(text),
        other => InquiryError::Silent {
            root: root.to_owned(),
            source: std::io::Error::other(format!("it says {other:?}")),
        },
    }
}

fn ask<T: DeserializeOwned>(root: &Path, question: &Question) -> Result<T, InquiryError> {
    let stream = short(&directory(root)).and_then(|(_held, path)| UnixStream::connect(path));
    let stream = stream.map_err(|_| InquiryError::Nobody(root.to_owned()))?;
    let silent = |source| InquiryError::Silent {
        root: root.to_owned(),
        source,
    };
    exchange(stream, question)
        .and_then(|line| serde_json::from_str(&line).map_err(std::io::Error::from))
        .map_err(silent)
}

fn exchange(mut stream: UnixStream, question: &Question) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_string(question)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() {
        return Err(std::io::Error::other("it has ended"));
    }
    Ok(line)
}
