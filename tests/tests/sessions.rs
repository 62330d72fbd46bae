//! Long sessions: a service under load whose source is edited at random, and one whose workers are killed.
//!
//! `FIRE_EDITS` and `FIRE_KILLS` make them longer, `FIRE_SEED` another: see docs/sessions.md.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use fire_tests::driver::{Fire, Project};
use fire_tests::http::{self, Exchange, Load};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
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
    /// Versions of `first`, `second`, of the method and of the constant.
    first: u64,
    second: u64,
    method: u64,
    constant: u64,
    /// `second` has so many more parameters.
    parameters: u64,
    /// A function `third` exists, in this version.
    third: Option<u64>,
    broken: bool,
}

impl Source {
    fn begin() -> Self {
        Self {
            first: 0,
            second: 0,
            method: 0,
            constant: 0,
            parameters: 0,
            third: None,
            broken: false,
        }
    }

    /// One random edit. Its kind, in words.
    fn edit(&mut self, random: &mut Random, version: u64) -> &'static str {
        if self.broken && random.below(2) == 0 {
            self.broken = false;
            return "mended";
        }
        match random.below(10) {
            0 | 1 => {
                self.first = version;
                "a body"
            }
            2 => {
                self.method = version;
                "a method's body"
            }
            3 | 4 => {
                (self.first, self.second, self.method) = (version, version, version);
                "three bodies"
            }
            5 => {
                self.parameters = (self.parameters + 1) % 3;
                "a signature"
            }
            6 => {
                self.third = match self.third {
                    None => Some(version),
                    Some(_) => None,
                };
                "an addition or a removal"
            }
            7 => {
                self.constant = version;
                "a constant"
            }
            8 => {
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

    fn text(&self) -> String {
        let mut text = String::from(
            "package main\n\nimport (\n\t\"fmt\"\n\t\"net\"\n\t\"net/http\"\n\t\"sync/atomic\"\n)\n\n\
             type service struct{ hits atomic.Int64 }\n\n",
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
        let mut third = "-1".to_owned();
        if let Some(version) = self.third {
            let _ = writeln!(
                text,
                "func third(of func() int) int {{ return of()*0 + {version} }}\n"
            );
            third = "third(first)".to_owned();
        }
        let _ = writeln!(
            text,
            "func (s *service) answer() string {{\n\treturn fmt.Sprint(first(), \" \", second(0{arguments}), \" \", s.method(), \" \", mark, \" \", {third})\n}}\n"
        );
        text.push_str(
            "func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {\n\t\
             fmt.Fprint(w, s.hits.Add(1), \" \", s.answer())\n}\n\n\
             func main() {\n\tlistener, err := net.Listen(\"tcp\", \"127.0.0.1:0\")\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\t\
             fmt.Println(\"port\", listener.Addr().(*net.TCPAddr).Port)\n\thttp.Serve(listener, &service{})\n}\n",
        );
        text
    }

    fn answer(&self) -> [String; 5] {
        let third = self
            .third
            .map_or("-1".to_owned(), |version| version.to_string());
        [
            self.first.to_string(),
            self.second.to_string(),
            self.method.to_string(),
            self.constant.to_string(),
            third,
        ]
    }
}

/// From when to when code of a source could have answered.
struct Reign {
    from: Instant,
    to: Option<Instant>,
    answer: [String; 5],
    story: String,
}

/// An answer comes from the sources that could have answered: from the one, if there is one.
fn check(exchange: &Exchange, reigns: &[Reign]) {
    let possible: Vec<&Reign> = reigns
        .iter()
        .filter(|one| one.from <= exchange.ended && one.to.is_none_or(|to| to >= exchange.began))
        .collect();
    let story = || {
        possible
            .iter()
            .map(|one| one.story.as_str())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let text = exchange
        .answer
        .as_ref()
        .unwrap_or_else(|error| panic!("lost: {error} ({})", story()));
    let parts: Vec<&str> = text.split(' ').skip(1).collect();
    assert_eq!(parts.len(), 5, "{text}");
    for (place, part) in parts.iter().enumerate() {
        assert!(
            possible.iter().any(|one| one.answer[place] == *part),
            "{text:?} where {:?} are possible: {}",
            possible.iter().map(|one| &one.answer).collect::<Vec<_>>(),
            story()
        );
    }
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

#[test]
fn a_service_under_load_answers_from_the_newest_source_that_compiled() {
    let edits = number("FIRE_EDITS", 40);
    let seed = number("FIRE_SEED", 0x9e37_79b9_7f4a_7c15);
    let mut random = Random(seed);
    let mut source = Source::begin();
    let project = Project::new(&[("main.go", &source.text())]);
    let mut fire = project.fire(&["--policy", "keep-state"]);
    let ready = fire.expect("ready");
    let port = port(&mut fire);
    let mut serving = source.clone();
    let mut reigns = vec![Reign {
        from: Instant::now(),
        to: None,
        answer: serving.answer(),
        story: "the beginning".into(),
    }];
    let load = Load::start(port, 2, Duration::from_millis(2), |_, _| "/".to_owned());
    let mut workers = Vec::new();
    let mut most = 0;
    for version in 1..=edits {
        let before = source.clone();
        let kind = source.edit(&mut random, version);
        if source == before {
            continue;
        }
        let story = format!("seed {seed}, edit {version}: {kind}");
        let saved = Instant::now();
        project.write("main.go", &source.text());
        // A batch may be answered by two events, of which the second comes before the next batch.
        fire.until(|event| event["event"] == "batch");
        let event = fire.until(|event| {
            !["batch", "draining", "drained"].contains(&event["event"].as_str().unwrap_or_default())
        });
        let answered = Instant::now();
        let name = event["event"].as_str().expect("an event has a name");
        if source.broken {
            assert_eq!(name, "failed", "{story}: {event}");
            continue;
        }
        assert!(
            ["swapped", "reverted", "nothing"].contains(&name),
            "{story}: {event}"
        );
        if name == "swapped" {
            workers.push(event["worker_pid"].clone());
        }
        if source == serving {
            continue; // mended, or broken and taken back
        }
        serving = source.clone();
        if let Some(last) = reigns.last_mut() {
            last.to = Some(answered);
        }
        reigns.push(Reign {
            from: saved,
            to: None,
            answer: serving.answer(),
            story,
        });
        // At once, and for certain by the newest code.
        check(&http::get(port, "/"), &reigns);
        most = most.max(
            status(&project)["generations"]
                .as_array()
                .map_or(0, Vec::len),
        );
    }
    let exchanges = load.stop();
    for exchange in &exchanges {
        check(exchange, &reigns);
    }
    let last = status(&project);
    assert_eq!(
        last["pid"], ready["pid"],
        "the process is the one that was started"
    );
    assert!(most <= 12, "{most} workers at once");
    assert!(exchanges.len() > 100, "{} requests", exchanges.len());
    fire.signal(Signal::INT);
    fire.ends(Duration::from_secs(20));
    for worker in &workers {
        assert!(
            test_kill_process(process(worker)).is_err(),
            "worker {worker} lives on"
        );
    }
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
            "[policy]\nname = \"keep-state\"\nrespawns = 1000000\nrespawn-after-ms = 1\n",
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
    let load = Load::start(port, 3, Duration::from_millis(1), |client, n| {
        format!("/{client}/{n}")
    });
    let mut killed = 0;
    while killed < kills {
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
        fire.quiet_for(Duration::from_millis(200));
    }
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
    assert!(panics < exchanges.len(), "every call was lost");
    assert_eq!(status(&project)["pid"], ready["pid"], "the app survives");
    fire.signal(Signal::INT);
    fire.ends(Duration::from_secs(20));
}
