//! The conformance suite: small Go programs that must behave alike whether their functions run at home or in workers.
//!
//! Every program is one file `tests/conformance/NAME.txtar`: a sentence of prose, then Go files. Its `package main`
//! becomes a package of its own and its `main` becomes `Main`, so that one binary holds all of them and everything
//! that a program does can move. `//conform:refuses FUNCTION CODE` names a function that must be refused;
//! `//conform:exits` marks a program that is meant to end with an exit code other than 0.

mod module;
mod moved;
mod program;

use std::sync::Arc;

use tokio::sync::Semaphore;

pub use moved::Split;
use moved::Stage;
use program::Program;

/// Runs the programs whose name contains one of the words of `FIRE_CONFORMANCE`, all by default, and returns one text
/// for each that differs.
///
/// # Panics
/// When the programs do not build.
pub async fn run(
    transport: Arc<dyn fire_plugin_api::Transport>,
    name: &str,
    split: Split,
) -> Vec<String> {
    let programs = program::read_all(std::env::var("FIRE_CONFORMANCE").ok().as_deref());
    assert!(!programs.is_empty(), "no program has such a name");
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/conformance")
        .join(format!("{name}-{split:?}").to_lowercase());
    let stage = Arc::new(Stage::build(&directory, &programs, transport).await);
    let width = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let permits = Arc::new(Semaphore::new(width));
    let mut tasks = Vec::new();
    for program in programs {
        let (stage, permits) = (stage.clone(), permits.clone());
        tasks.push(tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            let differences = judge(&stage, &program, split).await;
            (!differences.is_empty()).then(|| {
                format!(
                    "{}:\n    {}",
                    program.name,
                    differences.join("\n").replace('\n', "\n    ")
                )
            })
        }));
    }
    let mut failures = Vec::new();
    for task in tasks {
        failures.extend(task.await.expect("a program's task does not panic"));
    }
    failures
}

async fn judge(stage: &Stage, program: &Program, split: Split) -> Vec<String> {
    let mut differences = Vec::new();
    let (movable, mut wrong) = stage.movable(program);
    differences.append(&mut wrong);
    let plain = stage.plain(program).await;
    if plain.code != Some(0) && !program.exits {
        differences.push(format!("plain: exit {:?}\n{}", plain.code, plain.stderr));
    }
    match stage.moved(program, &movable, split).await {
        Err(error) => differences.push(error),
        Ok(moved) => {
            for (what, plain, moved) in [
                ("stdout", &plain.stdout, &moved.stdout),
                ("stderr", &plain.stderr, &moved.stderr),
            ] {
                if plain != moved {
                    differences.push(format!(
                        "{what} differs\n--- plain\n{plain}\n--- moved\n{moved}"
                    ));
                }
            }
            if plain.code != moved.code {
                differences.push(format!(
                    "exit: plain {:?}, moved {:?}",
                    plain.code, moved.code
                ));
            }
        }
    }
    differences
}
