//! Round trips of each transport, Go to Go, beside the machine's own floor.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use fire_plugin_api::transport::{LinkRequest, Side};
use fire_plugin_api::{Error, Transport};

use crate::go_program::{GoProgram, build, write};

/// What was measured of one transport. A round trip is of an empty frame, between two Go processes.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Figures {
    /// Median of the means of 16 round trips each.
    pub p50_ns: u64,
    /// 99 of 100 single round trips are faster, the reading of the clock included.
    pub p99_ns: u64,
    /// 999 of 1000.
    pub p999_ns: u64,
    /// The median of the bare counterpart: cache line, FIFOs, loopback socket.
    pub floor_p50_ns: u64,
    /// The two medians' ratio.
    pub ratio: f64,
    /// Median of a round trip after 10 ms of rest.
    pub cold_p50_ns: u64,
    /// Processor time of home and worker together for a round trip, when one follows the other.
    pub cpu_ns: u64,
    /// Round trips a second with 64 callers at once.
    pub callers_64_per_s: u64,
}

/// How often floor and transport are measured in turn; the median of each counts.
const ROUNDS: usize = 5;

/// Measures every built-in transport, with the Go command given.
pub fn transports(go: &Path) -> Result<BTreeMap<String, Figures>, Error> {
    some_transports(go, |_| true)
}

/// Measures the built-in transports whose names are wanted.
pub fn some_transports(
    go: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Figures>, Error> {
    let built_in: [(&str, &str, usize, Box<dyn Transport>); 3] = [
        (
            "shm",
            "line",
            200_000,
            Box::new(fire_transport_shm::Shm::new("")?),
        ),
        (
            "pipe",
            "pipe",
            20_000,
            Box::new(fire_transport_pipe::Pipe::new("")?),
        ),
        (
            "tcp",
            "tcp",
            20_000,
            Box::new(fire_transport_tcp::Tcp::new("")?),
        ),
    ];
    let mut figures = BTreeMap::new();
    for (name, floor, trips, transport) in built_in {
        if !wanted(name) {
            continue;
        }
        figures.insert(name.to_owned(), measure(go, &*transport, floor, trips)?);
    }
    Ok(figures)
}

fn measure(
    go: &Path,
    transport: &dyn Transport,
    floor: &str,
    trips: usize,
) -> Result<Figures, Error> {
    let scratch = tempfile::tempdir()
        .map_err(|error| Error::new(format!("no temporary directory: {error}")))?;
    let source = scratch.path().join("source");
    write(&source, "go.mod", include_str!("../go/lane-bench/go.mod"))?;
    write(&source, "main.go", include_str!("../go/lane-bench/main.go"))?;
    write(
        &source,
        "floor_unsafe.go",
        include_str!("../go/lane-bench/floor_unsafe.go"),
    )?;
    let program = build(go, &source, &transport.go_half(), scratch.path(), &[])?;
    let directory = scratch.path().join("link");
    std::fs::create_dir(&directory)
        .map_err(|error| Error::new(format!("no directory for the link: {error}")))?;
    let link = transport.create(&LinkRequest {
        generation: 1,
        directory,
    })?;
    let mut worker = GoProgram::start(&mut Command::new(&program))?;
    let mut home = GoProgram::start(&mut Command::new(&program))?;
    worker.ask(&format!("attach worker {}", link.descriptor(Side::Worker)))?;
    worker.ask("serve")?;
    home.ask(&format!("attach home {}", link.descriptor(Side::Home)))?;
    link.attached()?;

    let (mut of_floor, mut of_lane) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        of_floor.push(floor_of(
            &program,
            floor,
            &scratch.path().join(format!("floor-{round}")),
            trips,
        )?);
        let before = numbers(&worker.ask("cpu")?)?;
        let mut measured = numbers(&home.ask(&format!("measure {trips}"))?)?;
        let after = numbers(&worker.ask("cpu")?)?;
        measured.push(after[0].saturating_sub(before[0]) * 10 / (11 * trips as u64));
        of_lane.push(measured);
    }
    let floor_p50_ns = median(&of_floor, 0);
    let p50_ns = median(&of_lane, 0);
    let figures = Figures {
        p50_ns,
        p99_ns: median(&of_lane, 1),
        p999_ns: median(&of_lane, 2),
        floor_p50_ns,
        ratio: p50_ns as f64 / floor_p50_ns.max(1) as f64,
        cold_p50_ns: numbers(&home.ask("cold 100")?)?[0],
        cpu_ns: median(&of_lane, 3) + median(&of_lane, 4),
        callers_64_per_s: numbers(&home.ask(&format!("callers 64 {}", trips / 20))?)?[0],
    };
    link.close("measured");
    Ok(figures)
}

/// The bare counterpart, measured by two processes of its own.
fn floor_of(program: &Path, kind: &str, place: &Path, trips: usize) -> Result<Vec<u64>, Error> {
    let failed = |error: std::io::Error| Error::new(format!("cannot prepare the floor: {error}"));
    let mut place = place.to_path_buf();
    match kind {
        "line" => write(&place, "memory", &"\0".repeat(4096)).map(|path| place = path)?,
        "pipe" => {
            for end in ["there", "back"] {
                let (path, kind) = (place.with_extension(end), rustix::fs::FileType::Fifo);
                let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0)
                    .map_err(|error| failed(error.into()))?;
            }
        }
        _ => {
            let free = std::net::TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr());
            place = free.map_err(failed)?.port().to_string().into();
        }
    }
    let mut worker = GoProgram::start(&mut Command::new(program))?;
    let mut home = GoProgram::start(&mut Command::new(program))?;
    worker.tell(&format!("floor {kind} worker {} {trips}", place.display()))?;
    let figures = numbers(&home.ask(&format!("floor {kind} home {} {trips}", place.display()))?)?;
    worker.answer()?;
    Ok(figures)
}

fn numbers(answer: &str) -> Result<Vec<u64>, Error> {
    let parsed: Result<Vec<u64>, _> = answer.split_whitespace().map(str::parse).collect();
    parsed
        .ok()
        .filter(|numbers| !numbers.is_empty())
        .ok_or_else(|| Error::new(format!("the Go program answered {answer:?}")))
}

fn median(rounds: &[Vec<u64>], which: usize) -> u64 {
    let mut values: Vec<u64> = rounds
        .iter()
        .filter_map(|round| round.get(which).copied())
        .collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
