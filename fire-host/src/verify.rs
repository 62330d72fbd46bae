//! A module's own tests, plain and with its functions moved, compared test by test.
//!
//! Place in the flow: beside the session; it drives the same engine. It writes nothing into the user's repository but
//! `.fire/`.

mod benchmarks;
mod bisect;
mod build;
mod compare;
mod goroutines;
mod outcomes;
mod package;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::engine::Engine;
use crate::project::Project;

pub use benchmarks::Benchmark;
pub use compare::Difference;
pub use outcomes::Counts;

/// How tests are run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `-test.run`.
    pub run: Option<String>,
    /// `-test.short`.
    pub short: bool,
    /// `-test.count`.
    pub count: Option<u32>,
    /// Move these functions alone; empty: all.
    pub only: Vec<String>,
    /// How long one package's tests may take plain; moved, so much longer as they are slower.
    pub timeout: Duration,
    /// After this long, the busiest functions of a package run at home again; none: never.
    pub budget: Option<Duration>,
    /// Find the function that makes the first difference of each package.
    pub bisect: bool,
    /// Run these benchmarks too (`-test.bench`).
    pub bench: Option<String>,
}

/// One package.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PackageReport {
    /// Import path.
    pub package: String,
    /// Without fire.
    pub plain: Counts,
    /// With its functions moved.
    pub moved: Counts,
    /// None, if fire keeps its promise.
    pub differences: Vec<Difference>,
    /// Tests that end differently from one plain run to the next.
    #[serde(skip)]
    pub flaky: Vec<String>,
    /// Tests that ended differently moved once and not again, twice.
    #[serde(skip)]
    pub unsteady: Vec<Difference>,
    /// Tests that fail moved, and plain as well if that is as slow.
    #[serde(skip)]
    pub slow: Vec<Difference>,
    /// What else is worth telling.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Moved time over plain time; none: too short to say.
    #[serde(skip)]
    pub slowdown: Option<f64>,
    /// The functions that make the first difference, if they were looked for.
    #[serde(skip)]
    pub culprits: Vec<String>,
    /// What moving costs, if that was asked.
    #[serde(skip)]
    pub benchmarks: Vec<Benchmark>,
}

/// All of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Those with tests.
    pub packages: Vec<PackageReport>,
    /// Calls that ran in a worker.
    pub calls_moved: u64,
    /// Functions whose calls went to a worker in the run of at least one package.
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
    /// Packages that Go itself does not accept: path and message.
    #[serde(skip)]
    pub broken: Vec<(String, String)>,
}

impl Report {
    /// The median over the packages of moved time over plain time.
    pub fn slowdown(&self) -> Option<f64> {
        let mut all: Vec<f64> = self
            .packages
            .iter()
            .filter_map(|package| package.slowdown)
            .collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

/// How far a verification is, for whoever shows it meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    doing: Arc<Mutex<String>>,
    /// Tests that have ended in the present run.
    done: Arc<AtomicUsize>,
}

impl Progress {
    /// What is being done, and how many tests have ended.
    pub fn now(&self) -> (String, usize) {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        (doing.clone(), self.done.load(Ordering::Relaxed))
    }

    fn begin(&self, what: String) -> Arc<AtomicUsize> {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = what;
        self.done.store(0, Ordering::Relaxed);
        self.done.clone()
    }
}

/// Verifies the packages that the project names. `tell` is called with each package's report as it is done.
pub async fn verify(
    project: &Project,
    options: &Options,
    progress: &Progress,
    mut tell: impl FnMut(&PackageReport),
) -> Result<Report, String> {
    progress.begin("reading the module".into());
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
    known(&options.only, &reading.functions)?;
    let mut report = Report {
        total: reading.functions.len(),
        ..Report::default()
    };
    for broken in &reading.broken {
        report
            .broken
            .push((broken.package.clone(), broken.message.clone()));
    }
    for function in &reading.functions {
        if let Some(code) = &function.reason {
            let detail = function.detail.clone().unwrap_or_default();
            report
                .left
                .insert(function.id.clone(), format!("{code}: {detail}"));
        }
    }
    let tested: Vec<_> = reading
        .packages
        .iter()
        .filter(|package| package.tests && package.named)
        .cloned()
        .collect();
    let mut binaries = build::Binaries::start(project, &tested, &reading.overlay)
        .map_err(|error| error.to_string())?;
    let mut moved = BTreeSet::new();
    for (n, package) in tested.iter().enumerate() {
        let label = format!("{}/{} {}", n + 1, tested.len(), package.path);
        progress.begin(format!("{label}: building"));
        let Some(built) = binaries.next().await else {
            break;
        };
        let mut run = package::PackageRun {
            engine: &mut engine,
            project,
            options,
            package,
            reading: &reading,
            progress,
            label,
        };
        let verified = run.verify(&built).await?;
        report.calls_moved += verified.calls;
        moved.extend(verified.functions);
        for left in verified.left {
            report
                .left
                .entry(left.function)
                .or_insert_with(|| format!("{}: {}", left.code, left.detail));
        }
        tell(&verified.report);
        report.packages.push(verified.report);
    }
    report.functions_moved = moved.len();
    report.movable = report.total - report.left.len();
    report.equal = report
        .packages
        .iter()
        .all(|package| package.differences.is_empty());
    engine.finish().await;
    Ok(report)
}

/// An unknown function is a mistake on the command line.
fn known(only: &[String], functions: &[crate::facts::Function]) -> Result<(), String> {
    for wanted in only {
        if functions.iter().any(|function| function.id == *wanted) {
            continue;
        }
        let nearest = functions.iter().max_by(|a, b| {
            strsim::jaro_winkler(&a.id, wanted).total_cmp(&strsim::jaro_winkler(&b.id, wanted))
        });
        let hint = nearest.map_or_else(String::new, |near| format!("; the nearest is {}", near.id));
        return Err(format!("no function {wanted}{hint}"));
    }
    Ok(())
}
