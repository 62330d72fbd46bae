//! A module's own tests, plain and with its functions moved, compared test by test.
//!
//! Place in the flow: beside the session; it drives the same engine. It writes nothing into the user's repository but
//! `.fire/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::process::Command;

use crate::engine::Engine;
use crate::engine::trial::{Ran, Reading, run};
use crate::facts::Package;
use crate::project::Project;

/// How tests are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// `-test.run`.
    pub run: Option<String>,
    /// `-test.short`.
    pub short: bool,
    /// Move this function alone.
    pub only: Option<String>,
    /// How long one package's tests may take.
    pub timeout: Duration,
}

/// How many tests did what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
}

/// A test that ended differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name; empty for the package as a whole.
    pub test: String,
    /// How it ended plain.
    pub plain: String,
    /// How it ended moved.
    pub moved: String,
}

/// One package.
#[derive(Debug, Clone, Serialize)]
pub struct PackageReport {
    /// Import path.
    pub package: String,
    /// Without fire.
    pub plain: Counts,
    /// With its functions moved.
    pub moved: Counts,
    /// None, if fire keeps its promise.
    pub differences: Vec<Difference>,
}

/// All of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Those with tests.
    pub packages: Vec<PackageReport>,
    /// Calls that ran in a worker.
    pub calls_moved: u64,
    /// Functions that ran there when called, at most over the packages' runs.
    pub functions_moved: usize,
    /// Functions that can be moved.
    pub movable: usize,
    /// All functions.
    pub total: usize,
    /// Whether no test differs.
    pub equal: bool,
    /// Functions that stayed native: id → why.
    #[serde(skip)]
    pub left: BTreeMap<String, String>,
}

/// Verifies the packages that the project names. `tell` is called with each package's report as it is done.
pub async fn verify(
    project: &Project,
    options: &Options,
    mut tell: impl FnMut(&PackageReport),
) -> Result<Report, String> {
    let mut engine = Engine::new(project).map_err(|degraded| degraded.message)?;
    let reading = match engine.read().await? {
        Ok(reading) => reading,
        Err(findings) => {
            let lines: Vec<String> = findings
                .iter()
                .map(|finding| {
                    format!(
                        "{}:{}:{}: {}",
                        finding.file, finding.line, finding.col, finding.message
                    )
                })
                .collect();
            return Err(lines.join("\n"));
        }
    };
    let mut report = Report {
        total: reading.functions.len(),
        ..Report::default()
    };
    let mut moved_ids = std::collections::BTreeSet::new();
    for function in &reading.functions {
        if let Some(code) = &function.reason {
            let detail = function.detail.clone().unwrap_or_default();
            report
                .left
                .insert(function.id.clone(), format!("{code}: {detail}"));
        } else {
            moved_ids.insert(function.id.clone());
        }
    }
    let binaries = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (n, package) in reading
        .packages
        .iter()
        .enumerate()
        .filter(|(_, package)| package.tests)
    {
        let directory = binaries.path().join(n.to_string());
        let done = one(
            &mut engine,
            project,
            options,
            package,
            &reading,
            &directory,
            &mut report,
        )
        .await?;
        tell(&done);
        report.packages.push(done);
    }
    for id in report.left.keys() {
        moved_ids.remove(id);
    }
    report.functions_moved = moved_ids.len();
    report.movable = moved_ids.len();
    report.equal = report
        .packages
        .iter()
        .all(|package| package.differences.is_empty());
    engine.finish().await;
    Ok(report)
}

async fn one(
    engine: &mut Engine,
    project: &Project,
    options: &Options,
    package: &Package,
    reading: &Reading,
    directory: &Path,
    report: &mut Report,
) -> Result<PackageReport, String> {
    std::fs::create_dir_all(directory).map_err(|error| error.to_string())?;
    let mut arguments = vec![
        "-test.v=test2json".to_owned(),
        "-test.paniconexit0".to_owned(),
        format!("-test.timeout={}s", options.timeout.as_secs()),
    ];
    arguments.extend(
        options
            .run
            .iter()
            .map(|pattern| format!("-test.run={pattern}")),
    );
    if options.short {
        arguments.push("-test.short".into());
    }
    let whole = |moved: String| PackageReport {
        package: package.path.clone(),
        plain: Counts::default(),
        moved: Counts::default(),
        differences: vec![Difference {
            test: String::new(),
            plain: "built".into(),
            moved,
        }],
    };
    let plain_binary = directory.join("plain.test");
    if let Err(error) = build(project, package, None, &plain_binary).await {
        // Nothing to compare: the package's tests do not build without fire either.
        tracing::info!(package = package.path, error, "the tests do not build");
        return Ok(PackageReport {
            differences: Vec::new(),
            ..whole(String::new())
        });
    }
    let moved_binary = directory.join("moved.test");
    if let Err(error) = build(project, package, Some(&reading.overlay), &moved_binary).await {
        return Ok(whole(format!("not built: {error}")));
    }
    if !plain_binary.exists() {
        return Ok(PackageReport {
            differences: Vec::new(),
            ..whole(String::new())
        });
    }
    let mut command = Command::new(&plain_binary);
    command.args(&arguments).current_dir(&package.dir);
    let limit = options.timeout + Duration::from_secs(30);
    let plain = run(command, limit).await;
    let moved = engine
        .run_moved(
            &moved_binary,
            &arguments,
            package,
            reading,
            options.only.as_deref(),
            limit,
        )
        .await?;
    report.calls_moved += moved.calls;
    for left in &moved.left {
        report
            .left
            .entry(left.function.clone())
            .or_insert_with(|| format!("{}: {}", left.code, left.detail));
    }
    if let Some(failure) = &moved.failure {
        return Ok(whole(format!("not moved: {failure}")));
    }
    let (before, after) = (outcomes(&plain.output), outcomes(&moved.ran.output));
    Ok(PackageReport {
        package: package.path.clone(),
        plain: counts(&before),
        moved: counts(&after),
        differences: compare(&plain, &moved.ran, &before, &after),
    })
}

async fn build(
    project: &Project,
    package: &Package,
    overlay: Option<&PathBuf>,
    into: &Path,
) -> Result<(), String> {
    let mut command = Command::new(&project.toolchain.go);
    command.args(["test", "-c", "-vet=off", "-o"]).arg(into);
    if let Some(overlay) = overlay {
        command.arg(format!("-overlay={}", overlay.display()));
    }
    command
        .args(crate::build::option_flags(&project.build))
        .arg(&package.path)
        .current_dir(&project.root)
        .envs(
            project
                .build
                .environment
                .iter()
                .map(|(key, value)| (key, value)),
        )
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Test → (how it ended, what it printed). The framing byte of `-test.v=test2json` marks the testing package's lines.
fn outcomes(output: &str) -> BTreeMap<String, (String, String)> {
    let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut current = String::new();
    for line in output.split_inclusive('\n') {
        let (text, framed) = match line.split_once('\u{16}') {
            Some((before, framed)) => (before, Some(framed)),
            None => (line, None),
        };
        if !current.is_empty() && !text.is_empty() {
            found.entry(current.clone()).or_default().1.push_str(text);
        }
        let Some(framed) = framed else { continue };
        let words: Vec<&str> = framed.split_whitespace().collect();
        match words.as_slice() {
            ["===", "RUN" | "CONT" | "NAME", name, ..] => current = (*name).to_owned(),
            ["===", "NAME"] => current.clear(),
            ["---", ending, name, ..] => {
                let ending = match *ending {
                    "PASS:" => "pass",
                    "FAIL:" => "fail",
                    "SKIP:" => "skip",
                    _ => continue,
                };
                found.entry((*name).to_owned()).or_default().0 = ending.into();
                current = (*name).to_owned();
            }
            _ => {}
        }
    }
    found
}

fn counts(outcomes: &BTreeMap<String, (String, String)>) -> Counts {
    let of = |ending: &str| {
        outcomes
            .values()
            .filter(|(found, _)| found == ending)
            .count()
    };
    Counts {
        passed: of("pass"),
        failed: of("fail"),
    }
}

fn compare(
    plain: &Ran,
    moved: &Ran,
    before: &BTreeMap<String, (String, String)>,
    after: &BTreeMap<String, (String, String)>,
) -> Vec<Difference> {
    let shown = |outcome: Option<&(String, String)>| match outcome {
        None => "not run".to_owned(),
        Some((ending, text)) if ending.is_empty() => format!("did not end\n{}", text.trim_end()),
        Some((ending, text)) if ending == "fail" => format!("fail\n{}", text.trim_end()),
        Some((ending, _)) => ending.clone(),
    };
    let mut differences = Vec::new();
    for name in before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(*name)))
    {
        let (was, is) = (before.get(name), after.get(name));
        if was.map(|(ending, _)| ending) != is.map(|(ending, _)| ending) {
            differences.push(Difference {
                test: name.clone(),
                plain: shown(was),
                moved: shown(is),
            });
        }
    }
    // What went wrong first; tests that were not run any more are its consequence.
    differences.sort_by_key(|difference| match difference.moved.as_str() {
        text if text.starts_with("did not end") => 0,
        text if text.starts_with("fail") => 1,
        _ => 2,
    });
    if differences.is_empty() && (plain.code != moved.code || plain.timed_out != moved.timed_out) {
        let ended = |ran: &Ran| {
            let tail: Vec<&str> = ran.output.lines().rev().take(40).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            let how = if ran.timed_out {
                "out of time".to_owned()
            } else {
                format!("exit status {}", ran.code)
            };
            format!("{how}\n{}", tail.join("\n"))
        };
        differences.push(Difference {
            test: String::new(),
            plain: ended(plain),
            moved: ended(moved),
        });
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_read_from_framed_lines_alone() {
        let output = "\u{16}=== RUN   TestA\n--- FAIL: TestFake\nprinted\u{16}--- PASS: TestA (0.00s)\n\
                      \u{16}=== RUN   TestB\n\u{16}=== RUN   TestB/one\n    \u{16}--- FAIL: TestB/one (0.00s)\n\u{16}--- FAIL: TestB (0.00s)\n";
        let found = outcomes(output);
        assert_eq!(found["TestA"].0, "pass");
        assert_eq!(found["TestB"].0, "fail");
        assert_eq!(found["TestB/one"].0, "fail");
        assert!(!found.contains_key("TestFake"));
        assert_eq!(
            counts(&found),
            Counts {
                passed: 1,
                failed: 2
            }
        );
    }

    #[test]
    fn a_test_that_ends_differently_is_a_difference() {
        let plain = Ran {
            output: "\u{16}=== RUN   TestA\n\u{16}--- PASS: TestA (0.00s)\n".into(),
            ..Ran::default()
        };
        let moved = Ran {
            output: "\u{16}=== RUN   TestA\n    a.go:1: no\n\u{16}--- FAIL: TestA (0.00s)\n".into(),
            code: 1,
            ..Ran::default()
        };
        let (before, after) = (outcomes(&plain.output), outcomes(&moved.output));
        let found = compare(&plain, &moved, &before, &after);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].plain, "pass");
        assert!(found[0].moved.contains("a.go:1: no"), "{}", found[0].moved);
    }
}
