//! One package: its tests run plain and moved, and once more where they differ, to tell what is fire's doing.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::engine::Engine;
use crate::engine::trial::{Limits, Moved, Ran, Reading, Trial, run, run_slowed, test_environment};
use crate::facts::{Function, Package, Refusal};
use crate::project::Project;

use super::build::{Built, Pair};
use super::compare::{Difference, compare, pattern};
use super::outcomes::Outcomes;
use super::{Options, PackageReport, Progress, benchmarks};

/// How often a difference must show again to be one, and how often the plain tests are run to see whether it is theirs.
const AGAIN: usize = 2;

/// Moved tests may take longer than plain ones by this factor, on top of the time that plain ones are given.
const SLOWER: u32 = 60;

/// Tests that take less than so many times as long are not slow, and none is made slower than this.
const SLOW: f64 = 1.2;
const SLOWEST: f64 = 1000.0;

/// How many times as long moved code computes: the median over the modules of `tests/modules.txt`. For tests that take no longer as
/// a whole, because they wait most of the time or do less when they are late.
const MOVED: f64 = 50.0;

/// How often the right slowness is looked for.
const TRIES: usize = 3;

/// What is shorter than this cannot be measured.
const SHORT: Duration = Duration::from_micros(50);

/// A plain run shorter than this tells nothing of the slowdown.
const TELLING: Duration = Duration::from_millis(20);

/// Nothing happens for so long only if nothing will.
const IDLE: Duration = Duration::from_secs(60);

/// One package's verification.
pub struct PackageRun<'a> {
    pub engine: &'a mut Engine,
    pub project: &'a Project,
    pub options: &'a Options,
    pub package: &'a Package,
    pub reading: &'a Reading,
    pub progress: &'a Progress,
    pub label: String,
}

/// What it came to.
#[derive(Default)]
pub struct Verified {
    pub report: PackageReport,
    pub calls: u64,
    /// Functions that were moved.
    pub functions: Vec<String>,
    /// Functions that stayed native although the rewriter takes them.
    pub left: Vec<Refusal>,
}

impl PackageRun<'_> {
    /// Runs the package's tests as the options have it.
    pub async fn verify(&mut self, built: &Built) -> Result<Verified, String> {
        let mut verified = Verified::default();
        verified.report.package.clone_from(&self.package.path);
        let pair = match built {
            Built::Both(pair) => pair,
            Built::Nothing(message) => {
                verified
                    .report
                    .notes
                    .push(format!("nothing to compare: {message}"));
                return Ok(verified);
            }
            Built::PlainOnly(message) => {
                verified.report.differences.push(Difference {
                    test: String::new(),
                    plain: "built".into(),
                    moved: format!("not built: {message}"),
                });
                return Ok(verified);
            }
        };
        let arguments = self.arguments(self.options.run.as_deref(), self.options.timeout);
        let plain = self.plain(pair, &arguments, "plain").await;
        let moved = self
            .moved(pair, &plain, self.options.run.as_deref(), None, "moved")
            .await?;
        verified.calls = moved.calls;
        verified.functions.clone_from(&moved.functions);
        verified.left.clone_from(&moved.left);
        verified.report.plain = Outcomes::read(&plain.output).counts();
        verified.report.moved = Outcomes::read(&moved.ran.output).counts();
        verified.report.notes.extend(moved.deaths.iter().cloned());
        if !moved.sent_home.is_empty() {
            verified.report.notes.push(format!(
                "{} functions ran at home again after {} s, so that the tests end: {}",
                moved.sent_home.len(),
                self.budget(&plain).unwrap_or_default().as_secs(),
                moved.sent_home.join(", ")
            ));
        }
        if let Some(failure) = &moved.failure {
            verified.report.differences.push(Difference {
                test: String::new(),
                plain: "run".into(),
                moved: format!("not moved: {failure}"),
            });
            return Ok(verified);
        }
        if plain.took >= TELLING {
            verified.report.slowdown =
                Some(moved.ran.took.as_secs_f64() / plain.took.as_secs_f64());
        }
        let differences = compare(&plain, &moved.ran);
        if !differences.is_empty() {
            self.judge(pair, &plain, differences, &mut verified.report)
                .await?;
        }
        if self.options.bisect && !verified.report.differences.is_empty() {
            verified.report.culprits = self
                .bisect(pair, &plain, &verified.report.differences, &moved.functions)
                .await?;
        }
        if let Some(pattern) = &self.options.bench {
            verified.report.benchmarks = self.benchmarks(pair, pattern).await?;
        }
        Ok(verified)
    }

    /// Tells differences that are fire's from those that the tests have by themselves, and from what happened once.
    async fn judge(
        &mut self,
        pair: &Pair,
        plain: &Ran,
        differences: Vec<Difference>,
        report: &mut PackageReport,
    ) -> Result<(), String> {
        let arguments = self.arguments(self.options.run.as_deref(), self.options.timeout);
        let (mut flaky, mut parts) = (BTreeSet::new(), BTreeSet::new());
        for n in 0..AGAIN {
            let again = self
                .plain(pair, &arguments, &format!("plain again, {}", n + 1))
                .await;
            for one in compare(plain, &again) {
                parts.extend(one.one_sided().map(str::to_owned));
                flaky.insert(one.test);
            }
        }
        let (own, rest): (Vec<_>, Vec<_>) = differences.into_iter().partition(|one| {
            flaky.contains(&one.test) || one.one_sided().is_some_and(|part| parts.contains(part))
        });
        report.flaky = own.into_iter().map(|one| one.test).collect();
        if rest.is_empty() {
            return Ok(());
        }
        // The tests in question alone: a test that needs an earlier one fails plain as well then, and is judged as a whole.
        let alone = pattern(&rest).or_else(|| self.options.run.clone());
        let arguments = self.arguments(alone.as_deref(), self.options.timeout);
        let mut seen = vec![0; rest.len()];
        let before = self.plain(pair, &arguments, "plain, these alone").await;
        let mut last = Ran::default();
        for n in 0..AGAIN {
            let label = format!("moved again, {}", n + 1);
            let moved = self
                .moved(pair, plain, alone.as_deref(), None, &label)
                .await?;
            let now = compare(&before, &moved.ran);
            for (count, one) in seen.iter_mut().zip(&rest) {
                *count += usize::from(
                    moved.failure.is_some() || now.iter().any(|other| other.test == one.test),
                );
            }
            last = moved.ran;
            if seen.iter().all(|count| *count > 0) {
                break;
            }
        }
        let failing: Vec<&str> = seen
            .iter()
            .zip(&rest)
            .filter(|(count, one)| **count > 0 && one.failed())
            .map(|(_, one)| one.test.as_str())
            .collect();
        let slowed = self
            .slowed(pair, &before, &last, &failing, &arguments)
            .await;
        for (count, one) in seen.into_iter().zip(rest) {
            if count > 0 && slowed.contains(&one.test) {
                report.slow.push(one);
            } else if count > 0 {
                report.differences.push(one);
            } else {
                report.unsteady.push(one);
            }
        }
        Ok(())
    }

    /// Those tests of the failing ones that fail plain too when the process is held up so that they take as long as they did moved: they
    /// are about how long something takes.
    async fn slowed(
        &self,
        pair: &Pair,
        plain: &Ran,
        moved: &Ran,
        failing: &[&str],
        arguments: &[String],
    ) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut factor = slower(plain, moved, failing);
        let whole = moved.took * 3 + Duration::from_secs(30);
        let limits = Limits { whole, idle: whole };
        for _ in 0..TRIES {
            if failing.iter().all(|test| found.contains(*test)) {
                break;
            }
            let done = self
                .progress
                .begin(format!("{}: plain, slowed down", self.label));
            let command = self.command(&pair.plain, arguments);
            let waits = factor < SLOW;
            let held = if waits { MOVED } else { factor };
            let slowed = run_slowed(command, limits, held, done).await;
            let failed = compare(plain, &slowed).into_iter();
            found.extend(failed.filter(Difference::failed).map(|one| one.test));
            if waits {
                break;
            }
            // How long the plain run took depends on what else the machine was at. If it took long enough, the test waits.
            let short = slower(&slowed, moved, failing);
            factor = if short > 1.0 {
                (factor * short * SLOW).min(SLOWEST)
            } else {
                short
            };
        }
        found
    }

    pub(super) fn arguments(&self, pattern: Option<&str>, limit: Duration) -> Vec<String> {
        let mut arguments = vec![
            "-test.v=test2json".to_owned(),
            "-test.paniconexit0".to_owned(),
            format!("-test.timeout={}s", limit.as_secs()),
        ];
        arguments.extend(pattern.map(|pattern| format!("-test.run={pattern}")));
        arguments.extend(
            self.options
                .count
                .map(|count| format!("-test.count={count}")),
        );
        if self.options.short {
            arguments.push("-test.short".into());
        }
        arguments
    }

    pub(super) async fn plain(&self, pair: &Pair, arguments: &[String], doing: &str) -> Ran {
        let done = self.progress.begin(format!("{}: {doing}", self.label));
        let limits = Limits {
            whole: self.options.timeout + Duration::from_secs(30),
            idle: self.options.timeout,
        };
        run(self.command(&pair.plain, arguments), limits, done).await
    }

    fn command(&self, binary: &Path, arguments: &[String]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(&self.package.dir)
            .envs(test_environment(self.project, self.package));
        command
    }

    /// The functions that are moved in this package's test binary.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut held = self.reading.held_by(self.package);
        if !self.options.only.is_empty() {
            held.retain(|function| self.options.only.contains(&function.id));
        }
        held
    }

    fn budget(&self, plain: &Ran) -> Option<Duration> {
        Some(self.options.budget? + plain.took * 2)
    }

    /// Runs with everything moved, or with some functions of it.
    pub(super) async fn moved(
        &mut self,
        pair: &Pair,
        plain: &Ran,
        pattern: Option<&str>,
        only: Option<&BTreeSet<String>>,
        doing: &str,
    ) -> Result<Moved, String> {
        let whole = self.options.timeout + plain.took * SLOWER;
        let arguments = self.arguments(pattern, whole);
        self.moved_with(pair, plain, &arguments, whole, only, doing)
            .await
    }

    pub(super) async fn moved_with(
        &mut self,
        pair: &Pair,
        plain: &Ran,
        arguments: &[String],
        whole: Duration,
        only: Option<&BTreeSet<String>>,
        doing: &str,
    ) -> Result<Moved, String> {
        let done = self.progress.begin(format!("{}: {doing}", self.label));
        let budget = self.budget(plain);
        let functions = self.functions();
        self.engine
            .run_moved(Trial {
                binary: &pair.moved,
                arguments,
                package: self.package,
                functions,
                only,
                limits: Limits {
                    whole: whole + Duration::from_secs(30),
                    idle: IDLE + plain.took * 2,
                },
                budget,
                done,
            })
            .await
    }

    async fn benchmarks(
        &mut self,
        pair: &Pair,
        pattern: &str,
    ) -> Result<Vec<benchmarks::Benchmark>, String> {
        let mut arguments = self.arguments(Some("^$"), self.options.timeout);
        arguments.push(format!("-test.bench={pattern}"));
        arguments.push("-test.benchtime=100ms".into());
        let plain = self.plain(pair, &arguments, "benchmarks, plain").await;
        let whole = self.options.timeout + plain.took * SLOWER;
        let moved = self
            .moved_with(pair, &plain, &arguments, whole, None, "benchmarks, moved")
            .await?;
        Ok(benchmarks::pair(&plain.output, &moved.ran.output))
    }
}

/// How many times as long the slowest of some tests took moved.
fn slower(plain: &Ran, moved: &Ran, tests: &[&str]) -> f64 {
    tests
        .iter()
        .filter_map(|name| Some((plain.each.get(*name)?, moved.each.get(*name)?)))
        .map(|(was, is)| is.as_secs_f64() / was.max(&SHORT).as_secs_f64())
        .fold(0.0, f64::max)
        .min(SLOWEST)
}
