//! One side of a link, driven from Rust.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Lane, Side};

use crate::lane::{ShmLane, closed};
use crate::layout::*;
use crate::link::Shared;
use crate::wait;

/// One side of a link.
pub(crate) struct ShmEndpoint {
    side: Side,
    shared: Arc<Shared>,
    /// Lanes opened or accepted.
    lanes: Mutex<u32>,
}

impl ShmEndpoint {
    pub(crate) fn attach(side: Side, shared: Arc<Shared>) -> Self {
        Self {
            side,
            shared,
            lanes: Mutex::new(0),
        }
    }

    fn ended(&self) -> bool {
        self.shared.segment.word(AT_LINK_END).load(SeqCst) != 0
    }
}

impl Endpoint for ShmEndpoint {
    fn open(&self) -> Result<Box<dyn Lane>, Error> {
        if self.side != Side::Home {
            return Err(Error::new("only home opens lanes"));
        }
        let Shared { segment, shape, .. } = &*self.shared;
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let index = *lanes;
        if index == shape.lanes {
            let message = format!("all {index} lanes of the link have been opened");
            return Err(Error::new(message).with_hint("raise `lanes` in the transport's options"));
        }
        self.shared.prepare(index)?;
        for mailbox in [shape.lane(index), shape.lane(index) + MAILBOX_SIZE] {
            segment
                .long(mailbox + AT_HEAD)
                .store(shape.first.into(), SeqCst);
        }
        *lanes += 1;
        segment.word(AT_OPENED).store(*lanes, SeqCst);
        if self.ended() {
            self.shared.shut(index);
            return Err(closed());
        }
        // Who accepts takes this back: it may have found this lane already, and wait for the next one.
        match segment.word(AT_ACCEPTING).load(SeqCst) {
            IN_FUTEX => wait::wake(segment.word(AT_OPENED)),
            WITH_DOORMAN => self.shared.ring(Side::Worker),
            _ => {}
        }
        Ok(Box::new(ShmLane::new(
            self.shared.clone(),
            self.side,
            index,
        )))
    }

    fn accept(&self) -> Result<Box<dyn Lane>, Error> {
        if self.side != Side::Worker {
            return Err(Error::new("only a worker accepts lanes"));
        }
        let Shared { segment, shape, .. } = &*self.shared;
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = segment.word(AT_OPENED);
        loop {
            let count = opened.load(SeqCst);
            if self.ended() {
                return Err(closed());
            }
            let accepting = segment.word(AT_ACCEPTING);
            if count.min(shape.lanes) > *lanes {
                accepting.store(AWAKE, SeqCst);
                *lanes += 1;
                return Ok(Box::new(ShmLane::new(
                    self.shared.clone(),
                    self.side,
                    *lanes - 1,
                )));
            }
            accepting.store(IN_FUTEX, SeqCst);
            if opened.load(SeqCst) == count && !self.ended() {
                wait::sleep(opened, count);
            }
        }
    }
}
