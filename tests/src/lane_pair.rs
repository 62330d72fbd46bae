//! A link with its two sides, in either language, for the suites over lanes.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use fire_plugin_api::Transport;
use fire_plugin_api::transport::{Endpoint, Link, LinkRequest, Side};

use crate::go_peer::{GoPeer, build};
use crate::lane_peer::{self, Served};

/// A limit that is quick to reach and that no block size divides.
pub const LIMIT: usize = 300_007;

/// A built-in transport with these options.
///
/// # Panics
/// When there is none, or an option is wrong.
pub fn transport(name: &str, options: &str) -> Box<dyn Transport> {
    let options = format!("limit = {LIMIT}\n{options}");
    match name {
        "pipe" => Box::new(fire_transport_pipe::Pipe::new(&options).unwrap()),
        "shm" => Box::new(fire_transport_shm::Shm::new(&options).unwrap()),
        "tcp" => Box::new(fire_transport_tcp::Tcp::new(&options).unwrap()),
        other => panic!("no such transport: {other}"),
    }
}

/// The Go peer, built once for each transport.
///
/// # Panics
/// When it does not build.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Default::default);
    let mut built = BUILT.lock().unwrap();
    let path = built.entry(name.into()).or_insert_with(|| {
        let directory = scratch().join(format!("lane-peer-{name}"));
        std::fs::create_dir_all(&directory).unwrap();
        build("lane-peer", &transport(name, "").go_half(), &directory, &[])
    });
    path.clone()
}

/// What a side is written in.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Rust,
    Go,
}
use Language::{Go, Rust};

/// Home and worker, in every combination.
pub const PAIRS: [(Language, Language); 4] = [(Rust, Rust), (Rust, Go), (Go, Rust), (Go, Go)];

/// What a test changes about the processes and the transport.
#[derive(Clone, Copy, Default)]
pub struct Setting {
    /// The transport's.
    pub options: &'static str,
    /// For both processes.
    pub environment: &'static [(&'static str, &'static str)],
    /// For both processes, as of taskset(1).
    pub processors: Option<&'static str>,
}

/// One side.
#[expect(missing_docs, reason = "the names say it")]
pub enum Home {
    Rust(Arc<dyn Endpoint>),
    Go(GoPeer),
}

/// The other.
#[expect(missing_docs, reason = "the names say it")]
pub enum Worker {
    Rust(Arc<Served>),
    Go(GoPeer),
}

/// A link with both sides attached and the worker serving.
pub struct Pair {
    /// Calls.
    pub home: Home,
    /// Answers.
    pub worker: Worker,
    /// As the host holds it.
    pub link: Box<dyn Link>,
    _directory: tempfile::TempDir,
}

impl Pair {
    /// In these languages.
    pub fn new(name: &str, (home, worker): (Language, Language)) -> Self {
        Self::with(name, (home, worker), Setting::default())
    }

    /// The same with a setting.
    ///
    /// # Panics
    /// When the link cannot be made.
    pub fn with(name: &str, (home, worker): (Language, Language), setting: Setting) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let request = LinkRequest {
            generation: 1,
            directory: directory.path().into(),
        };
        let link = transport(name, setting.options).create(&request).unwrap();
        let start = || GoPeer::start(&binary(name), setting.environment, setting.processors);
        let worker = match worker {
            Rust => {
                let endpoint: Arc<dyn Endpoint> = link.attach(Side::Worker).unwrap().into();
                let served = Arc::new(Served::default());
                let serving = served.clone();
                std::thread::spawn(move || lane_peer::serve(endpoint, serving));
                Worker::Rust(served)
            }
            Go => {
                let mut peer = start();
                peer.must(&format!("attach worker {}", link.descriptor(Side::Worker)));
                peer.must("serve");
                Worker::Go(peer)
            }
        };
        let home = match home {
            Rust => Home::Rust(link.attach(Side::Home).unwrap().into()),
            Go => {
                let mut peer = start();
                peer.must(&format!("attach home {}", link.descriptor(Side::Home)));
                Home::Go(peer)
            }
        };
        link.attached().unwrap();
        Self {
            home,
            worker,
            link,
            _directory: directory,
        }
    }

    /// Runs a scenario from home's side.
    pub fn run(&mut self, scenario: &str, n: usize) -> Result<String, String> {
        match &mut self.home {
            Home::Rust(endpoint) => lane_peer::run(&**endpoint, scenario, n),
            Home::Go(peer) => {
                let answer = peer.ask(&format!("run {scenario} {n}"));
                answer
                    .strip_prefix("ok")
                    .map(|rest| rest.trim().into())
                    .ok_or(answer)
            }
        }
    }

    /// Runs a scenario that must succeed.
    #[track_caller]
    pub fn must(&mut self, scenario: &str, n: usize) -> String {
        self.run(scenario, n)
            .unwrap_or_else(|error| panic!("{scenario} {n}: {error}"))
    }

    /// How many lanes the worker answers on.
    pub fn serving(&mut self) -> usize {
        match &mut self.worker {
            Worker::Rust(served) => served.lanes.load(SeqCst),
            Worker::Go(peer) => number(peer, "serving"),
        }
    }

    /// How many frames the worker has counted.
    pub fn counted(&mut self) -> usize {
        match &mut self.worker {
            Worker::Rust(served) => served.counted.load(SeqCst),
            Worker::Go(peer) => number(peer, "counted"),
        }
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::yield_now();
        }
    }

    /// Home's process.
    ///
    /// # Panics
    /// When it is none.
    pub fn go_home(&mut self) -> &mut GoPeer {
        match &mut self.home {
            Home::Go(peer) => peer,
            Home::Rust(_) => panic!("home is no process"),
        }
    }

    /// The worker's process.
    ///
    /// # Panics
    /// When it is none.
    pub fn go_worker(&mut self) -> &mut GoPeer {
        match &mut self.worker {
            Worker::Go(peer) => peer,
            Worker::Rust(_) => panic!("the worker is no process"),
        }
    }
}

/// A figure that a Go peer answers with.
///
/// # Panics
/// When it is none.
pub fn number<N: std::str::FromStr<Err: std::fmt::Debug>>(peer: &mut GoPeer, what: &str) -> N {
    peer.ask(what).parse().unwrap()
}

/// A directory of this test's in the target directory: `target/debug/deps/test` → `target/tmp/test`.
fn scratch() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap_or(Path::new("/tmp"));
    target.join("tmp").join(test.file_name().unwrap())
}
