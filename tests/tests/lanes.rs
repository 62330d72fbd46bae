//! One conformance suite over every transport and both languages.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use fire_tests::lane_pair::Language::{Go, Rust};
use fire_tests::lane_pair::{Home, LIMIT, PAIRS, Pair, Setting, number};
use fire_tests::lane_peer;

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
