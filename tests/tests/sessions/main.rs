//! Long sessions: a service under load whose source is edited at random, and one whose workers are killed.
//!
//! `FIRE_EDITS` and `FIRE_KILLS` make them longer, `FIRE_SEED` another: see docs/sessions.md.

mod killed;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fire_tests::driver::{Fire, Project};
use fire_tests::http::{self, Exchange, Load};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use source::{IN_ORDER, PARTS, Random, Source};

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
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
