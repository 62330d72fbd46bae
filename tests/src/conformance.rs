//! The conformance suite: small Go programs that must behave alike whether their functions run at home or in workers.
//!
//! Every program is one file `tests/conformance/NAME.txtar`: a sentence of prose, then Go files. Its `package main`
//! becomes a package of its own and its `main` becomes `Main`, so that one binary holds all of them and everything
//! that a program does can move. `//conform:refuses FUNCTION CODE` names a function that must be refused;
//! `//conform:native PACKAGE` a package whose functions stay at home; `//conform:exits` marks a program that is meant to
//! end with an exit code other than 0.
//!
//! All programs are built once, with a Go half that holds every transport; a program's workers are built once for each
//! split, and run over each transport.

mod module;
mod moved;
mod program;
mod transports;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;

use moved::Stage;
pub use moved::{Outcome, Split};
pub use program::{Program, parse, read_all};
pub use transports::Over;

/// Runs that differ from the plain one.
#[derive(Debug)]
pub struct Difference {
    pub program: String,
    /// How the functions were spread. None: it is about the program itself.
    pub split: Option<Split>,
    pub over: Option<Over>,
    pub text: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.program)?;
        if let Some(split) = self.split {
            write!(f, ", split {split:?}")?;
        }
        if let Some(over) = self.over {
            write!(f, ", over {}", over.name())?;
        }
        write!(f, ":\n    {}", self.text.replace('\n', "\n    "))
    }
}

/// Runs programs plain and in every split over every transport.
///
/// # Panics
/// When the programs do not build.
pub async fn run(
    directory: &Path,
    programs: Vec<Program>,
    splits: fn(&Program) -> Vec<Split>,
    overs: &'static [Over],
) -> Vec<Difference> {
    assert!(!programs.is_empty(), "no program has such a name");
    let stage = Arc::new(Stage::build(directory, &programs, &[]).await);
    let width = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let permits = Arc::new(Semaphore::new(width));
    let mut tasks = Vec::new();
    for program in programs {
        let (stage, permits) = (stage.clone(), permits.clone());
        tasks.push(tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            let splits = splits(&program);
            let mut judged = Judged::new(&program);
            judged.judge(&stage, &splits, overs).await;
            if judged.differences.is_empty() {
                // An error leaves files behind that nobody looks at.
                let _ = std::fs::remove_dir_all(stage.shadows(&program));
            }
            judged.differences
        }));
    }
    let mut differences = Vec::new();
    for task in tasks {
        differences.extend(task.await.expect("a program's task does not panic"));
    }
    differences
}

/// Runs one program over shared memory and gives how it ended, plain and moved.
///
/// # Panics
/// When it does not build or run.
pub async fn outcomes(
    directory: &Path,
    program: Program,
    split: Split,
    flags: &[&str],
) -> (Outcome, Outcome) {
    let stage = Stage::build(directory, std::slice::from_ref(&program), flags).await;
    let (movable, wrong) = stage.movable(&program);
    assert!(wrong.is_empty(), "{wrong:?}");
    let plain = stage.plain(&program).await;
    let workers = stage.workers(&program, &movable, split).await;
    let workers = workers.expect("the workers build");
    let moved = stage.moved(&program, &workers, Over::Shm).await;
    (plain, moved.expect("the program runs"))
}

/// A program and what was found about it.
struct Judged<'a> {
    program: &'a Program,
    differences: Vec<Difference>,
}

impl<'a> Judged<'a> {
    fn new(program: &'a Program) -> Self {
        Self {
            program,
            differences: Vec::new(),
        }
    }

    fn add(&mut self, split: Option<Split>, over: Option<Over>, text: String) {
        self.differences.push(Difference {
            program: self.program.name.clone(),
            split,
            over,
            text,
        });
    }

    async fn judge(&mut self, stage: &Stage, splits: &[Split], overs: &[Over]) {
        let (movable, wrong) = stage.movable(self.program);
        for text in wrong {
            self.add(None, None, text);
        }
        let plain = stage.plain(self.program).await;
        if plain.code != Some(0) && !self.program.exits {
            let text = format!("plain: exit {:?}\n{}", plain.code, plain.stderr);
            self.add(None, None, text);
        }
        for &split in splits {
            let workers = match stage.workers(self.program, &movable, split).await {
                Ok(workers) => workers,
                Err(error) => {
                    self.add(Some(split), None, error);
                    continue;
                }
            };
            for &over in overs {
                match stage.moved(self.program, &workers, over).await {
                    Err(error) => self.add(Some(split), Some(over), error),
                    Ok(moved) => {
                        if let Some(text) = difference(&plain, &moved) {
                            self.add(Some(split), Some(over), text);
                        }
                    }
                }
            }
        }
    }
}

fn difference(plain: &Outcome, moved: &Outcome) -> Option<String> {
    let mut texts = Vec::new();
    for (what, plain, moved) in [
        ("stdout", &plain.stdout, &moved.stdout),
        ("stderr", &plain.stderr, &moved.stderr),
    ] {
        if plain != moved {
            texts.push(format!("{what} differs\n{}", around(plain, moved)));
        }
    }
    if plain.code != moved.code {
        texts.push(format!(
            "exit: plain {:?}, moved {:?}",
            plain.code, moved.code
        ));
    }
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The first lines that differ, and some before them.
fn around(plain: &str, moved: &str) -> String {
    let (plain, moved): (Vec<&str>, Vec<&str>) = (plain.lines().collect(), moved.lines().collect());
    let same = plain
        .iter()
        .zip(&moved)
        .take_while(|(plain, moved)| plain == moved)
        .count();
    let part = |lines: &[&str]| {
        let end = lines.len().min(same + 12);
        lines[same.saturating_sub(12).min(end)..end].join("\n")
    };
    // Programs with several parts head each.
    let heading = plain[..same].iter().rfind(|line| line.starts_with("# "));
    format!(
        "{}\n--- plain, from line {}\n{}\n--- moved\n{}",
        heading.unwrap_or(&""),
        same.saturating_sub(12) + 1,
        part(&plain),
        part(&moved)
    )
}
