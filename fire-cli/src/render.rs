//! From what a session tells to the lines that the user sees. Pure.

mod reason;

use std::fmt::Write;

use fire_host::build::shown;
use fire_host::event::{Event, Level, Told};
use fire_host::swap::{Diagnostic, Stage, WorkerAction};

use reason::{nothing, reason_text, why};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// What went wrong.
    Quiet,
    /// One line a batch.
    Normal,
    /// Stages, files and reasons too.
    Verbose,
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colours,
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Neutral,
    Bad,
}

/// The text for stderr, without its last newline. `None`: nothing to show.
pub fn render(told: &Told, verbosity: Verbosity, paint: Paint) -> Option<String> {
    let (tone, text, app) = match told {
        Told::Event(record) => {
            let (tone, text) = event(&record.event, verbosity)?;
            (tone, text, &record.app)
        }
        Told::Note {
            level,
            text,
            hint,
            app,
        } => {
            let (needed, tone) = match level {
                Level::Detail => (Verbosity::Verbose, Tone::Neutral),
                Level::Say => (Verbosity::Normal, Tone::Neutral),
                Level::Warn => (Verbosity::Quiet, Tone::Neutral),
            };
            if (verbosity as u8) < (needed as u8) {
                return None;
            }
            let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}"));
            (tone, format!("{text}{}", hint.unwrap_or_default()), app)
        }
    };
    Some(line(tone, &text, app.as_deref(), paint))
}

/// `fire  text`, or `fire api  text`; further lines are set in.
/// `compile 21 ms, link 62 ms`.
fn timed(stages: &std::collections::BTreeMap<String, u64>) -> String {
    let stages: Vec<_> = stages
        .iter()
        .map(|(name, ms)| format!("{name} {ms} ms"))
        .collect();
    stages.join(", ")
}

fn line(tone: Tone, text: &str, app: Option<&str>, paint: Paint) -> String {
    let name = app.map_or("fire".to_owned(), |app| format!("fire {app}"));
    let indent = " ".repeat(name.len() + 2);
    let text = text.replace('\n', &format!("\n{indent}"));
    match paint {
        Paint::Plain => format!("{name}  {text}"),
        Paint::Colours => {
            let colour = match tone {
                Tone::Good => "32",
                Tone::Neutral => "36",
                Tone::Bad => "31",
            };
            format!("\x1b[1;{colour}m{name}\x1b[0m  {text}")
        }
    }
}

fn event(event: &Event, verbosity: Verbosity) -> Option<(Tone, String)> {
    let verbose = verbosity == Verbosity::Verbose;
    let quiet = verbosity == Verbosity::Quiet;
    let found = match event {
        Event::Ready {
            pid,
            functions,
            movable,
            ms,
        } => {
            let mut text = format!("running (process {pid}) after {}", duration(*ms));
            if *functions > 0 {
                let _ = write!(text, "; {movable} of {functions} functions can be swapped");
            }
            (Tone::Good, text)
        }
        Event::Batch { files } => {
            if !verbose {
                return None;
            }
            (Tone::Neutral, format!("saved: {}", listed(files, 10)))
        }
        Event::Swapped {
            functions,
            ms,
            stages,
            generation,
            worker_pid,
        } => {
            let mut text = format!(
                "{} swapped in {} (state kept)",
                listed(functions, 3),
                duration(*ms)
            );
            if verbose {
                let stages = timed(stages);
                let _ = write!(
                    text,
                    "\ngeneration {generation}, worker {worker_pid}: {stages}"
                );
            }
            (Tone::Good, text)
        }
        Event::Reverted { functions, ms } => {
            let verb = if functions.len() == 1 { "runs" } else { "run" };
            let text = format!(
                "{} reverted in {}: {verb} natively again",
                listed(functions, 3),
                duration(*ms)
            );
            (Tone::Good, text)
        }
        Event::Restarted {
            pid,
            ms,
            reasons,
            stages,
        } => {
            let mut text = format!("restarted in {}{}", duration(*ms), why(reasons));
            if verbose {
                let _ = write!(text, "\nprocess {pid}");
                if !stages.is_empty() {
                    let _ = write!(text, ": {}", timed(stages));
                }
                for reason in reasons.iter().skip(1) {
                    let _ = write!(text, "\n{}", reason_text(reason));
                }
            }
            (Tone::Good, text)
        }
        Event::Nothing { codes, ms } => (
            Tone::Neutral,
            format!("nothing to do ({}), {}", nothing(codes), duration(*ms)),
        ),
        Event::Failed {
            stage,
            diagnostics,
            running,
            generation,
            ..
        } => {
            return Some((
                Tone::Bad,
                failed(*stage, diagnostics, *running, *generation),
            ));
        }
        Event::WorkerExited {
            functions,
            generation,
            cause,
            action,
        } => {
            let text = format!(
                "the worker of {} (generation {generation}) ended: {cause}; {}",
                listed(functions, 3),
                response(*action)
            );
            return Some((Tone::Bad, text));
        }
        Event::Draining {
            functions,
            generation,
            calls,
            goroutines,
            closures,
            ..
        } => {
            let busy: Vec<String> = [
                (calls, "calls"),
                (goroutines, "goroutines"),
                (closures, "function values in use"),
            ]
            .into_iter()
            .filter(|(count, _)| **count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
            let text = format!(
                "older code of {} goes on in generation {generation}: {}",
                listed(functions, 3),
                busy.join(", ")
            );
            (Tone::Neutral, text)
        }
        Event::Drained { generation } => {
            let text =
                format!("generation {generation} has ended: nothing of it is in use any more");
            (Tone::Neutral, text)
        }
        Event::AppExited { code, again_ms } => {
            let tone = if *code == 0 { Tone::Neutral } else { Tone::Bad };
            let then = match again_ms {
                None => "the next save starts it again".into(),
                Some(0) => "it is started again".into(),
                Some(ms) => format!("it is started again in {}", duration(*ms)),
            };
            (tone, format!("the app exited with code {code}; {then}"))
        }
        Event::Stopped => {
            if !verbose {
                return None;
            }
            (Tone::Neutral, "stopped".into())
        }
    };
    (!quiet).then_some(found)
}

/// Up to ten seconds in milliseconds or hundredths of a second, then in seconds.
fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        // Hundredths, as precise as anyone reads.
        1_000..60_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

fn listed(items: &[String], most: usize) -> String {
    if items.len() <= most {
        return items.join(", ");
    }
    format!(
        "{} and {} more",
        items[..most].join(", "),
        items.len() - most
    )
}

fn failed(
    stage: Stage,
    diagnostics: &[Diagnostic],
    running: bool,
    generation: Option<u64>,
) -> String {
    let what = match stage {
        Stage::Parse | Stage::Typecheck | Stage::Build => "not built",
        Stage::Start => "not started",
    };
    let keeps = match (running, generation) {
        (false, _) => String::new(),
        (true, None) => " (the app keeps running)".into(),
        (true, Some(generation)) => format!(" (the app keeps running generation {generation})"),
    };
    match diagnostics {
        [only] if !only.message.contains('\n') => format!("{what}: {}{keeps}", shown(only)),
        all => {
            let mut text = format!("{what}{keeps}:");
            for diagnostic in all {
                let _ = write!(text, "\n{}", shown(diagnostic));
            }
            text
        }
    }
}

fn response(action: WorkerAction) -> &'static str {
    match action {
        WorkerAction::Respawned => "another one serves its functions",
        WorkerAction::RolledBack => "the code before it serves again",
        WorkerAction::Restart => "the app is restarted",
        WorkerAction::LeftEnded => "the next save starts another",
    }
}

#[cfg(test)]
mod tests {
    use fire_host::event::Record;

    use super::*;
    use fire_host::swap::Reason;

    fn check(event: Event, expected: &str) {
        let told = Told::Event(Record {
            event,
            at_ms: 0,
            app: None,
        });
        let found = render(&told, Verbosity::Normal, Paint::Plain);
        assert_eq!(found.as_deref(), Some(expected));
    }

    fn at(file: &str, message: &str) -> Diagnostic {
        Diagnostic {
            file: file.into(),
            line: 14,
            col: 9,
            message: message.into(),
        }
    }

    #[test]
    fn one_line_a_batch() {
        check(
            Event::Swapped {
                functions: vec!["store.(*Store).Get".into()],
                generation: 1,
                worker_pid: 7,
                ms: 143,
                stages: [].into(),
            },
            "fire  store.(*Store).Get swapped in 143 ms (state kept)",
        );
        check(
            Event::Restarted {
                pid: 1,
                ms: 1_214,
                reasons: vec![Reason {
                    code: "struct".into(),
                    subject: "store.Item".into(),
                    detail: "field Tags added".into(),
                }],
                stages: [].into(),
            },
            "fire  restarted in 1.21 s: struct store.Item: field Tags added",
        );
        check(
            Event::Failed {
                stage: Stage::Typecheck,
                diagnostics: vec![at("store/store.go", "undefined: lenn")],
                running: true,
                generation: Some(3),
                ms: 20,
            },
            "fire  not built: store/store.go:14:9: undefined: lenn (the app keeps running generation 3)",
        );
        check(
            Event::Reverted {
                functions: vec!["store.(*Store).Get".into()],
                ms: 9,
            },
            "fire  store.(*Store).Get reverted in 9 ms: runs natively again",
        );
    }

    #[test]
    fn all_compile_errors_appear() {
        check(
            Event::Failed {
                stage: Stage::Build,
                diagnostics: vec![at("a.go", "one"), at("b.go", "two\n\thave x\n\twant y")],
                running: true,
                generation: None,
                ms: 20,
            },
            "fire  not built (the app keeps running):\n      a.go:14:9: one\n      b.go:14:9: two\n      \thave x\n      \twant y",
        );
    }

    #[test]
    fn quiet_shows_what_went_wrong() {
        let tell = |event| {
            let told = Told::Event(Record {
                event,
                at_ms: 0,
                app: Some("api".into()),
            });
            render(&told, Verbosity::Quiet, Paint::Plain)
        };
        assert_eq!(
            tell(Event::AppExited {
                code: 0,
                again_ms: None
            }),
            None
        );
        let failed = tell(Event::Failed {
            stage: Stage::Parse,
            diagnostics: vec![at("a.go", "one")],
            running: false,
            generation: None,
            ms: 1,
        });
        assert_eq!(
            failed.as_deref(),
            Some("fire api  not built: a.go:14:9: one")
        );
    }
}
