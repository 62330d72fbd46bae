//! One conformance suite over every transport and both languages.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::sync::Arc;

use fire_plugin_api::transport::{Endpoint, LinkRequest, Side};
use fire_tests::go_peer::GoPeer;
use fire_tests::lane_pair::Language::{Go, Rust};
use fire_tests::lane_pair::{Home, LIMIT, PAIRS, Pair, Setting, binary, number, transport};
use fire_tests::lane_peer::{self, Served};

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
        let wait = |pair: &mut Pair| {
            assert_eq!(pair.go_worker().answer(), "", "the worker has ended");
            pair.link.close("the worker ended");
        };
        match &mut pair.home {
            Home::Rust(endpoint) => {
                let endpoint = endpoint.clone();
                let ended = std::thread::spawn(move || lane_peer::run(&*endpoint, "exit", 0));
                wait(&mut pair);
                ended.join().unwrap().unwrap();
            }
            Home::Go(peer) => {
                peer.tell("run exit 0");
                wait(&mut pair);
                assert_eq!(pair.go_home().answer().trim(), "ok");
            }
        }
    }
}

/// Both processes on one processor.
fn one_processor(name: &str) {
    let setting = Setting {
        processors: Some("0"),
        ..Setting::default()
    };
    let mut pair = Pair::with(name, (Go, Go), setting);
    pair.must("echo", 3000);
    pair.must("callers", 4);
}

/// Go's scheduler has one processor: waiting must not hold it.
fn one_scheduler_processor(name: &str) {
    let setting = Setting {
        environment: &[("GOMAXPROCS", "1")],
        ..Setting::default()
    };
    let mut pair = Pair::with(name, (Go, Go), setting);
    pair.must("echo", 3000);
    pair.must("callers", 4);
}

/// Twice as many busy threads as processors beside the two processes.
fn oversubscribed(name: &str) {
    let done = std::sync::atomic::AtomicBool::new(false);
    let busy = 2 * std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        let ran = Pair::new(name, (Go, Go)).run("callers", 8);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        ran.unwrap();
    });
}

/// Ten thousand calls that wait at once hold few threads and little memory, and all end with the link.
fn ten_thousand_lanes(name: &str) {
    let mut pair = Pair::new(name, (Go, Go));
    let threads = |pair: &mut Pair| -> [u64; 2] {
        [
            number(pair.go_home(), "threads"),
            number(pair.go_worker(), "threads"),
        ]
    };
    pair.must("echo", 100);
    let before = threads(&mut pair);
    pair.must("blocked", 10_000);
    let after = threads(&mut pair);
    for (before, after) in before.iter().zip(after) {
        assert!(after <= before + 64, "{before} threads became {after}");
    }
    let kilobytes: [u64; 2] = [
        number(pair.go_home(), "memory"),
        number(pair.go_worker(), "memory"),
    ];
    for kilobytes in kilobytes {
        assert!(kilobytes <= 64 << 10, "{kilobytes} KiB of shared memory");
    }
    pair.must("echo", 100);
    pair.link.close("a test");
    // A peer may hear of it a moment later.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while pair.run("echo", 1).is_ok() {
        assert!(
            std::time::Instant::now() < deadline,
            "the link never closed"
        );
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
            #[test] fn one_processor() { super::one_processor(NAME) }
            #[test] fn one_scheduler_processor() { super::one_scheduler_processor(NAME) }
            #[test] fn oversubscribed() { super::oversubscribed(NAME) }
            #[test] fn ten_thousand_lanes() { super::ten_thousand_lanes(NAME) }
        }
    )*};
}
conformance!(pipe, shm, tcp);

/// Sequence numbers pass their greatest value.
#[test]
fn shm_sequence_numbers_overflow() {
    for pair in PAIRS {
        let setting = Setting {
            options: "first-sequence = 4294967200",
            ..Setting::default()
        };
        Pair::with("shm", pair, setting).must("echo", 1000);
    }
}

/// Every wait parks.
#[test]
fn shm_without_spinning() {
    for pair in PAIRS {
        let setting = Setting {
            options: "spin_us = 0",
            ..Setting::default()
        };
        let mut pair = Pair::with("shm", pair, setting);
        pair.must("echo", 1000);
        pair.must("size", LIMIT);
    }
    assert_eq!(
        fire_transport_shm::ended_by_timeout(),
        0,
        "a wake-up was lost"
    );
}

/// Long frames without a common arena go through the mailboxes in many chunks.
#[test]
fn shm_without_blocks() {
    for pair in PAIRS {
        let setting = Setting {
            options: "blocks = 0",
            ..Setting::default()
        };
        Pair::with("shm", pair, setting).must("size", LIMIT);
    }
}

/// A link that has used up its lanes says so.
#[test]
fn shm_lanes_run_out() {
    for home in [Rust, Go] {
        let setting = Setting {
            options: "lanes = 3",
            ..Setting::default()
        };
        let mut pair = Pair::with("shm", (home, Go), setting);
        for _ in 0..3 {
            pair.must("echo", 1);
        }
        let error = pair.run("echo", 1).unwrap_err();
        assert!(error.contains("lane"), "{error}");
    }
}

/// A mutator changes shared bytes while home calls: home gets wrong answers and errors, and lives on.
#[test]
fn shm_survives_a_mutator() {
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    let directory = tempfile::tempdir().unwrap();
    let request = LinkRequest {
        generation: 1,
        directory: directory.path().into(),
    };
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut home = GoPeer::start(&binary("shm"), &[], None);
    for round in 0..40 {
        let link = transport("shm", "lanes = 8").create(&request).unwrap();
        let worker: Arc<dyn Endpoint> = link.attach(Side::Worker).unwrap().into();
        std::thread::spawn(move || lane_peer::serve(worker, Arc::new(Served::default())));
        let descriptor = link.descriptor(Side::Home);
        let path = descriptor.split([';', '=']).nth(1).unwrap();
        let memory = std::fs::File::options().write(true).open(path).unwrap();
        let lanes = memory.metadata().unwrap().len() - 8 * 4096;
        home.must(&format!("attach home {descriptor}"));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let at = match next() % 4 {
                        0 => (next() % 8192) & !7,            // the header
                        1 => lanes + 2048 + next() % 64,      // what home reads first
                        2 => lanes + next() % (3 * 4096),     // anything of the first lanes
                        _ => lanes + 2048 + 8 * (next() % 3), // head, what, call
                    };
                    let bytes = next().to_le_bytes();
                    memory
                        .write_all_at(&bytes[..1 + next() as usize % 8], at)
                        .unwrap();
                    if done.load(Relaxed) {
                        break;
                    }
                }
                link.close("the mutator is done");
            });
            home.tell(if round % 2 == 0 {
                "run callers 4"
            } else {
                "run size 200000"
            });
            let answer = home.answer();
            assert!(
                answer.starts_with("ok") || answer.starts_with("failed"),
                "home has died: {answer:?}"
            );
            done.store(true, Relaxed);
        });
        home.ask("close");
    }
}

/// A worker that sends garbage instead of frames: home closes the lane.
#[test]
fn pipe_survives_garbage() {
    use std::io::Write;

    let directory = tempfile::tempdir().unwrap();
    let request = LinkRequest {
        generation: 1,
        directory: directory.path().into(),
    };
    let link = transport("pipe", "").create(&request).unwrap();
    let descriptor = link.descriptor(Side::Home);
    let path = descriptor.split([';', '=']).nth(1).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    let mut home = GoPeer::start(&binary("pipe"), &[], None);
    home.must(&format!("attach home {}", link.descriptor(Side::Home)));
    for garbage in [
        &[0xff; 64][..],
        &[0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0],
        &[0; 17],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        home.tell("run echo 1");
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(garbage).unwrap();
        drop(stream);
        assert!(home.answer().starts_with("failed"));
    }
}
