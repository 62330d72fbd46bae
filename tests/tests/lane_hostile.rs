//! Peers that are not what they should be: garbage instead of frames, shared bytes that change between a check and their use,
//! connections that do not know the token. Whoever is attacked gets errors, and lives on.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fire_plugin_api::transport::{Endpoint, Link, LinkRequest, Side};
use fire_tests::go_peer::GoPeer;
use fire_tests::lane_pair::Language::{Go, Rust};
use fire_tests::lane_pair::{Home, PAIRS, Pair, Worker, binary, transport};
use fire_tests::lane_peer::{self, Served};
use fire_transport_pipe::Ends;

const GARBAGE: [&[u8]; 5] = [
    &[0xff; 64],
    &[0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0],
    &[0; 17],
    &[0; 3],
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
];

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A mutator changes what lies in shared memory while home calls: either side, in either language, gets other frames and
/// errors.
#[test]
fn a_mutator_of_shared_memory_harms_nobody() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for languages in PAIRS {
        for round in 0..4 {
            let mut pair = Pair::with(
                "shm",
                languages,
                fire_tests::lane_pair::Setting {
                    options: "lanes = 8",
                    ..Default::default()
                },
            );
            let memory = segment_of(&pair);
            let lanes = memory.metadata().unwrap().len() - 8 * 4096;
            let done = AtomicBool::new(false);
            let scenario = if round % 2 == 0 { "callers" } else { "size" };
            let n = if round % 2 == 0 { 4 } else { 200_000 };
            std::thread::scope(|scope| {
                let link = &pair.link;
                let (done, random) = (&done, &mut random);
                scope.spawn(move || {
                    for _ in 0..5000 {
                        let at = match random.next() % 4 {
                            0 => (random.next() % 8192) & !7,
                            1 => lanes + (random.next() % 2) * 2048 + random.next() % 64,
                            2 => lanes + random.next() % (3 * 4096),
                            _ => lanes + (random.next() % 2) * 2048 + 8 * (random.next() % 3),
                        };
                        let bytes = random.next().to_le_bytes();
                        let length = 1 + random.next() as usize % 8;
                        memory.write_all_at(&bytes[..length], at).unwrap();
                        if done.load(Relaxed) {
                            break;
                        }
                    }
                    link.close("the mutator is done");
                });
                let home = &mut pair.home;
                match home {
                    Home::Rust(endpoint) => {
                        // Whatever it says: it has neither panicked nor waited for ever.
                        let _ = lane_peer::run(&**endpoint, scenario, n);
                    }
                    Home::Go(peer) => {
                        let answer = peer.ask(&format!("run {scenario} {n}"));
                        assert!(
                            answer.starts_with("ok") || answer.starts_with("failed"),
                            "home has died: {answer:?}"
                        );
                    }
                }
                done.store(true, Relaxed);
            });
            if let Worker::Go(peer) = &mut pair.worker {
                assert!(!peer.ask("threads").is_empty(), "the worker has died");
            }
        }
    }
}

/// The segment, which has no name any more once both sides have attached: through this process's own mapping.
fn segment_of(pair: &Pair) -> std::fs::File {
    let descriptor = pair.link.descriptor(Side::Home);
    let path = descriptor.split([';', '=']).nth(1).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains(path)).unwrap();
    let range = line.split(' ').next().unwrap();
    std::fs::File::options()
        .write(true)
        .open(format!("/proc/self/map_files/{range}"))
        .unwrap()
}

fn pipe_link() -> (tempfile::TempDir, Box<dyn Link>, String) {
    let directory = tempfile::tempdir().unwrap();
    let request = LinkRequest {
        generation: 1,
        directory: directory.path().into(),
    };
    let link = transport("pipe", "").create(&request).unwrap();
    let descriptor = link.descriptor(Side::Home);
    let path = descriptor.split([';', '=']).nth(1).unwrap().to_owned();
    (directory, link, path)
}

/// The worker answers with garbage.
#[test]
fn garbage_instead_of_answers_harms_no_home() {
    for language in [Rust, Go] {
        let (_directory, link, path) = pipe_link();
        let socket = UnixDatagram::bind(path).unwrap();
        let answer = |garbage: &[u8]| {
            let ends = Ends::take(&socket).unwrap().unwrap();
            // Into a FIFO so much goes at once.
            assert_eq!(rustix::io::write(&ends.to, garbage).unwrap(), garbage.len());
        };
        if language == Rust {
            let home: Arc<dyn Endpoint> = link.attach(Side::Home).unwrap().into();
            for garbage in GARBAGE {
                let home = home.clone();
                let calling = std::thread::spawn(move || lane_peer::run(&*home, "echo", 1));
                answer(garbage);
                calling.join().unwrap().unwrap_err();
            }
        } else {
            let mut home = GoPeer::start(&binary("pipe"), &[], None);
            home.must(&format!("attach home {}", link.descriptor(Side::Home)));
            for garbage in GARBAGE {
                home.tell("run echo 1");
                answer(garbage);
                assert!(home.answer().starts_with("failed"));
            }
        }
    }
}

/// Home sends garbage.
#[test]
fn garbage_instead_of_calls_harms_no_worker() {
    for language in [Rust, Go] {
        let (directory, link, path) = pipe_link();
        let mut process = None;
        if language == Rust {
            let worker: Arc<dyn Endpoint> = link.attach(Side::Worker).unwrap().into();
            std::thread::spawn(move || lane_peer::serve(worker, Arc::new(Served::default())));
        } else {
            let mut worker = GoPeer::start(&binary("pipe"), &[], None);
            worker.must(&format!("attach worker {}", link.descriptor(Side::Worker)));
            worker.must("serve");
            process = Some(worker);
        }
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(&path).unwrap();
        // Datagrams that carry no lane.
        socket.send(&[]).unwrap();
        socket.send(&[1]).unwrap();
        socket.send(b"GET / HTTP/1.1").unwrap();
        for (i, garbage) in GARBAGE.into_iter().enumerate() {
            let at = |name: &str| directory.path().join(format!("{name}-{i}"));
            let (ours, theirs) = Ends::pair(&at("back"), &at("there")).unwrap();
            theirs.hand(&socket).unwrap();
            drop(theirs);
            rustix::io::write(&ours.to, garbage).unwrap();
            drop(ours.to);
            // It hangs up; a frame among the garbage may have been answered before.
            let blocking = rustix::fs::OFlags::empty();
            rustix::fs::fcntl_setfl(&ours.from, blocking).unwrap();
            std::fs::File::from(ours.from)
                .read_to_end(&mut Vec::new())
                .unwrap();
        }
        let home = link.attach(Side::Home).unwrap();
        lane_peer::run(&*home, "echo", 10).unwrap();
        drop(process);
    }
}

/// Connections to the worker that do not know the token are hung up on, and the lanes go on.
#[test]
fn a_stranger_gets_no_lane_over_tcp() {
    for languages in PAIRS {
        let mut pair = Pair::new("tcp", languages);
        pair.must("echo", 10);
        let port = listening_port(&pair);
        for said in [
            &[b'x'; 39][..],
            b"GET / HTTP/1.1\r\n\r\n0123456789012345678901",
        ] {
            let mut stranger = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            stranger.write_all(said).unwrap();
            assert_eq!(stranger.read(&mut [0]).unwrap_or(0), 0, "it is hung up on");
        }
        pair.until("no stranger has a lane", |pair| pair.serving() <= 1);
        pair.must("echo", 10);
    }
}

/// Where the worker listens, from the kernel: the port of a socket in state LISTEN that its process holds. The host's own listener
/// is shut down by now.
fn listening_port(pair: &Pair) -> u16 {
    let pid = match &pair.worker {
        Worker::Rust(_) => std::process::id(),
        Worker::Go(peer) => peer.pid(),
    };
    let held: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(link.to_owned())
        })
        .collect();
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    sockets
        .lines()
        .skip(1)
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let listening = words[3] == "0A" && held.iter().any(|inode| inode == words[9]);
            let port = words[1].split_once(':')?.1;
            listening.then(|| u16::from_str_radix(port, 16).unwrap())
        })
        .last()
        .unwrap()
}
