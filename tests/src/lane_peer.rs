//! The two sides of the conformance suite for lanes, driven from Rust: the same as `tests/go/lane-peer`,
//! scenario for scenario and kind for kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use fire_plugin_api::transport::{Endpoint, Frame, Lane};

/// What a frame asks of the side that receives it; the meaning is in `tests/go/lane-peer/worker.go`.
pub mod kind {
    #![expect(missing_docs, reason = "the names say it")]
    pub const ECHO: u16 = 1;
    pub const NEST: u16 = 2;
    pub const DONE: u16 = 3;
    pub const HANG_UP: u16 = 4;
    pub const EXIT: u16 = 5;
    pub const HOLD: u16 = 6;
    pub const COUNT: u16 = 8;
    pub const BYE: u16 = 9;
}

type Result<T = ()> = std::result::Result<T, String>;

/// What a worker driven from Rust has come to.
#[derive(Debug, Default)]
pub struct Served {
    /// Lanes that it answers on.
    pub lanes: AtomicUsize,
    /// Frames that asked for no answer.
    pub counted: AtomicUsize,
}

/// Accepts lanes and answers on each, on a thread of its own, until the link ends.
pub fn serve(link: Arc<dyn Endpoint>, served: Arc<Served>) {
    while let Ok(mut lane) = link.accept() {
        let served = served.clone();
        served.lanes.fetch_add(1, SeqCst);
        std::thread::spawn(move || {
            while answer(&mut *lane, &served).is_ok() {}
            served.lanes.fetch_sub(1, SeqCst);
        });
    }
}

fn answer(lane: &mut dyn Lane, served: &Served) -> Result {
    let frame = lane.recv().map_err(|error| error.to_string())?;
    if frame.kind == kind::COUNT {
        served.counted.fetch_add(1, SeqCst);
        return Ok(());
    }
    respond(lane, frame)
}

fn respond(lane: &mut dyn Lane, frame: Frame) -> Result {
    let last = frame.kind == kind::BYE;
    let reply = match frame.kind {
        kind::NEST => {
            unwind(lane, frame.call)?;
            Frame {
                kind: kind::DONE,
                call: frame.call,
                ..Frame::default()
            }
        }
        kind::HANG_UP => {
            lane.close();
            return Err("closed".into());
        }
        kind::HOLD => return lane.recv().map(drop).map_err(|error| error.to_string()),
        _ => frame,
    };
    lane.send(&reply).map_err(|error| error.to_string())?;
    if last {
        lane.close();
        return Err("closed".into());
    }
    Ok(())
}

fn unwind(lane: &mut dyn Lane, levels: u64) -> Result {
    if levels == 0 {
        return Ok(());
    }
    let ask = Frame {
        kind: kind::NEST,
        call: levels - 1,
        ..Frame::default()
    };
    lane.send(&ask).map_err(|error| error.to_string())?;
    loop {
        let frame = lane.recv().map_err(|error| error.to_string())?;
        if frame.kind == kind::DONE {
            return Ok(());
        }
        respond(lane, frame)?;
    }
}

/// Runs a scenario as home. `Ok` holds the scenario's figure.
pub fn run(link: &dyn Endpoint, scenario: &str, n: usize) -> Result<String> {
    match scenario {
        "callers" => return callers(link, n, 2000),
        "blocked" => return blocked(link, n),
        _ => {}
    }
    let mut lane = link.open().map_err(|error| error.to_string())?;
    let lane = &mut *lane;
    match scenario {
        "echo" => echoes(lane, n)?,
        "size" => exchange(lane, kind::ECHO, n, pattern(n, n))?,
        "nest" => {
            unwind(lane, n as u64 + 1)?;
            echoes(lane, 3)?;
        }
        "beyond" => {
            let sent = Frame {
                kind: kind::ECHO,
                payload: vec![0; n],
                ..Frame::default()
            };
            lane.send(&sent)
                .err()
                .ok_or("a frame beyond the limit was sent")?;
            echoes(lane, 10)?;
        }
        "hangup" => ends(lane, kind::HANG_UP)?,
        "exit" => ends(lane, kind::EXIT)?,
        "hold" => ends(lane, kind::HOLD)?,
        "close" => closed(lane)?,
        "last" => {
            echoes(lane, 3)?;
            let sent = Frame {
                kind: kind::COUNT,
                payload: pattern(3000, 1),
                ..Frame::default()
            };
            lane.send(&sent).map_err(|error| error.to_string())?;
        }
        "part" => {
            exchange(lane, kind::BYE, 1, pattern(5000, 1))?;
            lane.recv().err().ok_or("the lane has not ended")?;
        }
        other => return Err(format!("no such scenario: {other}")),
    }
    Ok(String::new())
}

fn echoes(lane: &mut dyn Lane, n: usize) -> Result {
    (0..n).try_for_each(|i| exchange(lane, kind::ECHO, i, pattern(i % 97, i)))
}

fn exchange(lane: &mut dyn Lane, kind: u16, i: usize, payload: Vec<u8>) -> Result {
    let sent = Frame {
        kind,
        flags: i as u16,
        call: (i as u64) << 20,
        payload,
    };
    lane.send(&sent)
        .map_err(|error| format!("send {i}: {error}"))?;
    let got = lane
        .recv()
        .map_err(|error| format!("receive {i}: {error}"))?;
    if got == sent {
        return Ok(());
    }
    Err(format!(
        "another frame came back: kind {}, call {}, {} bytes",
        got.kind,
        got.call,
        got.payload.len()
    ))
}

fn callers(link: &dyn Endpoint, n: usize, each: usize) -> Result<String> {
    let began = Instant::now();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..n)
            .map(|_| {
                scope.spawn(move || {
                    let mut lane = link.open().map_err(|error| error.to_string())?;
                    echoes(&mut *lane, each)
                })
            })
            .collect();
        callers
            .into_iter()
            .try_for_each(|caller| caller.join().map_err(|_| "a caller panicked".to_string())?)
    })?;
    Ok(((n * each) as u128 * 1_000_000 / (began.elapsed().as_micros() + 1)).to_string())
}

/// Leaves `n` lanes waiting for an answer; here one after the other on this thread.
fn blocked(link: &dyn Endpoint, n: usize) -> Result<String> {
    for _ in 0..n {
        let mut lane = link.open().map_err(|error| error.to_string())?;
        exchange(&mut *lane, kind::ECHO, 0, Vec::new())?;
        lane.send(&Frame {
            kind: kind::HOLD,
            ..Frame::default()
        })
        .map_err(|error| error.to_string())?;
        // Leaked: it stays open until the link is closed.
        std::mem::forget(lane);
    }
    Ok(String::new())
}

fn ends(lane: &mut dyn Lane, kind: u16) -> Result {
    lane.send(&Frame {
        kind,
        ..Frame::default()
    })
    .map_err(|error| error.to_string())?;
    for _ in 0..2 {
        if let Ok(frame) = lane.recv() {
            return Err(format!(
                "expected the lane's end, got a frame of kind {}",
                frame.kind
            ));
        }
    }
    Ok(())
}

/// Closes a lane: every call on it fails from then on.
fn closed(lane: &mut dyn Lane) -> Result {
    echoes(lane, 3)?;
    lane.close();
    lane.close();
    for _ in 0..2 {
        let sent = lane.send(&Frame::default());
        sent.err().ok_or("a closed lane sends")?;
        lane.recv().err().ok_or("a closed lane receives")?;
    }
    Ok(())
}

fn pattern(n: usize, seed: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 + seed) as u8).collect()
}
