//! The parking protocol of `src/wait.rs` and `go/wait.go`, model-checked with loom: in no interleaving does a receiver
//! sleep on after its frame was published or its lane closed.
//!
//! The kernel's part is modelled as futex(2) has it: comparing the word and going to sleep is one step, and so is a wake-up.
//! loom reports a deadlock where a wake-up is lost.
#![expect(clippy::unwrap_used, reason = "a failed step fails the model")]

use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU32, fence};
use loom::sync::{Arc, Condvar, Mutex};

const AWAKE: u32 = 0;
const IN_FUTEX: u32 = 1;
const SHUT_DOWN: u32 = 3;

struct Mailbox {
    head: AtomicU32,
    waiting: AtomicU32,
    kernel: Mutex<()>,
    sleepers: Condvar,
}

impl Mailbox {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            head: AtomicU32::new(0),
            waiting: AtomicU32::new(AWAKE),
            kernel: Mutex::new(()),
            sleepers: Condvar::new(),
        })
    }

    fn futex_wait(&self) {
        let kernel = self.kernel.lock().unwrap();
        if self.waiting.load(SeqCst) == IN_FUTEX {
            drop(self.sleepers.wait(kernel).unwrap());
        }
    }

    fn futex_wake(&self) {
        drop(self.kernel.lock().unwrap());
        self.sleepers.notify_all();
    }

    /// `wait::for_news`, without spinning.
    fn receive(&self, seen: u32) -> Option<u32> {
        loop {
            let was = self
                .waiting
                .compare_exchange(AWAKE, IN_FUTEX, SeqCst, SeqCst);
            fence(SeqCst);
            let head = self.head.load(Acquire);
            if head != seen {
                let _ = self
                    .waiting
                    .compare_exchange(IN_FUTEX, AWAKE, SeqCst, SeqCst);
                return Some(head);
            }
            if was == Err(SHUT_DOWN) {
                return None;
            }
            self.futex_wait();
        }
    }

    /// `Lane::send`, `Lane::publish` and `wait::claim_wake`; false if the lane is closed, and nothing is published.
    fn publish(&self, head: u32) -> bool {
        if self.waiting.load(SeqCst) == SHUT_DOWN {
            return false;
        }
        self.head.store(head, Release);
        fence(SeqCst);
        let was = self.waiting.load(Relaxed);
        if was == IN_FUTEX
            && self
                .waiting
                .compare_exchange(was, AWAKE, SeqCst, SeqCst)
                .is_ok()
        {
            self.futex_wake();
        }
        true
    }

    fn close(&self) {
        if self.waiting.swap(SHUT_DOWN, SeqCst) == IN_FUTEX {
            self.futex_wake();
        }
    }
}

#[test]
fn a_published_frame_wakes_its_receiver() {
    loom::model(|| {
        let mailbox = Mailbox::new();
        let receiver = {
            let mailbox = mailbox.clone();
            loom::thread::spawn(move || mailbox.receive(0))
        };
        assert!(mailbox.publish(1));
        assert_eq!(receiver.join().unwrap(), Some(1));
    });
}

#[test]
fn a_round_trip_loses_no_wake_up() {
    loom::model(|| {
        let (there, back) = (Mailbox::new(), Mailbox::new());
        let peer = {
            let (there, back) = (there.clone(), back.clone());
            loom::thread::spawn(move || {
                assert_eq!(there.receive(0), Some(1));
                back.publish(1);
            })
        };
        there.publish(1);
        assert_eq!(back.receive(0), Some(1));
        peer.join().unwrap();
    });
}

#[test]
fn a_close_wakes_the_receiver() {
    loom::model(|| {
        let mailbox = Mailbox::new();
        let receiver = {
            let mailbox = mailbox.clone();
            loom::thread::spawn(move || mailbox.receive(0))
        };
        mailbox.close();
        assert_eq!(receiver.join().unwrap(), None);
    });
}

#[test]
fn a_close_beside_a_publication_leaves_nobody_asleep() {
    // Three threads: every interleaving with up to four preemptions is tried; without a bound it takes minutes.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(4);
    model.check(|| {
        let mailbox = Mailbox::new();
        let receiver = {
            let mailbox = mailbox.clone();
            loom::thread::spawn(move || mailbox.receive(0))
        };
        let closer = {
            let mailbox = mailbox.clone();
            loom::thread::spawn(move || mailbox.close())
        };
        let sent = mailbox.publish(1);
        closer.join().unwrap();
        // What was not sent is not received: then the sender may have it done elsewhere.
        if let Some(head) = receiver.join().unwrap() {
            assert!(sent && head == 1);
        }
        assert!(!mailbox.publish(2), "a send after the close says so");
        assert_eq!(mailbox.head.load(SeqCst), u32::from(sent));
    });
}
