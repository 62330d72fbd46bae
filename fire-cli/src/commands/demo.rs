//! `fire demo`: the example service of `examples/notes`, run by an ordinary session in a directory of
//! its own, edited three times, and asked over HTTP what it remembers. Everything that it reports was
//! observed from outside: answers, process ids, fire's own events.

mod ask;
mod edits;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use fire_host::clock::Clock;
use fire_host::event::{Event, Told};
use fire_host::session::{Command, Session};
use fire_host::setup::{Request, settle};
use fire_host::supervise::Guard;
use include_dir::{Dir, include_dir};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::{Common, Demo};
use crate::commands::run::adopt_orphans;
use crate::failure::FAILED;
use crate::output::Output;
use crate::output::say;
use ask::{Service, State};
use edits::{EDITS, Edit, Leads};

static NOTES: Dir = include_dir!("$CARGO_MANIFEST_DIR/../examples/notes");

/// The first build may find Go's build cache empty.
const FIRST: Duration = Duration::from_secs(240);
/// Between a save and what comes of it.
const SAVE: Duration = Duration::from_secs(60);
/// The exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Starts, edits, observes, reports.
pub fn run(common: &Common, options: &Demo) -> anyhow::Result<u8> {
    let clock = Clock::start();
    // Before the session, so that it is removed after it.
    let directory = tempfile::Builder::new().prefix("fire-demo-").tempdir()?;
    let root = directory.path().canonicalize()?;
    NOTES
        .extract(&root)
        .context("the example cannot be written")?;
    let address = ask::free_address()?;
    let settings = settle(Request {
        root: root.clone(),
        arguments: vec!["-listen".into(), address.to_string()],
        transport: common.transport.clone(),
        split: common.split.clone(),
        policy: common.policy.clone(),
        ..Request::default()
    })?;
    let guard = Guard::start().unwrap_or_default();
    adopt_orphans();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let code = runtime.block_on(async {
        let (sender, told) = unbounded_channel();
        let opener = Some(fire_host::engine::open as fire_host::swap::Opener);
        let (session, handle) = Session::open(settings, opener, guard, clock, sender);
        let session = tokio::spawn(session.run());
        let mut show = Show {
            told,
            output: Output::open(common)?,
            said: !options.json && !common.quiet,
            fire: !options.json || common.verbose > 0,
            service: Service::at(address),
            report: Report::default(),
        };
        let ended = tokio::select! {
            ended = show.go(&root) => Some(ended),
            _ = tokio::signal::ctrl_c() => None,
        };
        handle.ask(Command::Quit);
        // Nothing is removed, and nobody told, before everything has ended.
        session.await.context("the session failed")?;
        let Some(ended) = ended else {
            return Ok(INTERRUPTED);
        };
        if let Err(error) = &ended {
            show.report.failed(error);
        }
        if options.json {
            say!("{}", show.report.json())?;
        }
        if ended.is_ok() && show.report.held() {
            show.say(&show.report.summary());
            Ok(0)
        } else if options.json {
            Ok(FAILED)
        } else {
            Err(ended
                .err()
                .unwrap_or_else(|| anyhow::anyhow!("the demo did not hold")))
        }
    });
    runtime.shutdown_background();
    code
}

/// The demo while it runs.
struct Show {
    told: UnboundedReceiver<Told>,
    output: Output,
    /// Whether the demo's own lines are shown.
    said: bool,
    /// Whether fire's lines are shown.
    fire: bool,
    service: Service,
    report: Report,
}

impl Show {
    async fn go(&mut self, root: &Path) -> anyhow::Result<()> {
        self.say("building a service that keeps notes in memory (examples/notes)");
        let Event::Ready { pid, ms, .. } = self.answer(FIRST).await? else {
            bail!("the example did not start");
        };
        self.service.is_up(SAVE).await?;
        for text in ["buy milk", "read the news", "water the plants"] {
            let status = self.service.post_note(text).await?;
            ensure!(
                status == 201,
                "a new note was answered with status {status}"
            );
        }
        let state = self.service.state().await?;
        ensure!(
            state.pid == u64::from(pid) && state.notes == 3,
            "the service is not as it should be after its start: {state:?}"
        );
        self.say(&format!(
            "wrote 3 notes; the service has answered {} requests",
            state.requests
        ));
        self.report.step(json!({
            "step": "start", "event": "ready", "ms": ms, "pid": pid, "requests": state.requests, "held": true,
        }));
        for edit in &EDITS {
            self.edit(root, edit).await?;
        }
        Ok(())
    }

    /// Edits as an editor would, waits for what fire makes of it, and looks.
    async fn edit(&mut self, root: &Path, edit: &Edit) -> anyhow::Result<()> {
        let before = self.service.state().await?;
        let answered = self.service.get(edit.page).await?;
        self.say(&format!("edit: {} ({})", edit.name, edit.file));
        for (sign, there, other) in [('-', edit.old, edit.new), ('+', edit.new, edit.old)] {
            for line in there.lines().filter(|line| !other.contains(line)) {
                self.say(&format!("  {sign} {}", line.trim()));
            }
        }
        edit.apply(root)?;
        let saved = Instant::now();
        let event = self.answer(SAVE).await?;
        let since_save = u64::try_from(saved.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, ms) = match (&edit.leads, &event) {
            (Leads::Swap, Event::Swapped { ms, .. }) => {
                self.report.swap_ms.push(*ms);
                ("swapped", *ms)
            }
            (Leads::Restart, Event::Restarted { ms, .. }) => {
                self.report.restart_ms = Some(*ms);
                self.service.is_up(SAVE).await?;
                ("restarted", *ms)
            }
            (_, other) => bail!("{} led to {}", edit.name, serde_json::to_string(other)?),
        };
        if edit.leads == Leads::Restart {
            self.service.post_note("buy milk").await?;
        }
        let answers = self.service.get(edit.page).await?;
        let after = self.service.state().await?;
        self.say(&format!(
            "  GET {}: {} -> {}",
            edit.page,
            brief(&answered),
            brief(&answers)
        ));
        self.say(&format!(
            "  process {} -> {}, requests {} -> {}, notes {} -> {}",
            before.pid, after.pid, before.requests, after.requests, before.notes, after.notes
        ));
        let fresh = answers != answered && answers.contains(edit.shows);
        let kept = is_kept(before, after);
        let held = fresh && kept == (edit.leads == Leads::Swap);
        if edit.leads == Leads::Swap {
            self.report.kept.push(kept);
        }
        self.report.step(json!({
            "step": edit.name,
            "file": edit.file,
            "event": name,
            "ms": ms,
            "ms_since_save": since_save,
            "pid_before": before.pid,
            "pid": after.pid,
            "requests_before": before.requests,
            "requests": after.requests,
            "answer_before": answered.trim(),
            "answer": answers.trim(),
            "held": held,
            "fire": event,
        }));
        ensure!(fresh, "after {} the service answers {answers:?}", edit.name);
        ensure!(
            held,
            "after {} the state is {after:?}, before it was {before:?}",
            edit.name
        );
        Ok(())
    }

    /// The next event that answers a save, or the start.
    async fn answer(&mut self, limit: Duration) -> anyhow::Result<Event> {
        let next = async {
            while let Some(told) = self.told.recv().await {
                if self.fire {
                    self.output.tell(&told);
                }
                match told {
                    Told::Event(record) if !matches!(record.event, Event::Batch { .. }) => {
                        return Ok(record.event);
                    }
                    _ => {}
                }
            }
            bail!("the session ended")
        };
        match tokio::time::timeout(limit, next).await {
            Ok(event) => event,
            Err(_) => bail!("fire did not answer within {} s", limit.as_secs()),
        }
    }

    fn say(&self, text: &str) {
        if self.said {
            // Nobody reads: the show goes on, and its exit code tells.
            let _ = say!("demo  {text}");
        }
    }
}

/// Same process, no note lost, and every request since then counted: the page, then the state.
fn is_kept(before: State, after: State) -> bool {
    after.pid == before.pid && after.notes == before.notes && after.requests == before.requests + 3
}

fn brief(answer: &str) -> String {
    let line = answer.trim();
    match line.char_indices().nth(60) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// What is reported.
#[derive(Default)]
struct Report {
    kept: Vec<bool>,
    swap_ms: Vec<u64>,
    restart_ms: Option<u64>,
    steps: Vec<Value>,
}

impl Report {
    fn step(&mut self, step: Value) {
        self.steps.push(step);
    }

    fn failed(&mut self, error: &anyhow::Error) {
        self.step(json!({"step": "failed", "held": false, "detail": format!("{error:#}")}));
    }

    fn state_kept(&self) -> bool {
        self.kept.len() == 2 && self.kept.iter().all(|kept| *kept)
    }

    fn held(&self) -> bool {
        self.state_kept() && self.restart_ms.is_some()
    }

    fn json(&self) -> Value {
        json!({
            "state_kept": self.state_kept(),
            "swap_ms": self.swap_ms,
            "restart_ms": self.restart_ms,
            "steps": self.steps,
        })
    }

    fn summary(&self) -> String {
        let swaps: Vec<String> = self.swap_ms.iter().map(|ms| format!("{ms} ms")).collect();
        format!(
            "state kept through {} swaps ({}); restarted for the struct in {} ms",
            swaps.len(),
            swaps.join(", "),
            self.restart_ms.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_finds_its_place_once() {
        for edit in &EDITS {
            let file = NOTES.get_file(edit.file).unwrap();
            let source = file.contents_utf8().unwrap();
            assert_eq!(source.matches(edit.old).count(), 1, "{}", edit.name);
        }
    }

    #[test]
    fn a_lost_request_is_noticed() {
        let before = State {
            pid: 1,
            requests: 7,
            notes: 3,
        };
        let after = |pid, requests, notes| State {
            pid,
            requests,
            notes,
        };
        assert!(is_kept(before, after(1, 10, 3)));
        assert!(!is_kept(before, after(1, 9, 3)));
        assert!(!is_kept(before, after(2, 10, 3)));
        assert!(!is_kept(before, after(1, 10, 0)));
    }
}
