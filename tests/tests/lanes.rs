//! One conformance suite over every transport and both languages.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use fire_plugin_api::Transport;
use fire_plugin_api::transport::{Endpoint, Link, LinkRequest, Side};
use fire_tests::go_peer::{GoPeer, build};
use fire_tests::lane_peer;

/// A limit that is quick to reach and that no block size divides.
const LIMIT: usize = 300_007;

fn transport(name: &str) -> Box<dyn Transport> {
    let options = format!("limit = {LIMIT}");
    match name {
        "pipe" => Box::new(fire_transport_pipe::Pipe::new(&options).unwrap()),
        "shm" => Box::new(fire_transport_shm::Shm::new(&options).unwrap()),
        "tcp" => Box::new(fire_transport_tcp::Tcp::new(&options).unwrap()),
        other => panic!("no such transport: {other}"),
    }
}

/// The Go peer, built once for each transport.
fn binary(name: &str) -> PathBuf {
    static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Default::default);
    let mut built = BUILT.lock().unwrap();
    let path = built.entry(name.into()).or_insert_with(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lane-peer-{name}"));
        std::fs::create_dir_all(&directory).unwrap();
        build("lane-peer", &transport(name).go_half(), &directory, &[])
    });
    path.clone()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    Go,
}
use Language::{Go, Rust};

const PAIRS: [(Language, Language); 4] = [(Rust, Rust), (Rust, Go), (Go, Rust), (Go, Go)];

enum Home {
    Rust(Arc<dyn Endpoint>),
    Go(GoPeer),
}

/// A link with both sides attached and the worker serving.
struct Pair {
    home: Home,
    worker: Option<GoPeer>,
    link: Box<dyn Link>,
    _directory: tempfile::TempDir,
}

impl Pair {
    fn new(name: &str, (home, worker): (Language, Language)) -> Self {
        Self::with(name, (home, worker), &[], None)
    }

    fn with(
        name: &str,
        (home, worker): (Language, Language),
        environment: &[(&str, &str)],
        processors: Option<&str>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let request = LinkRequest {
            generation: 1,
            directory: directory.path().into(),
        };
        let link = transport(name).create(&request).unwrap();
        let start = || GoPeer::start(&binary(name), environment, processors);
        let worker = match worker {
            Rust => {
                let endpoint: Arc<dyn Endpoint> = link.attach(Side::Worker).unwrap().into();
                std::thread::spawn(move || lane_peer::serve(endpoint));
                None
            }
            Go => {
                let mut peer = start();
                peer.must(&format!("attach worker {}", link.descriptor(Side::Worker)));
                peer.must("serve");
                Some(peer)
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

    fn run(&mut self, scenario: &str, n: usize) -> Result<String, String> {
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

    #[track_caller]
    fn must(&mut self, scenario: &str, n: usize) -> String {
        self.run(scenario, n)
            .unwrap_or_else(|error| panic!("{scenario} {n}: {error}"))
    }
}

fn order(name: &str) {
    for pair in PAIRS {
        Pair::new(name, pair).must("echo", 20_000);
    }
}

fn sizes(name: &str) {
    for pair in PAIRS {
        let mut pair = Pair::new(name, pair);
        for size in (0..70).chain([
            1000,
            2000,
            4096,
            65_535,
            65_536,
            65_537,
            200_000,
            LIMIT - 1,
            LIMIT,
        ]) {
            pair.must("size", size);
        }
        pair.must("beyond", LIMIT + 1);
    }
}

fn nesting(name: &str) {
    for pair in PAIRS {
        Pair::new(name, pair).must("nest", 100);
    }
}

fn callers(name: &str) {
    for pair in PAIRS {
        Pair::new(name, pair).must("callers", 64);
    }
}

fn hang_ups(name: &str) {
    for pair in PAIRS {
        let mut pair = Pair::new(name, pair);
        pair.must("hangup", 0);
        pair.must("echo", 10);
    }
}

/// The host closes the link while home waits for an answer, and the worker for a frame.
fn closed_by_host(name: &str) {
    for pair in PAIRS {
        let mut pair = Pair::new(name, pair);
        pair.must("echo", 10);
        match &mut pair.home {
            Home::Rust(endpoint) => {
                let endpoint = endpoint.clone();
                let waiting = std::thread::spawn(move || lane_peer::run(&*endpoint, "hold", 0));
                pair.link.close("a test");
                // Either it waited, or it came too late to open the lane or to send.
                let ended = waiting.join().unwrap();
                assert!(ended.is_ok() || ended.is_err());
            }
            Home::Go(peer) => {
                peer.tell("run hold 0");
                pair.link.close("a test");
                assert!(!peer.answer().is_empty());
            }
        }
        pair.run("echo", 1).unwrap_err();
    }
}

/// The worker's process ends in the middle of a call, and the host closes the link.
fn worker_dies(name: &str) {
    for home in [Rust, Go] {
        let mut pair = Pair::new(name, (home, Go));
        pair.must("echo", 10);
        let mut worker = pair.worker.take().unwrap();
        let wait = |pair: &mut Pair, worker: &mut GoPeer| {
            assert_eq!(worker.answer(), "", "the worker has ended");
            pair.link.close("the worker ended");
        };
        match &mut pair.home {
            Home::Rust(endpoint) => {
                let endpoint = endpoint.clone();
                let ended = std::thread::spawn(move || lane_peer::run(&*endpoint, "exit", 0));
                wait(&mut pair, &mut worker);
                ended.join().unwrap().unwrap();
            }
            Home::Go(peer) => {
                peer.tell("run exit 0");
                wait(&mut pair, &mut worker);
                let Home::Go(peer) = &mut pair.home else {
                    unreachable!()
                };
                assert_eq!(peer.answer().trim(), "ok");
            }
        }
    }
}

macro_rules! conformance {
    ($($name:ident),*) => {$(
        mod $name {
            const NAME: &str = stringify!($name);
            #[test] fn order() { super::order(NAME) }
            #[test] fn sizes() { super::sizes(NAME) }
            #[test] fn nesting() { super::nesting(NAME) }
            #[test] fn callers() { super::callers(NAME) }
            #[test] fn hang_ups() { super::hang_ups(NAME) }
            #[test] fn closed_by_host() { super::closed_by_host(NAME) }
            #[test] fn worker_dies() { super::worker_dies(NAME) }
        }
    )*};
}
conformance!(pipe, shm, tcp);
