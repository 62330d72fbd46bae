//! The line protocol with home and the workers: one local socket, one connection a process, one JSON object a line.
//!
//! Never on the path of a call. What the peers say resolves whoever waits for it; what nobody waits for is an event.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

/// A generation of workers.
pub type Generation = u64;

/// What a peer says. Exactly one field is set.
#[derive(Debug, Default, Deserialize)]
struct Said {
    hello: Option<Hello>,
    #[serde(default)]
    begun: bool,
    linked: Option<OfGeneration>,
    refused: Option<Refused>,
    committed: Option<Committed>,
    drained: Option<OfGeneration>,
    attached: Option<OfGeneration>,
    seen: Option<Seen>,
}

/// Why home is asked how things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Somebody wants to know.
    Ask,
    /// To find calls that have not moved since the last pulse.
    Pulse,
    /// The same as asking; and home collects its garbage if that may let go of a superseded generation.
    Collect,
}

/// How things are at home.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Seen {
    id: u64,
    /// Functions that have been called in workers, by their names on the wire. Empty in the answer to a pulse.
    pub functions: Vec<SeenFunction>,
    /// Generations that home is linked with.
    pub generations: Vec<SeenGeneration>,
}

/// The calls of one function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeenFunction {
    /// Its name on the wire.
    pub id: String,
    /// Calls that went to a worker.
    pub calls: u64,
    /// Their mean time.
    pub mean_ns: u64,
}

/// What a generation is busy with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeenGeneration {
    /// Its number.
    pub generation: Generation,
    /// Calls under way.
    pub calls: u64,
    /// Goroutines of its code.
    pub goroutines: u64,
    /// Function values of its code that the program can still call.
    pub closures: u64,
    /// A function that has asked nothing of the program since the last pulse. Empty: there is none.
    pub stalled: String,
}

#[derive(Debug, Deserialize)]
struct Hello {
    role: String,
    #[serde(default)]
    generation: Generation,
}

#[derive(Debug, Deserialize)]
struct OfGeneration {
    generation: Generation,
}

#[derive(Debug, Deserialize)]
struct Committed {
    id: u64,
}

/// Why home does not take a worker.
#[derive(Debug, Clone, Deserialize)]
pub struct Refused {
    /// Which.
    pub generation: Generation,
    /// `missing`, `version`, `link`.
    pub code: String,
    /// What is missing.
    pub subject: String,
    /// In words.
    pub message: String,
}

/// Functions that go to one generation.
#[derive(Debug, Clone, Serialize)]
pub struct Move {
    /// The worker's.
    pub generation: Generation,
    /// Ids.
    pub functions: Vec<String>,
    /// The worker was built from the running program's own source: what it lacks may run natively.
    pub baseline: bool,
}

/// What somebody can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awaited {
    /// Home has said hello.
    Home,
    /// The program's main has begun.
    Begun,
    /// The worker has attached to its link.
    Attached(Generation),
    /// Home has linked the worker, or refuses it.
    Linked(Generation),
    /// Home has committed, or refuses to.
    Committed(u64),
}

/// What comes unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Nothing refers to this generation any more.
    Drained(Generation),
}

#[derive(Default)]
struct State {
    home: Option<UnboundedSender<String>>,
    workers: HashMap<Generation, UnboundedSender<String>>,
    waiting: HashMap<Awaited, Vec<oneshot::Sender<Result<(), Refused>>>>,
    happened: std::collections::HashSet<Awaited>,
    /// Counts the runs of the app. A connection belongs to the run that it was made in: the end of an old one, which
    /// may be seen late, says nothing about the new one.
    run: u64,
    looks: u64,
    looking: HashMap<u64, oneshot::Sender<Seen>>,
}

/// The host's end.
#[derive(Clone)]
pub struct Control {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Control {
    /// Listens in a directory that only this user can enter.
    pub fn listen(directory: &Path) -> std::io::Result<(Self, UnboundedReceiver<Notice>)> {
        let path = directory.join("control.sock");
        let listener = UnixListener::bind(&path)?;
        let state = Arc::new(Mutex::new(State::default()));
        let (notices, receiver) = mpsc::unbounded_channel();
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), notices.clone()));
            }
        });
        Ok((Self { path, state }, receiver))
    }

    /// The socket's path, for the environment of the processes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything about the process that has ended.
    pub fn forget(&self) {
        let mut state = self.lock();
        *state = State {
            run: state.run + 1,
            ..State::default()
        };
    }

    /// Forgets what a worker has said: another one takes its number.
    pub fn forget_worker(&self, generation: Generation) {
        let mut state = self.lock();
        state.workers.remove(&generation);
        state.happened.remove(&Awaited::Attached(generation));
        state.happened.remove(&Awaited::Linked(generation));
    }

    /// Asks home how things are. None: home is gone.
    pub async fn look(&self, why: Look) -> Option<Seen> {
        let (id, answer) = {
            let mut state = self.lock();
            state.home.as_ref()?;
            state.looks += 1;
            let (sender, answer) = oneshot::channel();
            let id = state.looks;
            state.looking.insert(id, sender);
            (id, answer)
        };
        let (pulse, collect) = (why == Look::Pulse, why == Look::Collect);
        self.say_home(
            &serde_json::json!({ "look": { "id": id, "pulse": pulse, "collect": collect } }),
        );
        answer.await.ok()
    }

    /// Waits for something; what has happened already counts. None: it cannot happen any more.
    pub async fn wait(&self, what: Awaited) -> Option<Result<(), Refused>> {
        let receiver = {
            let mut state = self.lock();
            if state.happened.contains(&what) {
                return Some(Ok(()));
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.entry(what).or_default().push(sender);
            receiver
        };
        receiver.await.ok()
    }

    /// Whether there is a home to talk to.
    pub fn has_home(&self) -> bool {
        self.lock().home.is_some()
    }

    /// Tells home to link a worker.
    pub fn link(&self, generation: Generation, descriptor: &str) {
        self.say_home(
            &serde_json::json!({ "link": { "generation": generation, "descriptor": descriptor } }),
        );
    }

    /// Tells home to flip its slots.
    pub fn commit(&self, id: u64, moves: &[Move], reverted: &[String], superseded: &[Generation]) {
        self.say_home(&serde_json::json!({ "commit": {
            "id": id, "moves": moves, "reverted": reverted, "superseded": superseded,
        } }));
    }

    /// Tells home that main may go on.
    pub fn release(&self) {
        self.say_home(&serde_json::json!({ "release": true }));
    }

    /// Tells home that a worker is gone.
    pub fn close(&self, generation: Generation, cause: &str) {
        self.say_home(
            &serde_json::json!({ "close": { "generation": generation, "cause": cause } }),
        );
    }

    fn say_home(&self, message: &serde_json::Value) {
        if let Some(home) = &self.lock().home {
            // A home that has just ended is reported by its exit.
            let _ = home.send(format!("{message}\n"));
        }
    }
}

async fn serve(stream: UnixStream, state: Arc<Mutex<State>>, notices: UnboundedSender<Notice>) {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let run = lock().run;
    let (input, mut output) = stream.into_split();
    let (sender, mut outgoing) = mpsc::unbounded_channel::<String>();
    let writer = tokio::spawn(async move {
        while let Some(line) = outgoing.recv().await {
            if output.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    let mut lines = BufReader::new(input).lines();
    let mut is_home = false;
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(said) = serde_json::from_str::<Said>(&line) else {
            break; // not a peer of ours
        };
        if lock().run != run {
            break; // of an app that has ended
        }
        let resolve = |what: Awaited, outcome: Result<(), Refused>| {
            let mut state = lock();
            if outcome.is_ok() {
                state.happened.insert(what);
            }
            for waiting in state.waiting.remove(&what).unwrap_or_default() {
                let _ = waiting.send(outcome.clone());
            }
        };
        if let Some(hello) = said.hello {
            if hello.role == "home" {
                is_home = true;
                lock().home = Some(sender.clone());
                resolve(Awaited::Home, Ok(()));
            } else {
                lock().workers.insert(hello.generation, sender.clone());
            }
        } else if said.begun {
            resolve(Awaited::Begun, Ok(()));
        } else if let Some(linked) = said.linked {
            resolve(Awaited::Linked(linked.generation), Ok(()));
        } else if let Some(attached) = said.attached {
            resolve(Awaited::Attached(attached.generation), Ok(()));
        } else if let Some(committed) = said.committed {
            resolve(Awaited::Committed(committed.id), Ok(()));
        } else if let Some(refused) = said.refused {
            let mut state = lock();
            let generation = refused.generation;
            let whom: Vec<Awaited> = state
                .waiting
                .keys()
                .copied()
                .filter(|what| {
                    *what == Awaited::Linked(generation) || matches!(what, Awaited::Committed(_))
                })
                .collect();
            for what in whom {
                for waiting in state.waiting.remove(&what).unwrap_or_default() {
                    let _ = waiting.send(Err(refused.clone()));
                }
            }
        } else if let Some(seen) = said.seen {
            let asked = lock().looking.remove(&seen.id);
            // Whoever asked may have gone.
            let _ = asked.map(|asked| asked.send(seen));
        } else if let Some(drained) = said.drained {
            let _ = notices.send(Notice::Drained(drained.generation));
        }
    }
    if is_home {
        // Whoever waits for home waits in vain.
        let mut state = lock();
        if state.run == run {
            state.home = None;
            state.waiting.clear();
            state.looking.clear();
        }
    }
    drop(sender);
    writer.abort();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn say_hello(control: &Control) -> UnixStream {
        let mut stream = UnixStream::connect(control.path()).await.unwrap();
        let hello = b"{\"hello\":{\"role\":\"home\",\"pid\":1,\"version\":1}}\n";
        stream.write_all(hello).await.unwrap();
        stream
    }

    async fn soon<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), what)
            .await
            .expect("it happens")
    }

    #[tokio::test]
    async fn the_late_end_of_an_old_home_says_nothing_about_the_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let (control, _notices) = Control::listen(directory.path()).unwrap();
        let old = say_hello(&control).await;
        assert!(soon(control.wait(Awaited::Home)).await.is_some());
        control.forget();
        let new = soon(async {
            let waiting = control.wait(Awaited::Home);
            tokio::pin!(waiting);
            // Registered as waiting, and only then the old connection ends.
            let none = tokio::time::timeout(Duration::from_millis(1), &mut waiting).await;
            assert!(none.is_err(), "no home yet");
            drop(old);
            let none = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
            assert!(none.is_err(), "the old home's end is not the new one's");
            let new = say_hello(&control).await;
            assert!(waiting.await.is_some(), "the new home is there");
            new
        })
        .await;
        drop(new);
    }
}
