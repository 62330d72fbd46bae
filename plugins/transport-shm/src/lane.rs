//! One lane, driven from Rust: `go/lane.go` and `go/long.go` in the other language.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Frame, Lane, Side};

use crate::layout::*;
use crate::link::Shared;
use crate::wait;

/// One side of a lane.
pub(crate) struct ShmLane {
    shared: Arc<Shared>,
    index: u32,
    receiver: Side,
    out: usize,
    inn: usize,
    sent: u32,
    seen: u32,
    block: Option<u32>,
}

/// What the sender says of a publication, each field copied once.
struct News {
    what: u64,
    call: u64,
    length: usize,
}

impl News {
    fn form(&self) -> u16 {
        (self.what >> 32) as u16
    }
    fn block(&self) -> u32 {
        (self.what >> 48) as u32
    }
}

/// The error of every call on a closed lane.
pub(crate) fn closed() -> Error {
    Error::new("the lane is closed")
}

impl ShmLane {
    pub(crate) fn new(shared: Arc<Shared>, side: Side, index: u32) -> Self {
        let at = shared.shape.lane(index);
        let (out, inn, receiver) = match side {
            Side::Home => (at, at + MAILBOX_SIZE, Side::Worker),
            Side::Worker => (at + MAILBOX_SIZE, at, Side::Home),
        };
        let first = shared.shape.first;
        Self {
            shared,
            index,
            receiver,
            out,
            inn,
            sent: first,
            seen: first,
            block: None,
        }
    }

    fn publish(&mut self, frame: &Frame, form: u16, block: u32, length: usize) {
        let segment = &self.shared.segment;
        let what = u64::from(frame.flags)
            | u64::from(frame.kind) << 16
            | u64::from(form) << 32
            | u64::from(block) << 48;
        segment.long(self.out + AT_WHAT).store(what, Relaxed);
        segment.long(self.out + AT_CALL).store(frame.call, Relaxed);
        self.sent = self.sent.wrapping_add(1);
        let head = u64::from(self.sent) | (length as u64) << 32;
        // Publishes the frame; pairs with the loads in `take` and `for_news`.
        segment.long(self.out + AT_HEAD).store(head, Release);
        self.shared
            .wake_receiver(self.out, self.receiver, self.index);
    }

    fn take(&mut self) -> Result<News, Error> {
        let Shared { segment, shape, .. } = &*self.shared;
        let at = segment.long(self.inn + AT_HEAD);
        let spin = Duration::from_nanos(shape.spin_ns.into());
        let mut head = at.load(Acquire);
        if head as u32 == self.seen {
            let waiting = segment.word(self.inn + AT_WAITING);
            head = wait::for_news(at, waiting, self.seen, spin).ok_or_else(closed)?;
        }
        let next = self.seen.wrapping_add(1);
        if head as u32 != next {
            return Err(self.garbage());
        }
        let news = News {
            what: segment.long(self.inn + AT_WHAT).load(Relaxed),
            call: segment.long(self.inn + AT_CALL).load(Relaxed),
            length: (head >> 32) as usize,
        };
        self.seen = next;
        Ok(news)
    }

    fn garbage(&mut self) -> Error {
        self.close();
        Error::new("the peer broke the protocol of the lane")
    }

    /// Where a publication's payload lies and how much can lie there.
    fn place(&self, news: &News) -> Option<(usize, usize)> {
        match news.form() & !FORM_MORE {
            FORM_INLINE if news.form() & FORM_MORE == 0 => {
                Some((self.inn + AT_INLINE, INLINE_SIZE))
            }
            FORM_BULK => Some((self.inn + AT_BULK, BULK_SIZE)),
            FORM_BLOCK if news.block() < self.shared.shape.blocks => {
                Some((self.shared.shape.arena(news.block()), BLOCK_SIZE))
            }
            _ => None,
        }
    }

    /// Takes a free block of the arena. There may be none.
    fn claim(&mut self) -> Option<u32> {
        if self.block.is_none() {
            self.block = (0..self.shared.shape.blocks).find(|block| {
                let bit = 1 << (block % 64);
                self.claimed(*block).fetch_or(bit, SeqCst) & bit == 0
            });
        }
        self.block
    }

    fn release(&mut self) {
        if let Some(block) = self.block.take() {
            self.claimed(block).fetch_and(!(1 << (block % 64)), SeqCst);
        }
    }

    fn claimed(&self, block: u32) -> &std::sync::atomic::AtomicU64 {
        self.shared
            .segment
            .long(AT_CLAIMED + block as usize / 64 * 8)
    }

    fn send_long(&mut self, frame: &Frame) -> Result<(), Error> {
        let (space, size, form, block) = match self.claim() {
            Some(block) => (
                self.shared.shape.arena(block),
                BLOCK_SIZE,
                FORM_BLOCK,
                block,
            ),
            None => (self.out + AT_BULK, BULK_SIZE, FORM_BULK, 0),
        };
        let mut left = frame.payload.as_slice();
        while left.len() > size {
            let (chunk, rest) = left.split_at(size);
            self.shared.segment.write(space, chunk);
            self.publish(frame, form | FORM_MORE, block, size);
            if self.take()?.form() != FORM_NEXT {
                return Err(self.garbage());
            }
            left = rest;
        }
        self.shared.segment.write(space, left);
        self.publish(frame, form, block, left.len());
        Ok(())
    }
}

impl Lane for ShmLane {
    fn send(&mut self, frame: &Frame) -> Result<(), Error> {
        let length = frame.payload.len();
        let limit = self.shared.shape.limit;
        if length > limit as usize {
            let message = format!("a frame of {length} bytes is longer than the transport's limit");
            return Err(Error::new(message).with_hint(format!(
                "raise `limit` (now {limit}) in the transport's options"
            )));
        }
        // A close that comes later than this look is the next receive's to tell: an error here says that the peer does not
        // receive the frame.
        if self.shared.segment.word(self.out + AT_WAITING).load(SeqCst) == SHUT_DOWN {
            return Err(closed());
        }
        let (at, form) = match length {
            _ if length <= INLINE_SIZE => (AT_INLINE, FORM_INLINE),
            _ if length <= BULK_SIZE => (AT_BULK, FORM_BULK),
            _ => return self.send_long(frame),
        };
        self.shared.segment.write(self.out + at, &frame.payload);
        self.publish(frame, form, 0, length);
        Ok(())
    }

    fn recv(&mut self) -> Result<Frame, Error> {
        let mut news = self.take()?;
        self.release(); // The peer has answered, so it has read what lay there.
        let mut frame = Frame {
            kind: (news.what >> 16) as u16,
            flags: news.what as u16,
            call: news.call,
            payload: Vec::new(),
        };
        loop {
            let Some((at, size)) = self.place(&news) else {
                return Err(self.garbage());
            };
            if news.length > size
                || frame.payload.len() + news.length > self.shared.shape.limit as usize
            {
                return Err(self.garbage());
            }
            self.shared
                .segment
                .read(at, news.length, &mut frame.payload);
            if news.form() & FORM_MORE == 0 {
                return Ok(frame);
            }
            self.publish(&Frame::default(), FORM_NEXT, 0, 0);
            news = self.take()?;
        }
    }

    fn close(&mut self) {
        self.shared.shut(self.index);
    }
}

impl Drop for ShmLane {
    fn drop(&mut self) {
        // A block that is still claimed stays so: the peer may yet read the frame in it.
        self.close();
    }
}
