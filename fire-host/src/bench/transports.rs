//! Round trips of each transport, Go to Go, beside the machine's own floor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fire_plugin_api::transport::{LinkRequest, Side};
use fire_plugin_api::{Error, Transport};

use crate::go_program::{GoProgram, build, write};
use crate::plugins::{Kind, built_in_names, builtin};

/// One side of a link, or of the machine's own floor.
const PROGRAM: [(&str, &str); 2] = [
    ("main.go", include_str!("../../go/lanebench/main.go")),
    (
        "floor_unsafe.go",
        include_str!("../../go/lanebench/floor_unsafe.go"),
    ),
];

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
const ROUNDS: usize = 7;
/// On a slow or busy machine there are fewer rounds, but not fewer than these.
const LEAST_ROUNDS: usize = 3;
const ENOUGH: Duration = Duration::from_secs(4);

/// The built-in transports to measure, each with a program that holds its Go half.
pub struct Subjects {
    subjects: Vec<Subject>,
    directory: PathBuf,
}

struct Subject {
    name: &'static str,
    transport: Arc<dyn Transport>,
    program: PathBuf,
}

/// What a transport is measured against, and how many round trips make a round.
fn against(name: &str) -> (&'static str, usize) {
    match name {
        "shm" => ("line", 100_000),
        "pipe" => ("pipe", 10_000),
        _ => ("tcp", 8_000),
    }
}

impl Subjects {
    /// Builds the programs of those built-in transports whose names are wanted, with the Go command given, in a
    /// directory of their own.
    pub fn build(
        go: &Path,
        directory: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let mut subjects = Vec::new();
        for name in built_in_names(Kind::Transport) {
            if wanted(name) {
                let transport = builtin::transport(name, "")
                    .unwrap_or_else(|| Err(Error::new(format!("no transport {name}"))))?;
                let directory = directory.join(name);
                let program = build(go, &PROGRAM, &transport.go_half(), &directory)?;
                subjects.push(Subject {
                    name,
                    transport,
                    program,
                });
            }
        }
        Ok(Self {
            subjects,
            directory: directory.to_owned(),
        })
    }

    /// Measures each.
    pub fn measure(&self) -> Result<BTreeMap<String, Figures>, Error> {
        self.subjects
            .iter()
            .map(|subject| Ok((subject.name.to_owned(), self.figures(subject)?)))
            .collect()
    }

    /// The median of a bare ping-pong over a cache line.
    pub fn ping_pong(&self) -> Result<u64, Error> {
        let Some(subject) = self.subjects.first() else {
            return Err(Error::new("no transport is measured"));
        };
        let place = self.directory.join("ping-pong");
        let said = floor_of(&subject.program, "line", &place, 100_000)?;
        Ok(said.first().copied().unwrap_or(0))
    }

    fn figures(&self, subject: &Subject) -> Result<Figures, Error> {
        let (floor, trips) = against(subject.name);
        let program = &subject.program;
        let places = self.directory.join(subject.name);
        let directory = places.join("link");
        std::fs::create_dir(&directory)
            .map_err(|error| Error::new(format!("no directory for the link: {error}")))?;
        let link = subject.transport.create(&LinkRequest {
            generation: 1,
            directory,
        })?;
        let mut worker = GoProgram::start(&mut Command::new(program))?;
        let mut home = GoProgram::start(&mut Command::new(program))?;
        worker.ask(&format!("attach worker {}", link.descriptor(Side::Worker)))?;
        worker.ask("serve")?;
        home.ask(&format!("attach home {}", link.descriptor(Side::Home)))?;
        link.attached()?;
        let figures = rounds(&mut home, &mut worker, trips, |round| {
            let place = places.join(format!("floor-{round}"));
            floor_of(program, floor, &place, trips)
        });
        link.close("measured");
        figures
    }
}

fn rounds(
    home: &mut GoProgram,
    worker: &mut GoProgram,
    trips: usize,
    floor: impl Fn(usize) -> Result<Vec<u64>, Error>,
) -> Result<Figures, Error> {
    let (mut of_floor, mut of_lane) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for round in 0..ROUNDS {
        if round >= LEAST_ROUNDS && begun.elapsed() > ENOUGH {
            break;
        }
        of_floor.push(floor(round)?);
        let before = numbers(&worker.ask("cpu")?)?;
        let mut measured = numbers(&home.ask(&format!("measure {trips}"))?)?;
        let after = numbers(&worker.ask("cpu")?)?;
        // The worker's processor time for a round trip; warming up is a tenth more.
        let trips = measured.pop().unwrap_or(1).max(1);
        measured.push(after[0].saturating_sub(before[0]) * 10 / (11 * trips));
        of_lane.push(measured);
    }
    let floor_p50_ns = median(&of_floor, 0);
    let p50_ns = median(&of_lane, 0);
    Ok(Figures {
        p50_ns,
        p99_ns: median(&of_lane, 1),
        p999_ns: median(&of_lane, 2),
        floor_p50_ns,
        ratio: p50_ns as f64 / floor_p50_ns.max(1) as f64,
        cold_p50_ns: numbers(&home.ask("cold 50")?)?[0],
        cpu_ns: median(&of_lane, 3) + median(&of_lane, 4),
        callers_64_per_s: numbers(&home.ask("callers 64")?)?[0],
    })
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
