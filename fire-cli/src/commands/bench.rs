//! `fire bench`: what fire's parts cost on this machine, beside what the machine itself can do.

use anyhow::Context;
use fire_host::bench::{Figures, Report, bench, settle};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Bench, Common};
use crate::output::{put, say};

/// Measures and prints.
pub fn run(common: &Common, options: &Bench) -> anyhow::Result<u8> {
    let directory = tempfile::Builder::new().prefix("fire-bench-").tempdir()?;
    let root = directory.path().canonicalize()?;
    let project = settle(&root, common.transport.clone())?;
    if !options.json && !common.quiet {
        eprintln!("fire  measuring; a busy machine spoils it");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            report = bench(&project, &root) => report.map_err(anyhow::Error::msg).map(Ok),
            _ = tokio::signal::ctrl_c() => Ok(Err(130)),
            _ = terminate.recv() => Ok(Err(143)),
        }
    });
    // What still measures ends with its standard input.
    runtime.shutdown_background();
    let report = match report? {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    if options.json {
        let json = serde_json::to_string(&report).context("the figures make no JSON")?;
        say!("{json}")?;
    } else {
        put!("{}", table(&report))?;
    }
    Ok(0)
}

/// What a person reads.
fn table(report: &Report) -> String {
    let mut text = format!(
        "{:<10} {:>9} {:>9} {:>9} {:>9} {:>6} {:>9} {:>9} {:>13}\n",
        "round trip", "p50", "p99", "p99.9", "floor", "ratio", "cold", "CPU", "64 callers"
    );
    for (name, figures) in &report.transports {
        text.push_str(&row(name, figures));
    }
    let calls = &report.calls;
    let times = |value: f64| value / calls.ping_pong_ns.max(1) as f64;
    text.push('\n');
    for (what, value) in [
        ("a moved call, func(int) int", calls.null_call_ns),
        ("a moved body's load of a word", calls.load_ns),
        ("a moved body's read of a map, int key", calls.map_get_ns),
    ] {
        text.push_str(&format!(
            "{what:<40} {:>9}  {:.1} × the ping-pong of {}\n",
            time(value),
            times(value),
            time(calls.ping_pong_ns as f64)
        ));
    }
    text.push_str(&format!(
        "{:<40} {:>9}\n",
        "the check in a call that has not moved",
        time(calls.native_check_ns)
    ));
    text.push_str(
        "\nfloor: a bare cache line, pipe or loopback socket between two processes, in the same run. cold: after 10 ms\n\
         of rest. CPU: of both sides, for a round trip.\n",
    );
    text
}

fn row(name: &str, figures: &Figures) -> String {
    format!(
        "{name:<10} {:>9} {:>9} {:>9} {:>9} {:>6.2} {:>9} {:>9} {:>11}/s\n",
        time(figures.p50_ns as f64),
        time(figures.p99_ns as f64),
        time(figures.p999_ns as f64),
        time(figures.floor_p50_ns as f64),
        figures.ratio,
        time(figures.cold_p50_ns as f64),
        time(figures.cpu_ns as f64),
        figures.callers_64_per_s,
    )
}

/// Nanoseconds, as short as it stays exact enough.
fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        short if short < 10.0 => format!("{short:.1} ns"),
        short if short < 1000.0 => format!("{short:.0} ns"),
        middle if middle < 100_000.0 => format!("{:.1} µs", middle / 1000.0),
        long => format!("{:.0} µs", long / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (nanoseconds, shown) in [
            (0.4, "0.4 ns"),
            (187.4, "187 ns"),
            (10_140.0, "10.1 µs"),
            (123_456.0, "123 µs"),
        ] {
            assert_eq!(time(nanoseconds), shown);
        }
    }
}
