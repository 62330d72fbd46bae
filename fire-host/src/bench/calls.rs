//! Calls of moved functions between a real home and a real worker, and what the dispatch check costs the others.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::engine::trial::{Limits, Reading, Trial};
use crate::go_program::{run, write};
use crate::project::Project;
use crate::setup::{Request, SetupError, settle_modules};

use super::transports::Subjects;

const PROGRAM: &str = include_str!("../../go/callbench/main.go");
const MODULE: &str = "module fire.bench/calls\n\ngo 1.22\n";
/// A workspace that the user has set is none of ours.
const SETTINGS: &str = "[build]\nenv = { GOWORK = \"off\" }\n";

/// How often programs with and without dispatch checks are run in turn.
const TURNS: usize = 5;
/// A run takes two seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// What was measured, in nanoseconds.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Calls {
    /// Median of a whole moved call `func(int) int`.
    pub null_call_ns: f64,
    /// 99 of 100 batches of such calls are faster.
    pub null_call_p99_ns: f64,
    /// Median of a moved body's load of a word of home's memory.
    pub load_ns: f64,
    /// Median of a moved body's read of a map of home's with an int key.
    pub map_get_ns: f64,
    /// What the dispatch check adds to a call that has not moved.
    pub native_check_ns: f64,
    /// Median of a bare ping-pong over a cache line, taken right before and after: the better of the two.
    pub ping_pong_ns: u64,
}

/// Writes the measuring program into a directory and settles it as a project.
pub fn settle(directory: &Path, transport: Option<String>) -> Result<Project, SetupError> {
    let root = directory.join("calls");
    for (name, text) in [
        ("go.mod", MODULE),
        ("main.go", PROGRAM),
        ("fire.toml", SETTINGS),
    ] {
        write(&root, name, text).map_err(|error| SetupError::Unreadable {
            path: root.join(name),
            why: std::io::Error::other(error.to_string()),
        })?;
    }
    settle_modules(Request {
        root,
        packages: vec![".".into()],
        transport,
        split: Some("per-package".into()),
        ..Request::default()
    })
}

/// Measures the settled project, beside ping-pongs of the subjects.
pub async fn calls(
    project: &Project,
    directory: &Path,
    subjects: &Subjects,
) -> Result<Calls, String> {
    let mut engine = Engine::new(project).map_err(|degraded| degraded.message)?;
    let reading = engine
        .read()
        .await?
        .map_err(|findings| format!("the measuring program is refused: {findings:?}"))?;
    let checked = directory.join("checked");
    let plain = directory.join("plain");
    let overlay = format!("-overlay={}", reading.overlay.display());
    build(project, Some(&overlay), &checked)?;
    build(project, None, &plain)?;

    let said = |error: fire_plugin_api::Error| error.to_string();
    let before = subjects.ping_pong().map_err(said)?;
    let mut calls = moved(&mut engine, &checked, &reading).await?;
    let after = subjects.ping_pong().map_err(said)?;
    engine.finish().await;
    calls.ping_pong_ns = before.min(after);
    calls.native_check_ns = check(&checked, &plain).map_err(said)?;
    Ok(calls)
}

fn build(project: &Project, overlay: Option<&str>, into: &Path) -> Result<(), String> {
    let environment = project.build.environment.iter().map(|(k, v)| (k, v));
    let mut command = Command::new(&project.toolchain.go);
    command.current_dir(&project.root).envs(environment);
    command.args(["build", "-o"]).arg(into).args(overlay);
    run(command.arg(".")).map(drop).map_err(|e| e.to_string())
}

async fn moved(engine: &mut Engine, program: &Path, reading: &Reading) -> Result<Calls, String> {
    let package = reading.packages.last().ok_or("the program is empty")?;
    let arguments = ["moved".to_owned()];
    let moved = engine
        .run_moved(Trial {
            binary: program,
            arguments: &arguments,
            package,
            functions: reading.held_by(package),
            only: None,
            limits: Limits {
                whole: LIMIT,
                idle: LIMIT,
            },
            budget: None,
            done: Arc::default(),
        })
        .await?;
    if let Some(failure) = moved.failure {
        return Err(failure);
    }
    let output = moved.ran.output.trim();
    let figures: Vec<f64> = output
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    match figures.as_slice() {
        [null, p99, load, get] if moved.calls > 0 => Ok(Calls {
            null_call_ns: rounded(*null),
            null_call_p99_ns: rounded(*p99),
            load_ns: rounded(*load),
            map_get_ns: rounded(*get),
            ..Calls::default()
        }),
        _ => Err(format!("nothing was moved, or measured: {output}")),
    }
}

/// The difference between a program with dispatch checks and one without, in turn.
fn check(checked: &Path, plain: &Path) -> Result<f64, fire_plugin_api::Error> {
    let least = |program: &Path| -> Result<f64, fire_plugin_api::Error> {
        let said = run(Command::new(program).arg("native"))?;
        said.trim()
            .parse()
            .map_err(|_| fire_plugin_api::Error::new(format!("the program answered {said:?}")))
    };
    let (mut with, mut without) = (f64::MAX, f64::MAX);
    for _ in 0..TURNS {
        with = with.min(least(checked)?);
        without = without.min(least(plain)?);
    }
    Ok(rounded((with - without).max(0.0)))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
