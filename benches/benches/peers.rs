//! fire beside air, on the same program in the same minute: how long after a save the new code answers.
//!
//! `cargo bench -p fire-benches --bench peers [-- ROUNDS]`; `FIRE=path` takes a fire that is built already. air comes from the
//! module proxy, into a directory that is gone afterwards. Each round edits a struct and a body, under one after the
//! other, so that whatever else the machine does meets both.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const AIR: &str = "github.com/air-verse/air@latest";
const ROUNDS: usize = 10;
/// Nothing takes longer, a first build on a busy machine included.
const DEADLINE: Duration = Duration::from_secs(120);

/// What takes longer has missed the save.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service whose answer tells which body and which struct it was built with.
const MAIN: &str = r#"package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
)

type item struct {
	Name string
	// fields
}

type store struct {
	mu    sync.Mutex
	items map[string]item
}

func (s *store) put(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[name] = item{Name: name}
	return len(s.items)
}

func body() string { return "body-0" }

func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	text, err := json.Marshal(item{Name: r.URL.Path})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, body(), s.put(r.URL.Path), string(text))
}

func main() {
	s := &store{items: map[string]item{}}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(s.serve)))
}
"#;

fn main() {
    let rounds = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(ROUNDS);
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let air = match air(place.path()) {
        Ok(air) => air,
        Err(why) => {
            eprintln!(
                "air cannot be had from the module proxy, so there is nothing to compare with:\n{why}"
            );
            std::process::exit(1);
        }
    };
    let fire = fire();
    let mut peers = [
        Peer::start("fire", &place.path().join("a"), |directory, address| {
            let mut command = Command::new(&fire);
            command.current_dir(directory).arg("--").arg(address);
            command
        }),
        Peer::start(
            "air, delay 1 ms",
            &place.path().join("b"),
            |directory, address| {
                // air takes 0 for its default, a second.
                let settings = format!(
                    "[build]\ncmd = \"go build -o ./tmp/main .\"\nbin = \"./tmp/main\"\nargs_bin = [\"{address}\"]\ndelay = 1\n"
                );
                std::fs::write(directory.join(".air.toml"), settings).expect("it can be written");
                let mut command = Command::new(&air);
                command.current_dir(directory);
                command
            },
        ),
    ];
    for round in 1..=rounds {
        for peer in &mut peers {
            peer.edit_struct(round);
            peer.edit_body(round);
        }
    }
    println!("| from the save to the new answer | p50 | best | worst |");
    println!("| --- | --- | --- | --- |");
    for peer in &mut peers {
        row(&format!("{}: a struct", peer.name), &mut peer.structs);
        row(
            &format!("{}: a function's body", peer.name),
            &mut peer.bodies,
        );
    }
    for peer in &peers {
        if peer.missed > 0 {
            println!(
                "\n{} missed {} saves of {}",
                peer.name,
                peer.missed,
                2 * rounds
            );
        }
    }
    let [fire, air] = &peers;
    println!(
        "\nfire / air: a struct {:.2}, a body {:.2}",
        middle(&fire.structs) / middle(&air.structs),
        middle(&fire.bodies) / middle(&air.bodies)
    );
}

fn row(name: &str, times: &mut [Duration]) {
    times.sort();
    let ms = |time: Option<&Duration>| {
        let time = time.copied().unwrap_or_default();
        format!("{:.0} ms", time.as_secs_f64() * 1e3)
    };
    println!(
        "| {name} | {} | {} | {} |",
        ms(times.get(times.len() / 2)),
        ms(times.first()),
        ms(times.last())
    );
}

/// Of sorted times, in seconds.
fn middle(times: &[Duration]) -> f64 {
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, Duration::as_secs_f64)
}

/// air, installed below the directory.
fn air(place: &Path) -> Result<PathBuf, String> {
    let bin = place.join("bin");
    let output = Command::new("go")
        .args(["install", AIR])
        .env("GOBIN", &bin)
        .env("GOFLAGS", "")
        .output()
        .map_err(|error| format!("the go command cannot be run: {error}"))?;
    if output.status.success() {
        Ok(bin.join("air"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A release build of fire.
fn fire() -> PathBuf {
    if let Some(path) = std::env::var_os("FIRE") {
        return path.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "fire-cli"])
        .current_dir(&root)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "fire does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    target.join("release/fire")
}

/// One live-reloader with a program of its own.
struct Peer {
    name: &'static str,
    file: PathBuf,
    address: SocketAddr,
    child: Child,
    structs: Vec<Duration>,
    bodies: Vec<Duration>,
    /// Saves that nothing came of.
    missed: usize,
}

impl Peer {
    fn start(
        name: &'static str,
        directory: &Path,
        command: impl FnOnce(&Path, &str) -> Command,
    ) -> Self {
        std::fs::create_dir_all(directory).expect("it can be made");
        let file = directory.join("main.go");
        std::fs::write(
            directory.join("go.mod"),
            "module example.com/app\n\ngo 1.22\n",
        )
        .and_then(|()| std::fs::write(&file, MAIN))
        .expect("it can be written");
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("there is a free port");
        let child = command(directory, &address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let peer = Self {
            name,
            file,
            address,
            child,
            structs: Vec::new(),
            bodies: Vec::new(),
            missed: 0,
        };
        peer.until("body-0");
        peer
    }

    fn edit_struct(&mut self, round: usize) {
        let field = format!("Field{round}");
        let time = self.edit("// fields", &format!("{field} int\n\t// fields"), &field);
        self.structs.extend(time);
    }

    fn edit_body(&mut self, round: usize) {
        let (old, new) = (format!("body-{}\"", round - 1), format!("body-{round}"));
        let time = self.edit(&old, &format!("{new}\""), &new);
        self.bodies.extend(time);
    }

    /// The time, or none if the save was missed and had to be repeated.
    fn edit(&mut self, from: &str, to: &str, answer: &str) -> Option<Duration> {
        let text = std::fs::read_to_string(&self.file).expect("it can be read");
        assert!(text.contains(from), "{from}");
        let text = text.replace(from, to);
        std::fs::write(&self.file, &text).expect("it can be written");
        let since = Instant::now();
        let mut time = None;
        if self.answers(answer, PATIENCE) {
            time = Some(since.elapsed());
        } else {
            self.missed += 1;
            std::fs::write(&self.file, text + "\n").expect("it can be written");
            self.until(answer);
        }
        // What still goes on after the answer (old processes, caches) is not the next edit's.
        std::thread::park_timeout(Duration::from_millis(500));
        time
    }

    fn until(&self, text: &str) {
        let found = self.answers(text, DEADLINE);
        assert!(found, "{} never answered {text:?}", self.name);
    }

    /// Asks until the answer holds this.
    fn answers(&self, text: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while !self.ask().is_some_and(|answer| answer.contains(text)) {
            if Instant::now() >= end {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        true
    }

    fn ask(&self) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.write_all(b"GET /x HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // Asked politely: it ends its program then.
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.child.wait();
    }
}
