//! Long sessions: a service under load whose source is edited at random, and one whose workers are killed.
//!
//! `FIRE_EDITS` and `FIRE_KILLS` make them longer, `FIRE_SEED` another: see docs/sessions.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fire_tests::driver::{Fire, Project};
use fire_tests::http::{self, Exchange, Load};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// A sequence that looks random. Source: Marsaglia, Xorshift RNGs (2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What the source says: each field is a part of the answer, or changes how it comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    /// Versions of `first`, `second`, of two methods and of the constant.
    first: u64,
    second: u64,
    method: u64,
    shelf: u64,
    constant: u64,
    /// `second` has so many more parameters.
    parameters: u64,
    /// A function `third` exists, in this version; and a generic one, `fourth`.
    third: Option<u64>,
    fourth: Option<u64>,
    broken: bool,
}

/// Parts of an answer.
const PARTS: usize = 7;

/// Those that functions with the same parameters give in every source, in the order in which they are called: whoever
/// has met a new one meets no old one afterwards.
const IN_ORDER: [usize; 3] = [0, 2, 6];

impl Source {
    fn begin() -> Self {
        Self {
            first: 0,
            second: 0,
            method: 0,
            shelf: 0,
            constant: 0,
            parameters: 0,
            third: None,
            fourth: None,
            broken: false,
        }
    }

    /// One random edit. Its kind, in words.
    fn edit(&mut self, random: &mut Random, version: u64) -> &'static str {
        if self.broken && random.below(2) == 0 {
            self.broken = false;
            return "mended";
        }
        let come_or_go = |function: &mut Option<u64>| {
            *function = function.is_none().then_some(version);
        };
        match random.below(12) {
            0 | 1 => {
                self.first = version;
                "a body"
            }
            2 => {
                self.method = version;
                "a method's body"
            }
            3 => {
                self.shelf = version;
                "a body in another package"
            }
            4 | 5 => {
                (self.first, self.second, self.method, self.shelf) =
                    (version, version, version, version);
                "four bodies in two files"
            }
            6 => {
                self.parameters = (self.parameters + 1) % 3;
                "a signature"
            }
            7 => {
                come_or_go(&mut self.third);
                "an addition or a removal"
            }
            8 => {
                come_or_go(&mut self.fourth);
                "an addition or a removal of a generic function"
            }
            9 => {
                self.constant = version;
                "a constant"
            }
            10 => {
                self.broken = true;
                self.second = version;
                "a breakage"
            }
            _ => {
                *self = Self::begin();
                "everything back"
            }
        }
    }

    fn main(&self) -> String {
        let mut text = String::from(
            "package main\n\nimport (\n\t\"fmt\"\n\t\"net\"\n\t\"net/http\"\n\t\"sync/atomic\"\n\n\t\"example.com/app/shelf\"\n)\n\n\
             type service struct {\n\thits  atomic.Int64\n\tshelf *shelf.Shelf\n}\n\n",
        );
        let _ = writeln!(text, "const mark = {}\n", self.constant);
        let parameters: Vec<String> = (0..self.parameters)
            .map(|n| format!(", p{n} int"))
            .collect();
        let arguments: Vec<String> = (0..self.parameters).map(|n| format!(", {n}")).collect();
        let (parameters, arguments) = (parameters.concat(), arguments.concat());
        let _ = writeln!(text, "func first() int {{ return {} }}\n", self.first);
        let broken = if self.broken { " + undefined" } else { "" };
        let _ = writeln!(
            text,
            "func second(base int{parameters}) int {{ return base + {}{broken} }}\n",
            self.second
        );
        let _ = writeln!(
            text,
            "func (s *service) method() int {{ return int(s.hits.Load()*0) + {} }}\n",
            self.method
        );
        let (mut third, mut fourth) = ("-1", "-1");
        if let Some(version) = self.third {
            let _ = writeln!(
                text,
                "func third(of func() int) int {{ return of()*0 + {version} }}\n"
            );
            third = "third(first)";
        }
        if let Some(version) = self.fourth {
            let _ = writeln!(
                text,
                "func fourth[T any](list ...T) int {{ return len(list) - 2 + {version} }}\n"
            );
            fourth = "fourth(s.shelf, s.shelf)";
        }
        let _ = writeln!(
            text,
            "func (s *service) answer() string {{\n\treturn fmt.Sprint(first(), \" \", second(0{arguments}), \" \", s.method(), \" \", mark, \" \", {third}, \" \", {fourth}, \" \", s.shelf.Count())\n}}\n"
        );
        text.push_str(
            "func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {\n\t\
             s.shelf.Put(r.URL.Path)\n\tfmt.Fprint(w, s.hits.Add(1), \" \", s.answer())\n}\n\n\
             func main() {\n\tlistener, err := net.Listen(\"tcp\", \"127.0.0.1:0\")\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\t\
             fmt.Println(\"port\", listener.Addr().(*net.TCPAddr).Port)\n\thttp.Serve(listener, &service{shelf: shelf.New()})\n}\n",
        );
        text
    }

    fn shelf(&self) -> String {
        format!(
            "package shelf\n\nimport \"sync\"\n\n\
             type Shelf struct {{\n\tmu    sync.Mutex\n\tseen  map[string]int\n}}\n\n\
             func New() *Shelf {{ return &Shelf{{seen: map[string]int{{}}}} }}\n\n\
             func (s *Shelf) Put(path string) {{\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\ts.seen[path]++\n}}\n\n\
             func (s *Shelf) Count() int {{\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\treturn len(s.seen) - len(s.seen) + {}\n}}\n",
            self.shelf
        )
    }

    fn answer(&self) -> [String; PARTS] {
        let shown =
            |function: Option<u64>| function.map_or("-1".to_owned(), |version| version.to_string());
        [
            self.first.to_string(),
            self.second.to_string(),
            self.method.to_string(),
            self.constant.to_string(),
            shown(self.third),
            shown(self.fourth),
            self.shelf.to_string(),
        ]
    }

    /// Saves what differs, in the order in which a request meets it last: a save that is seen in two halves leads from
    /// old to new as well. Gives the names of the files.
    fn save(&self, project: &Project, before: Option<&Self>) -> Vec<&'static str> {
        let mut saved = Vec::new();
        for (name, text) in [
            ("shelf/shelf.go", Self::shelf as fn(&Self) -> String),
            ("main.go", Self::main),
        ] {
            if before.is_none_or(|before| text(before) != text(self)) {
                project.write(name, &text(self));
                saved.push(name);
            }
        }
        saved
    }
}

/// From when to when code of a source could have answered.
struct Reign {
    from: Instant,
    to: Option<Instant>,
    answer: [String; PARTS],
    story: String,
    /// It began with a restart that had ended at this time.
    restarted: Option<Instant>,
}

/// An answer comes from the sources that could have answered: from the one, if there is one. Gives how many the service
/// had answered by then.
fn check(exchange: &Exchange, reigns: &[Reign]) -> Option<u64> {
    let possible: Vec<&Reign> = reigns
        .iter()
        .filter(|one| one.from <= exchange.ended && one.to.is_none_or(|to| to >= exchange.began))
        .collect();
    let told = || {
        let stories = possible.iter().map(|one| one.story.as_str());
        let answers = possible.iter().map(|one| one.answer.join(" "));
        format!(
            "possible: {:?}: {}",
            answers.collect::<Vec<_>>(),
            stories.collect::<Vec<_>>().join("; ")
        )
    };
    let text = match &exchange.answer {
        Ok(text) => text,
        Err(error) => {
            // Between two processes nobody listens.
            let between = possible.iter().any(|one| {
                one.restarted
                    .is_some_and(|end| exchange.began <= end && exchange.ended >= one.from)
            });
            assert!(between, "lost: {error} ({})", told());
            return None;
        }
    };
    let (hits, parts) = text.split_once(' ').expect("an answer has parts");
    let parts: Vec<&str> = parts.split(' ').collect();
    assert_eq!(parts.len(), PARTS, "{text}");
    for (place, part) in parts.iter().enumerate() {
        assert!(
            possible.iter().any(|one| one.answer[place] == *part),
            "{text:?}; {}",
            told()
        );
    }
    let mut reached = 0;
    for place in IN_ORDER {
        let later = possible[reached..]
            .iter()
            .position(|one| one.answer[place] == parts[place]);
        reached += later.unwrap_or_else(|| panic!("a mixture: {text:?}; {}", told()));
    }
    Some(hits.parse().expect("a number"))
}

fn port(fire: &mut Fire) -> u16 {
    let line = fire.prints_line("port ");
    let text = line.rsplit(' ').next().expect("a port");
    text.parse().expect("a number")
}

fn status(project: &Project) -> Value {
    let (code, text, error) = project.fire_once(&["status", "--json"]);
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&text).expect("JSON")
}

fn process(pid: &Value) -> Pid {
    let number = pid.as_i64().and_then(|pid| i32::try_from(pid).ok());
    number.and_then(Pid::from_raw).expect("a process id")
}

/// When a process was started, in the kernel's ticks: in a long session, its number comes again.
/// Source: proc_pid_stat(5), field 22.
fn begun_at(pid: &Value) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// How a session ended.
struct Story {
    restarts: usize,
    /// What the service said that it had answered.
    hits: Vec<u64>,
}

impl Story {
    /// The service counts each request: no number is missing, none comes twice.
    fn assert_answered_once(mut self) {
        self.hits.sort_unstable();
        let expected: Vec<u64> = (1..=self.hits.len() as u64).collect();
        assert_eq!(self.hits, expected);
    }
}

/// A service under load is edited at random. At every step the answers are those of the newest source that compiled; no
/// request is lost, but for those that a restart met; the number of workers stays bounded; nothing is left.
fn session(split: &str, policy: &str, edits: u64) -> Story {
    let edits = number("FIRE_EDITS", edits);
    let seed = number("FIRE_SEED", 0x9e37_79b9_7f4a_7c15);
    let mut random = Random(seed);
    let mut source = Source::begin();
    let project = Project::new(&[]);
    source.save(&project, None);
    let mut fire = project.fire(&["--policy", policy, "--split", split]);
    let ready = fire.expect("ready");
    let at = Arc::new(AtomicU16::new(port(&mut fire)));
    let begun = status(&project);
    let initial = begun["generations"].as_array().map_or(0, Vec::len);
    println!(
        "{split}, {policy}: ready after {} ms, {initial} workers, memory {}",
        ready["ms"], begun["memory"]
    );
    let mut serving = source.clone();
    let mut reigns = vec![Reign {
        from: Instant::now(),
        to: None,
        answer: serving.answer(),
        story: "the beginning".into(),
        restarted: None,
    }];
    let load = Load::start(&at, 2, Duration::from_millis(2), |_, _| "/".to_owned());
    let mut workers = Vec::new();
    let mut own = Vec::new();
    let (mut most, mut restarts, mut kinds) = (0, 0, BTreeMap::new());
    for version in 1..=edits {
        let before = source.clone();
        let kind = source.edit(&mut random, version);
        let story = format!("seed {seed}, edit {version}: {kind}");
        let saved = Instant::now();
        let files = source.save(&project, Some(&before));
        if files.is_empty() {
            continue;
        }
        *kinds.entry(kind).or_insert(0) += 1;
        let name = answered(&mut fire, &files, &mut workers);
        if source.broken {
            assert_eq!(name, "failed", "{story}");
            continue;
        }
        let good = ["swapped", "reverted", "nothing", "restarted"].contains(&name.as_str());
        assert!(good, "{story}: {name}");
        let mut restarted = None;
        if name == "restarted" {
            at.store(port(&mut fire), Relaxed);
            restarted = Some(Instant::now());
            restarts += 1;
        }
        if source == serving && restarted.is_none() {
            continue; // mended, or broken and taken back
        }
        serving = source.clone();
        if let Some(last) = reigns.last_mut() {
            last.to = Some(Instant::now());
        }
        reigns.push(Reign {
            from: saved,
            to: None,
            answer: serving.answer(),
            story,
            restarted,
        });
        // At once, and for certain by the newest code.
        own.extend(check(&http::get(at.load(Relaxed), "/"), &reigns));
        let now = status(&project);
        most = most.max(now["generations"].as_array().map_or(0, Vec::len));
    }
    let exchanges = load.stop();
    let mut hits: Vec<u64> = exchanges
        .iter()
        .filter_map(|exchange| check(exchange, &reigns))
        .collect();
    hits.append(&mut own);
    let last = status(&project);
    println!(
        "{split}, {policy}: {kinds:?}; {restarts} restarts, {} requests, at most {most} workers, memory {}",
        hits.len(),
        last["memory"]
    );
    if restarts == 0 {
        assert_eq!(
            last["pid"], ready["pid"],
            "the process is the one that was started"
        );
    }
    assert!(most <= 24, "{most} workers at once");
    assert!(exchanges.len() > 50, "{} requests", exchanges.len());
    for part in ["home_kb", "host_kb", "workers_kb"] {
        assert!(last["memory"][part].as_u64() < Some(400_000), "{last}");
    }
    fire.signal(Signal::INT);
    fire.ends(Duration::from_secs(20));
    for worker in &workers {
        let left = begun_at(&worker.0) == Some(worker.1.clone());
        assert!(!left, "worker {} lives on", worker.0);
    }
    Story { restarts, hits }
}

/// Waits until fire has answered a save, in however many batches it saw the files; gives the name of the answer.
fn answered(fire: &mut Fire, saved: &[&str], workers: &mut Vec<(Value, String)>) -> String {
    let mut unseen: BTreeSet<&str> = saved.iter().copied().collect();
    loop {
        let event = fire.event();
        if event["event"] == "swapped" {
            let worker = &event["worker_pid"];
            workers.extend(begun_at(worker).map(|begun| (worker.clone(), begun)));
        }
        match event["event"].as_str().expect("an event has a name") {
            "draining" | "drained" => {}
            "batch" => {
                for file in event["files"].as_array().expect("files") {
                    unseen.remove(file.as_str().expect("a file's name"));
                }
            }
            // A batch may be answered by two events, of which the second comes before the next batch.
            _ if !unseen.is_empty() => {}
            name => return name.to_owned(),
        }
    }
}

#[test]
fn a_service_under_load_answers_from_the_newest_source_that_compiled() {
    let story = session("on-edit", "keep-state", 40);
    assert_eq!(story.restarts, 0);
    story.assert_answered_once();
}

#[test]
fn a_service_that_restarts_for_serious_changes_answers_from_the_newest_source() {
    session("on-edit", "serious-changes", 15);
}

#[test]
fn a_service_that_restarts_with_all_of_it_moved_answers_from_the_newest_source() {
    session("per-function", "serious-changes", 10);
}

#[test]
fn a_service_whose_functions_have_a_process_each_answers_alike() {
    let story = session("per-function", "keep-state", 20);
    assert_eq!(story.restarts, 0);
    story.assert_answered_once();
}

#[test]
fn a_service_whose_packages_have_a_process_each_answers_alike() {
    let story = session("per-package", "keep-state", 20);
    assert_eq!(story.restarts, 0);
    story.assert_answered_once();
}

const COUNTING: &str = r#"package main

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

var runs sync.Map

func touch(n *atomic.Int64) int64 { return n.Load() }

func work(id string) string {
	found, _ := runs.LoadOrStore(id, new(atomic.Int64))
	n := found.(*atomic.Int64)
	n.Add(1)
	for i := 0; i < 50; i++ {
		touch(n)
	}
	return fmt.Sprint("ran ", touch(n))
}

func serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprint(w, "panicked: ", p)
		}
	}()
	fmt.Fprint(w, work(r.URL.Path))
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(serve))
}
"#;

#[test]
fn workers_are_killed_and_no_call_runs_twice() {
    let kills = number("FIRE_KILLS", 15);
    let mut random = Random(number("FIRE_SEED", 88_172_645_463_325_252));
    let project = Project::new(&[
        ("main.go", COUNTING),
        (
            "fire.toml",
            "[policy]\nname = \"keep-state\"\nrespawns = 1000000\nrespawn-after-ms = 0\n",
        ),
    ]);
    let mut fire = project.fire(&[]);
    let ready = fire.expect("ready");
    let port = port(&mut fire);
    // Two workers: one calls the other.
    project.replace("main.go", "i < 50", "i < 60");
    fire.expect("swapped");
    project.replace("main.go", "return n.Load()", "return n.Load() + 0");
    fire.expect("swapped");
    let load = Load::start(
        &Arc::new(AtomicU16::new(port)),
        3,
        Duration::from_millis(1),
        |client, n| format!("/{client}/{n}"),
    );
    let (mut killed, began) = (0, Instant::now());
    for tick in 1.. {
        if killed == kills {
            break;
        }
        let status = status(&project);
        let all = status["generations"].as_array().expect("a list");
        let workers: Vec<&Value> = all.iter().filter(|one| one["state"] == "serving").collect();
        if !workers.is_empty() {
            let choice = random.below(workers.len() as u64);
            let victim = workers[usize::try_from(choice).expect("small")];
            // It may have ended in the meantime.
            if kill_process(process(&victim["worker_pid"]), Signal::KILL).is_ok() {
                killed += 1;
            }
        }
        let next = began + tick * Duration::from_millis(200);
        fire.quiet_for(next.saturating_duration_since(Instant::now()));
    }
    let took = began.elapsed();
    let exchanges = load.stop();
    let mut panics = 0;
    for exchange in &exchanges {
        match exchange.answer.as_deref() {
            Ok("ran 1") => {}
            Ok(text) if text.starts_with("panicked: fire: the worker running example.com/app.") => {
                assert!(text.ends_with("died (signal 9)"), "{text}");
                panics += 1;
            }
            other => panic!("{}: {other:?}", exchange.path),
        }
    }
    println!(
        "{killed} workers killed in {took:?}: {panics} of {} calls lost",
        exchanges.len()
    );
    assert!(panics < exchanges.len(), "every call was lost");
    assert_eq!(status(&project)["pid"], ready["pid"], "the app survives");
    fire.signal(Signal::INT);
    fire.ends(Duration::from_secs(20));
}
