//! Rules for transports, with both sides driven from Rust. `fire plugin check` also builds the Go half
//! and runs it against the Rust half.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Report, failed};
use crate::transport::{Endpoint, Frame, Lane, Link, LinkRequest, Side, Transport};

/// A rule that is not done by then fails: something waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the suite in a directory of its own, which is gone afterwards. Since 1.1.
pub fn transport_alone(transport: impl Transport + 'static) -> Report {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let directory =
        std::env::temp_dir().join(format!("fire-conformance-{}-{run}", std::process::id()));
    let transport: Arc<dyn Transport> = Arc::new(transport);
    let report = self::transport(&transport, &directory);
    // There may be nothing: a transport need not make files.
    let _ = std::fs::remove_dir_all(&directory);
    report
}

/// Runs the suite. `directory` is one that the links may use; nobody else should.
pub fn transport(transport: &Arc<dyn Transport>, directory: &Path) -> Report {
    let mut report = Report::default();
    report.check("the Go half is `package lane`, without cgo", || {
        go_half(&**transport)
    });
    let mut number = 0;
    let mut rule = |rule: &'static str, body: fn(Pair) -> Result<(), String>| {
        number += 1;
        let transport = Arc::clone(transport);
        let directory = directory.join(format!("link-{number}"));
        report.check(rule, || {
            in_time(move || body(Pair::new(transport, directory)?))
        });
    };
    rule("a descriptor is one line", descriptors);
    rule("frames of every size arrive as they were sent", sizes);
    rule("a lane takes turns a thousand times", turns);
    rule("a hundred lanes do not disturb each other", lanes);
    rule("a closed lane fails for the other side", closed_lane);
    rule("a closed link wakes who waits in it", closed_link);
    rule("two links are two links", |first| {
        let second = first.another()?;
        second.link.close("done");
        let (mut home, mut worker) = first.lane()?;
        round_trip(&mut home, &mut worker, &frame(3, 3))
    });
    report
}

/// Both sides of a link.
struct Pair {
    transport: Arc<dyn Transport>,
    directory: PathBuf,
    link: Box<dyn Link>,
    home: Box<dyn Endpoint>,
    worker: Arc<dyn Endpoint>,
}

type TwoLanes = (Box<dyn Lane>, Box<dyn Lane>);

impl Pair {
    fn new(transport: Arc<dyn Transport>, directory: PathBuf) -> Result<Self, String> {
        make_directory(&directory)?;
        let request = LinkRequest {
            generation: 1,
            directory: directory.clone(),
        };
        let link = transport.create(&request).map_err(failed("create"))?;
        // The worker attaches first, as it does in a swap.
        let worker = link.attach(Side::Worker).map_err(failed("attach worker"))?;
        let home = link.attach(Side::Home).map_err(failed("attach home"))?;
        link.attached().map_err(failed("attached"))?;
        Ok(Self {
            transport,
            directory,
            link,
            home,
            worker: worker.into(),
        })
    }

    /// Another link of the same transport.
    fn another(&self) -> Result<Self, String> {
        Self::new(Arc::clone(&self.transport), self.directory.join("another"))
    }

    /// A new lane, both ends of it.
    fn lane(&self) -> Result<TwoLanes, String> {
        let worker = Arc::clone(&self.worker);
        let accepting = thread::spawn(move || worker.accept());
        let mut home = self.home.open().map_err(failed("open"))?;
        // Some transports show a lane to the worker with its first frame.
        home.send(&frame(0, 0)).map_err(failed("send"))?;
        let mut worker = accepting
            .join()
            .map_err(|_| "accept panicked")?
            .map_err(failed("accept"))?;
        worker.recv().map_err(failed("recv"))?;
        worker.send(&frame(0, 0)).map_err(failed("send"))?;
        home.recv().map_err(failed("recv"))?;
        Ok((home, worker))
    }
}

fn go_half(transport: &dyn Transport) -> Result<(), String> {
    let files = transport.go_half();
    if files.is_empty() {
        return Err("there is no file".to_owned());
    }
    for file in &files {
        let name = &file.name;
        if !name.ends_with(".go") || name.contains('/') || name.ends_with("_test.go") {
            return Err(format!("{name} is no name of a source file"));
        }
        if files.iter().filter(|other| other.name == *name).count() > 1 {
            return Err(format!("{name} is there twice"));
        }
        if !file
            .source
            .lines()
            .any(|line| line.trim() == "package lane")
        {
            return Err(format!("{name} is not `package lane`"));
        }
        if file.source.contains("import \"C\"") {
            return Err(format!("{name} uses cgo"));
        }
    }
    Ok(())
}

fn descriptors(pair: Pair) -> Result<(), String> {
    for side in [Side::Home, Side::Worker] {
        let descriptor = pair.link.descriptor(side);
        if descriptor.is_empty() || descriptor.contains(['\n', '\0']) {
            return Err(format!("{side:?} is given {descriptor:?}"));
        }
    }
    Ok(())
}

fn sizes(pair: Pair) -> Result<(), String> {
    let (mut home, mut worker) = pair.lane()?;
    let around = |size: usize| [size - 1, size, size + 1];
    let sizes = [1, 8, 40, 64, 128, 4_096, 65_536, 262_144]
        .map(around)
        .concat();
    for size in sizes {
        round_trip(&mut home, &mut worker, &frame(size as u64, size))?;
    }
    Ok(())
}

fn turns(pair: Pair) -> Result<(), String> {
    let (mut home, mut worker) = pair.lane()?;
    for turn in 0..1_000 {
        round_trip(&mut home, &mut worker, &frame(turn, 32))?;
    }
    Ok(())
}

fn lanes(pair: Pair) -> Result<(), String> {
    let mut lanes = (0..100)
        .map(|_| pair.lane())
        .collect::<Result<Vec<TwoLanes>, String>>()?;
    for (number, (home, _)) in lanes.iter_mut().enumerate() {
        home.send(&frame(number as u64, 100))
            .map_err(failed("send"))?;
    }
    for (number, (_, worker)) in lanes.iter_mut().enumerate().rev() {
        let received = worker.recv().map_err(failed("recv"))?;
        same(&received, &frame(number as u64, 100))?;
    }
    Ok(())
}

fn closed_lane(pair: Pair) -> Result<(), String> {
    let (mut home, mut worker) = pair.lane()?;
    home.close();
    if worker.recv().is_ok() {
        return Err("the worker received a frame from a closed lane".to_owned());
    }
    let (mut home, mut worker) = pair.lane()?;
    worker.close();
    if home.recv().is_ok() {
        return Err("home received a frame from a closed lane".to_owned());
    }
    let (mut home, mut worker) = pair.lane()?;
    round_trip(&mut home, &mut worker, &frame(1, 1))
}

fn closed_link(pair: Pair) -> Result<(), String> {
    let (mut home, _worker) = pair.lane()?;
    let accepting = Arc::clone(&pair.worker);
    let accepting = thread::spawn(move || accepting.accept().map(drop));
    let receiving = thread::spawn(move || home.recv().map(drop));
    pair.link.close("the check is over");
    pair.link.close("the check is over");
    let fails =
        |waiting: thread::JoinHandle<Result<(), crate::Error>>, call: &str| match waiting.join() {
            Ok(Err(_)) => Ok(()),
            Ok(Ok(())) => Err(format!("{call} succeeded on a closed link")),
            Err(_) => Err(format!("{call} panicked")),
        };
    fails(receiving, "recv")?;
    fails(accepting, "accept")
}

fn frame(number: u64, size: usize) -> Frame {
    Frame {
        kind: (number % 60_000) as u16,
        flags: 0,
        call: number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        payload: (0..size).map(|at| (at * 31 + size) as u8).collect(),
    }
}

/// Large frames do not fit into a pipe's buffer: the other side must be reading meanwhile.
fn round_trip(
    home: &mut Box<dyn Lane>,
    worker: &mut Box<dyn Lane>,
    sent: &Frame,
) -> Result<(), String> {
    thread::scope(|scope| {
        let echo = scope.spawn(|| {
            let frame = worker.recv().map_err(failed("recv"))?;
            worker.send(&frame).map_err(failed("send"))
        });
        home.send(sent).map_err(failed("send"))?;
        same(&home.recv().map_err(failed("recv"))?, sent)?;
        echo.join().map_err(|_| "the worker's side panicked")?
    })
}

fn same(received: &Frame, sent: &Frame) -> Result<(), String> {
    if received == sent {
        return Ok(());
    }
    Err(format!(
        "sent kind {} call {} with {} bytes, received kind {} call {} with {} bytes",
        sent.kind,
        sent.call,
        sent.payload.len(),
        received.kind,
        received.call,
        received.payload.len()
    ))
}

fn make_directory(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// A thread that never returns is left behind: there is no way to end it.
fn in_time(body: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    let (done, waiting) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more after the deadline.
        let _ = done.send(body());
    });
    match waiting.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(format!("not done after {} s", PATIENCE.as_secs()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it panicked".to_owned()),
    }
}
