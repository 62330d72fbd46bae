//! `fire verify`: the module's own tests, plain and moved.

use std::time::Duration;

use fire_host::setup::{Request, settle_modules};
use fire_host::state::State;
use fire_host::verify::{Options, PackageReport, verify};

use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Common, Verify};

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
        only: options.only.clone(),
        timeout: Duration::from_secs(options.timeout),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (json, quiet) = (options.json, common.quiet);
    let report = runtime.block_on(async {
        let verified = verify(&project, &how, |package| {
            if !json && !quiet {
                println!("{}", line(package));
            }
        });
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            report = verified => report.map_err(anyhow::Error::msg).map(Ok),
            _ = tokio::signal::ctrl_c() => Ok(Err(130)),
            _ = terminate.recv() => Ok(Err(143)),
        }
    })?;
    let report = match report {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        for package in &report.packages {
            if let Some(first) = package.differences.first() {
                println!(
                    "\n{} {}\n  plain: {}\n  moved: {}",
                    package.package,
                    first.test,
                    indented(&first.plain),
                    indented(&first.moved)
                );
                println!(
                    "  alone: fire verify {} --run '^{}$'",
                    package.package,
                    first.test.split('/').next().unwrap_or("")
                );
            }
        }
        println!(
            "{}: {} of {} functions movable, {} calls moved",
            if report.equal { "equal" } else { "NOT equal" },
            report.movable,
            report.total,
            report.calls_moved
        );
        if common.verbose > 0 {
            for (function, why) in &report.left {
                println!("  native  {function}: {why}");
            }
        }
    }
    Ok(u8::from(!report.equal))
}

fn line(package: &PackageReport) -> String {
    let differences = match package.differences.len() {
        0 => "equal".to_owned(),
        1 => "1 difference".to_owned(),
        n => format!("{n} differences"),
    };
    format!(
        "{differences:<14} {}  plain {} passed, {} failed; moved {} passed, {} failed",
        package.package,
        package.plain.passed,
        package.plain.failed,
        package.moved.passed,
        package.moved.failed
    )
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n         ")
}
