//! Waiting for a word of shared memory to change: spin, then sleep in the kernel on the word itself. (A separate flag
//! as the futex would lose wake-ups.) Threads driven from Rust do not need the doorman of the Go half.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use rustix::thread::futex;

use crate::layout::{AWAKE, IN_FUTEX};

/// How long a sleep lasts at most. Only a lost wake-up lasts so long.
const LONGEST_SLEEP: i64 = 5;

static ENDED_BY_TIMEOUT: AtomicU64 = AtomicU64::new(0);

/// How many waits of this process ended by their timeout although what they waited for was there: lost wake-ups.
pub fn ended_by_timeout() -> u64 {
    ENDED_BY_TIMEOUT.load(SeqCst)
}

/// Waits until `sequence` is not `seen`, and returns it.
pub(crate) fn until_changed(
    sequence: &AtomicU32,
    waiting: &AtomicU32,
    seen: u32,
    spin: Duration,
) -> u32 {
    if !spin.is_zero()
        && std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
    {
        let began = Instant::now();
        while began.elapsed() < spin {
            for _ in 0..16 {
                let now = sequence.load(SeqCst);
                if now != seen {
                    return now;
                }
                std::hint::spin_loop();
            }
        }
    }
    loop {
        waiting.store(IN_FUTEX, SeqCst);
        // Ordered after the store, as the sender's look at waiting is after its publication: one sees the other.
        let now = sequence.load(SeqCst);
        if now != seen {
            waiting.store(AWAKE, SeqCst);
            return now;
        }
        sleep(sequence, seen);
    }
}

/// Sleeps until woken; returns at once if the word is not `expected`, and now and then for no reason.
pub(crate) fn sleep(word: &AtomicU32, expected: u32) {
    let timeout = futex::Timespec {
        tv_sec: LONGEST_SLEEP,
        tv_nsec: 0,
    };
    let ended = futex::wait(word, futex::Flags::empty(), expected, Some(&timeout));
    if ended == Err(rustix::io::Errno::TIMEDOUT) && word.load(SeqCst) != expected {
        ENDED_BY_TIMEOUT.fetch_add(1, SeqCst);
    }
}

/// Wakes all who sleep on a word.
pub(crate) fn wake(word: &AtomicU32) {
    // It fails only for an address that is none.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}
