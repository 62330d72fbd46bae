//! Lanes under load and at rest: no wake-up is lost in a million waits that park, a wait costs no processor time, and
//! many callers at once are served faster through shared memory than through pipes.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::time::{Duration, Instant};

use fire_tests::go_peer::GoPeer;
use fire_tests::lane_pair::Language::{Go, Rust};
use fire_tests::lane_pair::{PAIRS, Pair, Setting, number};

/// Every wait parks.
const PARKING: Setting = Setting {
    options: "spin_us = 0",
    environment: &[],
    processors: None,
};

/// Each of 125 callers makes 2,000 round trips, of two waits each, over every pair of languages: a million round trips, by far more
/// callers at once than there are processors.
#[test]
fn a_million_parked_round_trips_lose_no_wake_up() {
    for languages in PAIRS {
        Pair::with("shm", languages, PARKING).must("callers", 125);
    }
    assert_eq!(
        fire_transport_shm::ended_by_timeout(),
        0,
        "waits that only their timeout ended"
    );
}

/// Sides that wait use no processor time: neither for lanes that are open nor for those that are in use.
fn rests(name: &str) {
    let mut pair = Pair::new(name, (Go, Go));
    pair.must("echo", 1000);
    pair.must("blocked", 100);
    pair.until("the lanes are served", |pair| pair.serving() >= 100);
    let used = |pair: &mut Pair| -> [u64; 2] {
        [
            processor_time(pair.go_home()),
            processor_time(pair.go_worker()),
        ]
    };
    // What is left to do after the last call, the collector's work say, is done soon: rest is when a second passes without any.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut before = used(&mut pair);
    loop {
        passes(Duration::from_secs(2));
        let after = used(&mut pair);
        let spent: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        if spent.iter().all(|spent| *spent < 1_000_000) {
            return;
        }
        assert!(Instant::now() < deadline, "{spent:?} ns in two seconds");
        before = after;
    }
}

/// Nanoseconds on processors, from the scheduler itself.
fn processor_time(peer: &GoPeer) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", peer.pid())).unwrap();
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Waits for time alone: what happens in it is what is measured.
fn passes(time: Duration) {
    let (_kept, nobody) = std::sync::mpsc::channel::<()>();
    nobody.recv_timeout(time).unwrap_err();
}

/// The ratio is what counts, not the time: both run in turn, on the same machine, as it is.
#[test]
fn sixty_four_callers_get_three_times_as_much_through_shared_memory() {
    let best = |name: &str| -> u64 {
        let mut pair = Pair::new(name, (Go, Go));
        (0..3)
            .map(|_| pair.must("callers", 64).parse::<u64>().unwrap())
            .max()
            .unwrap()
    };
    let (pipe, shm) = (best("pipe"), best("shm"));
    assert!(shm >= 3 * pipe, "{shm} and {pipe} a second");
}

/// Calls that wait at once cost few threads in a side that is driven by Go, whoever its peer is.
#[test]
fn waits_hold_no_threads() {
    for languages in [(Go, Rust), (Go, Go)] {
        let mut pair = Pair::new("shm", languages);
        pair.must("echo", 100);
        let before: u64 = number(pair.go_home(), "threads");
        pair.must("blocked", 500);
        let after: u64 = number(pair.go_home(), "threads");
        assert!(after <= before + 64, "{before} threads became {after}");
    }
}

mod shm {
    #[test]
    fn rests() {
        super::rests("shm");
    }
}

mod pipe {
    #[test]
    fn rests() {
        super::rests("pipe");
    }
}

mod tcp {
    #[test]
    fn rests() {
        super::rests("tcp");
    }
}
