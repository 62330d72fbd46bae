//! `fire verify`: the module's own tests, plain and moved.
//!
//! The report goes to stdout; with `--json` that is one object, and the report for people goes to stderr.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use fire_host::setup::{Request, settle_modules};
use fire_host::state::State;
use fire_host::verify::{Options, PackageReport, Progress, Report, verify};

use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Common, Verify};
use crate::output::say;

/// How often the progress line is written anew.
const REFRESH: Duration = Duration::from_millis(250);

/// How much of a difference's text is shown without `-v`.
const LINES: usize = 60;

/// Exit code 0 if nothing differs, 1 otherwise.
pub fn run(common: &Common, options: &Verify) -> anyhow::Result<u8> {
    let root = super::run::root(common)?;
    let project = settle_modules(Request {
        root: root.clone(),
        packages: options.packages.clone(),
        transport: common.transport.clone(),
        split: Some(common.split.clone().unwrap_or_else(|| "per-package".into())),
        policy: common.policy.clone(),
        ..Request::default()
    })?;
    let _state = State::take(&root)?;
    let how = Options {
        run: options.run.clone(),
        short: options.short,
        count: options.count,
        only: options.only.clone(),
        timeout: Duration::from_secs(options.timeout),
        budget: (options.budget > 0).then(|| Duration::from_secs(options.budget)),
        bisect: options.bisect,
        bench: options.bench.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let paper = Paper {
        json: options.json,
        quiet: common.quiet,
        verbose: common.verbose > 0,
        moving: std::io::stderr().is_terminal() && !common.quiet,
    };
    let progress = Progress::default();
    let report = runtime.block_on(async {
        let verified = verify(&project, &how, &progress, |package| paper.line(package));
        let mut terminate = signal(SignalKind::terminate())?;
        let outcome = tokio::select! {
            report = verified => report.map_err(anyhow::Error::msg).map(Ok),
            () = paper.follow(&progress) => Ok(Err(1)),
            _ = tokio::signal::ctrl_c() => Ok(Err(130)),
            _ = terminate.recv() => Ok(Err(143)),
        };
        paper.clear();
        outcome
    })?;
    let report = match report {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    paper.whole(&report);
    if options.json {
        say!("{}", serde_json::to_string(&report)?)?;
    }
    Ok(u8::from(!report.equal))
}

/// Where the report for people goes.
struct Paper {
    json: bool,
    quiet: bool,
    verbose: bool,
    /// stderr is a terminal: the progress line can be written over.
    moving: bool,
}

impl Paper {
    fn say(&self, text: &str) {
        self.clear();
        if self.json {
            eprintln!("{text}");
        } else {
            // Nobody reads: the comparison goes on, and its exit code tells.
            let _ = say!("{text}");
        }
    }

    fn clear(&self) {
        if self.moving {
            eprint!("\r\x1b[K");
        }
    }

    /// Writes the progress line again and again; it never ends.
    async fn follow(&self, progress: &Progress) {
        let mut since = Instant::now();
        let mut last = String::new();
        loop {
            tokio::time::sleep(REFRESH).await;
            if !self.moving {
                continue;
            }
            let (doing, done) = progress.now();
            if doing != last {
                since = Instant::now();
                last.clone_from(&doing);
            }
            let tests = match done {
                0 => String::new(),
                1 => ", 1 test".into(),
                n => format!(", {n} tests"),
            };
            eprint!("\r\x1b[K{doing}{tests}, {} s", since.elapsed().as_secs());
            // A terminal that is gone shows nothing more.
            let _ = std::io::stderr().flush();
        }
    }

    /// One line a package, and what else it had to tell.
    fn line(&self, package: &PackageReport) {
        if self.quiet {
            return;
        }
        let differences = match package.differences.len() {
            0 => "equal".to_owned(),
            1 => "1 difference".to_owned(),
            n => format!("{n} differences"),
        };
        let slowdown = package.slowdown.map_or_else(String::new, |factor| {
            format!("; {factor:.1} times the time")
        });
        self.say(&format!(
            "{differences:<14} {}  plain {} passed, {} failed; moved {} passed, {} failed{slowdown}",
            package.package,
            package.plain.passed,
            package.plain.failed,
            package.moved.passed,
            package.moved.failed
        ));
        for note in &package.notes {
            self.say(&format!("  note: {}", indented(note)));
        }
        if !package.flaky.is_empty() {
            self.say(&format!(
                "  not compared, because they end differently from one plain run to the next: {}",
                package.flaky.join(", ")
            ));
        }
        let (unreached, unsteady): (Vec<_>, Vec<_>) = package
            .unsteady
            .iter()
            .partition(|one| one.is_consequence());
        for one in unsteady {
            self.say(&format!(
                "  unsteady: {} ended differently moved once, and as plain in two runs of its own after that\n    moved: {}",
                one.test,
                self.cut(&one.moved)
            ));
        }
        if !unreached.is_empty() {
            self.say(&format!(
                "  not reached moved once, for the same reason: {} tests, which ended as plain in two runs of their own after that",
                unreached.len()
            ));
        }
        for one in &package.slow {
            self.say(&format!(
                "  slow: {} fails moved, and plain as well if that is made as slow: it is about how long something takes\n    moved: {}",
                one.test,
                self.cut(&one.moved)
            ));
        }
        for benchmark in &package.benchmarks {
            let moved = benchmark.moved_ns.map_or_else(
                || "did not end".to_owned(),
                |ns| format!("{ns:.0} ns moved, {:.1} times", ns / benchmark.plain_ns),
            );
            self.say(&format!(
                "  {}: {:.1} ns plain, {moved}",
                benchmark.name, benchmark.plain_ns
            ));
        }
    }

    /// The first difference of each package in full, and the sum of it all.
    fn whole(&self, report: &Report) {
        if self.quiet {
            return;
        }
        for package in &report.packages {
            if let Some(first) = package.differences.first() {
                self.say(&format!(
                    "\n{} {}\n  plain: {}\n  moved: {}\n  alone: {}",
                    package.package,
                    first.test,
                    self.cut(&first.plain),
                    self.cut(&first.moved),
                    reproduction(package, &first.test)
                ));
                if package.culprits.len() > 1 {
                    self.say("  these functions make the difference together");
                }
                for culprit in &package.culprits {
                    self.say(&format!("  made by: {culprit}"));
                }
            }
        }
        for (package, message) in &report.broken {
            self.say(&format!("left aside: {package}: {}", indented(message)));
        }
        if self.verbose {
            for (function, why) in &report.left {
                self.say(&format!("  native  {function}: {}", indented(why)));
            }
        }
        let slowdown = report.slowdown().map_or_else(String::new, |factor| {
            format!(", {factor:.1} times the time (median)")
        });
        self.say(&format!(
            "{}: {} of {} functions movable, {} moved, {} calls moved{slowdown}",
            if report.equal { "equal" } else { "NOT equal" },
            report.movable,
            report.total,
            report.functions_moved,
            report.calls_moved
        ));
    }

    /// A text, indented, and without its middle if it is long.
    fn cut(&self, text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        if self.verbose || lines.len() <= LINES {
            return indented(text);
        }
        let (first, last) = (&lines[..LINES / 2], &lines[lines.len() - LINES / 2..]);
        let left_out = lines.len() - LINES;
        indented(&format!(
            "{}\n… {left_out} more lines (-v shows them)\n{}",
            first.join("\n"),
            last.join("\n")
        ))
    }
}

/// The command that shows a difference by itself.
fn reproduction(package: &PackageReport, test: &str) -> String {
    let mut command = format!("fire verify {}", package.package);
    let top = test.split(['/', ' ']).next().unwrap_or_default();
    if !top.is_empty() {
        command.push_str(&format!(" --run '^{top}$'"));
    }
    for culprit in &package.culprits {
        command.push_str(&format!(" --only '{culprit}'"));
    }
    if package.culprits.is_empty() {
        command.push_str(" --bisect");
    }
    command
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n         ")
}
