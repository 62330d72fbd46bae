//! Waiting for a mailbox: spin, then sleep in the kernel on the mailbox's waiting word.
//!
//! The word says that the receiver sleeps, and whoever wakes it changes the word first: so the kernel, which looks at the
//! word again before it puts the receiver to sleep, misses no wake-up. Each side makes its own word visible before it
//! looks at the other's (the fences below), so one of the two sees the other. `tests/parking.rs` checks this with loom.
//! Threads driven from Rust do not need the doorman of the Go half.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};
use std::time::{Duration, Instant};

use rustix::thread::futex;

use crate::layout::{AWAKE, IN_FUTEX, SHUT_DOWN};

/// How long a sleep lasts at most. Only a lost wake-up lasts so long.
const LONGEST_SLEEP: i64 = 5;

static ENDED_BY_TIMEOUT: AtomicU64 = AtomicU64::new(0);

/// How many waits of this process ended by their timeout although somebody had meant to wake them: lost wake-ups.
pub fn ended_by_timeout() -> u64 {
    ENDED_BY_TIMEOUT.load(SeqCst)
}

/// Waits until `head` has another sequence number than `seen`, and returns it; `None` if the lane is closed first.
pub(crate) fn for_news(
    head: &AtomicU64,
    waiting: &AtomicU32,
    seen: u32,
    spin: Duration,
) -> Option<u64> {
    let news = || Some(head.load(Acquire)).filter(|head| *head as u32 != seen);
    if !spin.is_zero()
        && std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
    {
        let began = Instant::now();
        while began.elapsed() < spin {
            for _ in 0..16 {
                if let Some(head) = news() {
                    return Some(head);
                }
                std::hint::spin_loop();
            }
        }
    }
    loop {
        let was = waiting.compare_exchange(AWAKE, IN_FUTEX, SeqCst, SeqCst);
        fence(SeqCst);
        if let Some(head) = news() {
            // It fails when the sender has come first, or the lane is closed: both are for the next wait to see.
            let _ = waiting.compare_exchange(IN_FUTEX, AWAKE, SeqCst, SeqCst);
            return Some(head);
        }
        if was == Err(SHUT_DOWN) {
            return None;
        }
        if sleep(waiting, IN_FUTEX) == Woken::ByTimeout && news().is_some() {
            ENDED_BY_TIMEOUT.fetch_add(1, SeqCst);
        }
    }
}

/// After a publication: takes the duty to wake the receiver, and returns what its waiting word said.
pub(crate) fn claim_wake(waiting: &AtomicU32) -> u32 {
    fence(SeqCst);
    let was = waiting.load(Relaxed);
    if was == AWAKE || was == SHUT_DOWN {
        return was;
    }
    match waiting.compare_exchange(was, AWAKE, SeqCst, SeqCst) {
        Ok(was) => was,
        Err(SHUT_DOWN) => SHUT_DOWN,
        // The receiver has awoken by itself.
        Err(_) => AWAKE,
    }
}

/// How a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    ByTimeout,
    Otherwise,
}

/// Sleeps until woken; returns at once if the word is not `expected`, and now and then for no reason.
pub(crate) fn sleep(word: &AtomicU32, expected: u32) -> Woken {
    let timeout = futex::Timespec {
        tv_sec: LONGEST_SLEEP,
        tv_nsec: 0,
    };
    match futex::wait(word, futex::Flags::empty(), expected, Some(&timeout)) {
        Err(rustix::io::Errno::TIMEDOUT) => Woken::ByTimeout,
        _ => Woken::Otherwise,
    }
}

/// Wakes all who sleep on a word.
pub(crate) fn wake(word: &AtomicU32) {
    // It fails only for an address that is none.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}
