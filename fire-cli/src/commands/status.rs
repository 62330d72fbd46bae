//! `fire status`: how things are in the fire that runs here. `fire undo`: its last swap is taken back.

use std::fmt::Write as _;

use fire_host::inquiry;
use fire_host::swap::{GenerationStatus, Status, Undone};

use super::run::root;
use crate::args::{Common, Status as Options};
use crate::output::{put, say};

/// Prints how things are.
pub fn run(common: &Common, options: &Options) -> anyhow::Result<u8> {
    let all = inquiry::status(&root(common)?)?;
    if options.json {
        let text = match all.as_slice() {
            [only] => serde_json::to_string(only)?,
            all => serde_json::to_string(&serde_json::json!({ "apps": all }))?,
        };
        say!("{text}")?;
        return Ok(0);
    }
    for status in &all {
        put!("{}", shown(status))?;
    }
    Ok(0)
}

/// Has the last swap taken back.
pub fn undo(common: &Common) -> anyhow::Result<u8> {
    for undone in inquiry::take_back(&root(common)?)? {
        put!("{}", shown_undone(&undone))?;
    }
    Ok(0)
}

fn shown(status: &Status) -> String {
    let mut text = String::new();
    if let Some(app) = &status.app {
        let _ = writeln!(text, "{app}:");
    }
    let memory = status.memory;
    let _ = match status.pid {
        Some(pid) => writeln!(
            text,
            "process {pid}, ready after {} ms; memory: app {}, fire {}, workers {}",
            status.ready_ms,
            megabytes(memory.home_kb),
            megabytes(memory.host_kb),
            megabytes(memory.workers_kb)
        ),
        None => writeln!(text, "the app does not run"),
    };
    for generation in &status.generations {
        let _ = writeln!(text, "{}", shown_generation(generation));
    }
    if status.generations.iter().any(|one| one.functions.len() > 1) {
        text.push_str(
            "calls among functions of one worker go from one to the other and are not counted\n",
        );
    }
    let called = |function: &&fire_host::swap::FunctionStatus| {
        function.generation.is_some() || function.calls > 0
    };
    for function in status.functions.iter().filter(called) {
        let place = match function.generation {
            Some(generation) => format!("generation {generation}"),
            None => "home".to_owned(),
        };
        let _ = write!(text, "  {}: {place}", function.id);
        if function.calls > 0 {
            let _ = write!(
                text,
                ", {} calls to workers, mean {}",
                function.calls,
                time(function.mean_ns)
            );
        }
        text.push('\n');
    }
    let home = status
        .functions
        .iter()
        .filter(|one| one.generation.is_none());
    let _ = writeln!(
        text,
        "{} of {} functions run at home",
        home.count(),
        status.functions.len()
    );
    text
}

fn shown_generation(one: &GenerationStatus) -> String {
    let mut text = format!(
        "generation {} (process {}, {}): {}",
        one.generation,
        one.worker_pid,
        megabytes(one.memory_kb),
        one.state
    );
    for (count, what) in [
        (one.calls, "calls under way"),
        (one.goroutines, "goroutines"),
        (one.closures, "function values in use"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

fn shown_undone(undone: &Undone) -> String {
    let mut text = String::new();
    for (generation, (functions, _)) in &undone.moved {
        let _ = writeln!(
            text,
            "back in generation {generation}: {}",
            functions.join(", ")
        );
    }
    if !undone.reverted.is_empty() {
        let _ = writeln!(text, "back at home: {}", undone.reverted.join(", "));
    }
    text.push_str("the source stays as it is; the next save goes on from there\n");
    text
}

fn megabytes(kilobytes: u64) -> String {
    format!(
        "{}.{} MB",
        kilobytes / 1_024,
        kilobytes % 1_024 * 10 / 1_024
    )
}

fn time(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{} µs", ns / 1_000),
        _ => format!("{} ms", ns / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use fire_host::swap::{FunctionStatus, Memory};

    use super::*;

    #[test]
    fn a_status_names_what_left_home_and_counts_the_rest() {
        let function = |id: &str, generation: Option<u64>| FunctionStatus {
            id: id.into(),
            runs: if generation.is_some() {
                "worker"
            } else {
                "home"
            }
            .into(),
            generation,
            calls: generation.map_or(0, |_| 12),
            mean_ns: 2_500,
        };
        let status = Status {
            app: None,
            pid: Some(7),
            ready_ms: 1_200,
            functions: vec![function("a.F", Some(3)), function("a.G", None)],
            generations: vec![GenerationStatus {
                generation: 3,
                worker_pid: 9,
                state: "serving".into(),
                functions: vec!["a.F".into()],
                calls: 1,
                goroutines: 0,
                closures: 2,
                memory_kb: 5_120,
            }],
            memory: Memory {
                home_kb: 20_480,
                host_kb: 1_024,
                workers_kb: 5_120,
            },
        };
        assert_eq!(
            shown(&status),
            "process 7, ready after 1200 ms; memory: app 20.0 MB, fire 1.0 MB, workers 5.0 MB\n\
             generation 3 (process 9, 5.0 MB): serving, 1 calls under way, 2 function values in use\n  \
             a.F: generation 3, 12 calls to workers, mean 2500 ns\n\
             1 of 2 functions run at home\n"
        );
    }
}
