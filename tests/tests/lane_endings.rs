//! How lanes and links end: closed by either side at every state, by the host, by a death at every step. Nobody who
//! waits is forgotten, nothing that was sent before is lost, and the other lanes go on.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use fire_plugin_api::transport::{LinkRequest, Side};
use fire_tests::go_peer::GoPeer;
use fire_tests::lane_pair::Language::{Go, Rust};
use fire_tests::lane_pair::{Home, LIMIT, PAIRS, Pair, binary, number, transport};

/// Home closes a lane that the worker waits in; the worker closes one that home waits in.
fn closed_by_either_side(name: &str) {
    for languages in PAIRS {
        let mut pair = Pair::new(name, languages);
        for round in 1..4 {
            pair.must("close", 0);
            pair.until("the worker leaves the lane", |pair| pair.serving() == 0);
            pair.must("last", 0);
            pair.until("what was sent comes", |pair| pair.counted() == round);
            pair.until("the worker leaves the lane", |pair| pair.serving() == 0);
            pair.must("part", 0);
            pair.must("hangup", 0);
        }
        pair.must("echo", 10);
    }
}

/// One goroutine closes the lane that another waits in, or sends in.
fn closed_from_another_goroutine(name: &str) {
    for worker in [Rust, Go] {
        let mut pair = Pair::new(name, (Go, worker));
        let mut sent = 0;
        for (scenario, n) in [("hold", 0), ("size", LIMIT), ("echo", 1_000_000)] {
            pair.go_home().must(&format!("start {scenario} {n}"));
            pair.until("home has begun to send", |pair| {
                number::<i64>(pair.go_home(), "sends") > sent
            });
            pair.go_home().must("shut");
            let outcome = pair.go_home().ask("outcome");
            // A short scenario may be over before.
            assert!(
                outcome.starts_with("failed") || scenario != "echo",
                "{outcome}"
            );
            sent = number(pair.go_home(), "sends");
            pair.until("the worker leaves the lane", |pair| pair.serving() == 0);
        }
        pair.must("echo", 10);
    }
}

/// A side closes the whole link: the other's lanes end.
fn link_closed_by_either_side(name: &str) {
    let mut pair = Pair::new(name, (Go, Go));
    pair.must("blocked", 20);
    pair.until("20 lanes are served", |pair| pair.serving() >= 20);
    pair.go_home().must("close");
    pair.until("the worker leaves all", |pair| pair.serving() == 0);

    let mut pair = Pair::new(name, (Go, Go));
    pair.go_home().must("start hold 0");
    pair.until("the lane is served", |pair| pair.serving() == 1);
    pair.go_worker().must("close");
    assert_eq!(pair.go_home().ask("outcome").trim(), "ok");
    pair.until("the worker leaves it too", |pair| pair.serving() == 0);
}

/// The worker's process is killed at each step of a call; the host, who sees that, closes the link.
fn worker_killed_at_every_step(name: &str) {
    for (step, scenario, n) in [
        ("accepted", "echo", 10),
        ("received", "echo", 10),
        ("sent", "echo", 10),
        ("received", "size", LIMIT),
        ("sent", "size", LIMIT),
        ("received", "nest", 20),
    ] {
        let mut pair = Pair::new(name, (Go, Go));
        pair.go_worker().must(&format!("die {step}"));
        pair.go_home().must(&format!("start {scenario} {n}"));
        assert_eq!(pair.go_worker().answer(), "", "the worker has been killed");
        pair.link.close("the worker was killed");
        let outcome = pair.go_home().ask("outcome");
        // One exchange is over before the worker dies of having answered it.
        assert!(
            outcome.starts_with("failed") || (step == "sent" && scenario == "size"),
            "{step} {scenario}: {outcome}"
        );
        pair.run("echo", 1).unwrap_err();
    }
}

/// The worker stops in the midst of a frame, of home's or of its own, and is then killed.
fn worker_killed_in_the_midst_of_a_frame(name: &str) {
    let mut pair = Pair::new(name, (Go, Go));
    pair.must("echo", 10);
    let sent: i64 = number(pair.go_home(), "sends");
    stop(&mut pair);
    pair.go_home().must(&format!("start size {LIMIT}"));
    pair.until("home has begun to send", |pair| {
        number::<i64>(pair.go_home(), "sends") > sent
    });
    pair.go_worker().kill();
    pair.link.close("the worker was killed");
    let outcome = pair.go_home().ask("outcome");
    assert!(outcome.starts_with("failed"), "{outcome}");
}

/// Home's process is killed while the worker waits, answers, or receives.
fn home_killed(name: &str) {
    for worker in [Rust, Go] {
        for (scenario, n) in [("blocked", 5), ("echo", 1_000_000), ("size", LIMIT)] {
            let mut pair = Pair::new(name, (Go, worker));
            pair.go_home().must(&format!("start {scenario} {n}"));
            pair.until("the lane is served", |pair| {
                pair.serving() > 0 || scenario == "size"
            });
            pair.go_home().kill();
            pair.link.close("home was killed");
            pair.until("the worker leaves every lane", |pair| pair.serving() == 0);
        }
    }
}

/// The worker dies before it has attached: home's side of the link ends as well.
fn worker_killed_before_it_attached(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let request = LinkRequest {
        generation: 1,
        directory: directory.path().into(),
    };
    let link = transport(name, "").create(&request).unwrap();
    let mut home = GoPeer::start(&binary(name), &[], None);
    home.tell(&format!("attach home {}", link.descriptor(Side::Home)));
    link.close("the worker was killed");
    let attached = home.answer();
    if attached.starts_with("ok") {
        let outcome = home.ask("run echo 1");
        assert!(outcome.starts_with("failed"), "{outcome}");
    }
    drop(link);
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The host closes the link while both sides are busy with it.
fn closed_by_the_host_in_the_midst_of_calls(name: &str) {
    for languages in PAIRS {
        let mut pair = Pair::new(name, languages);
        pair.must("echo", 10);
        match &mut pair.home {
            Home::Go(peer) => {
                peer.must("start callers 8");
                pair.until("the lanes are served", |pair| pair.serving() >= 2);
                pair.link.close("a test");
                assert!(pair.go_home().ask("outcome").starts_with("failed"));
            }
            Home::Rust(endpoint) => {
                let endpoint = endpoint.clone();
                let calling = std::thread::spawn(move || {
                    fire_tests::lane_peer::run(&*endpoint, "callers", 8)
                });
                pair.until("the lanes are served", |pair| pair.serving() >= 2);
                pair.link.close("a test");
                calling.join().unwrap().unwrap_err();
            }
        }
        pair.until("the worker leaves every lane", |pair| pair.serving() == 0);
        pair.run("echo", 1).unwrap_err();
    }
}

/// Stops the worker's process, every thread of it.
fn stop(pair: &mut Pair) {
    let number = pair.go_worker().pid();
    let pid = rustix::process::Pid::from_raw(i32::try_from(number).unwrap());
    rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::STOP).unwrap();
    pair.until("the worker stands still", |_| {
        let threads = std::fs::read_dir(format!("/proc/{number}/task")).unwrap();
        threads.flatten().all(|thread| {
            let about = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            about
                .rsplit_once(") ")
                .is_some_and(|(_, state)| state.starts_with('T'))
        })
    });
}

macro_rules! endings {
    ($($name:ident),*) => {$(
        mod $name {
            const NAME: &str = stringify!($name);
            #[test] fn closed_by_either_side() { super::closed_by_either_side(NAME) }
            #[test] fn closed_from_another_goroutine() { super::closed_from_another_goroutine(NAME) }
            #[test] fn link_closed_by_either_side() { super::link_closed_by_either_side(NAME) }
            #[test] fn worker_killed_at_every_step() { super::worker_killed_at_every_step(NAME) }
            #[test] fn worker_killed_in_the_midst_of_a_frame() { super::worker_killed_in_the_midst_of_a_frame(NAME) }
            #[test] fn home_killed() { super::home_killed(NAME) }
            #[test] fn worker_killed_before_it_attached() { super::worker_killed_before_it_attached(NAME) }
            #[test] fn closed_by_the_host_in_the_midst_of_calls() { super::closed_by_the_host_in_the_midst_of_calls(NAME) }
        }
    )*};
}
endings!(pipe, shm, tcp);
