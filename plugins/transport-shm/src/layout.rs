//! The layout of a segment: the constants of `go/layout.go`, where each is explained, and the private
//! copy of the geometry that all offsets derive from.

pub(crate) const MAGIC: u64 = 0x6d68_7365_7269_6601;
pub(crate) const LAYOUT_VERSION: u32 = 1;

pub(crate) const AT_MAGIC: usize = 0;
pub(crate) const AT_VERSION: usize = 8;
pub(crate) const AT_NONCE: usize = 16;
pub(crate) const AT_LANES: usize = 24;
pub(crate) const AT_BLOCKS: usize = 28;
pub(crate) const AT_LIMIT: usize = 32;
pub(crate) const AT_FIRST: usize = 36;
pub(crate) const AT_SPIN: usize = 40;
pub(crate) const AT_PREPARED: usize = 44;
pub(crate) const AT_LINK_END: usize = 128;
pub(crate) const AT_OPENED: usize = 256;
pub(crate) const AT_ACCEPTING: usize = 384;
pub(crate) const AT_HOME: usize = 1024;
pub(crate) const AT_WORKER: usize = 3584;
pub(crate) const AT_CLAIMED: usize = 6144;
pub(crate) const HEADER_SIZE: usize = 8192;

pub(crate) const AT_ASLEEP: usize = 0;
pub(crate) const AT_SUMMARY: usize = 128;
pub(crate) const AT_NEWS: usize = 256;

pub(crate) const BLOCK_SIZE: usize = 65536;
pub(crate) const MOST_BLOCKS: u32 = 512;
pub(crate) const MOST_LANES: u32 = 16384;
pub(crate) const LANE_SIZE: usize = 4096;
pub(crate) const MAILBOX_SIZE: usize = 2048;

pub(crate) const AT_HEAD: usize = 0;
pub(crate) const AT_WHAT: usize = 8;
pub(crate) const AT_CALL: usize = 16;
pub(crate) const AT_INLINE: usize = 24;
pub(crate) const INLINE_SIZE: usize = 40;
pub(crate) const AT_WAITING: usize = 128;
pub(crate) const AT_BULK: usize = 256;
pub(crate) const BULK_SIZE: usize = 1792;

pub(crate) const FORM_INLINE: u16 = 0;
pub(crate) const FORM_BULK: u16 = 1;
pub(crate) const FORM_BLOCK: u16 = 2;
pub(crate) const FORM_NEXT: u16 = 3;
pub(crate) const FORM_MORE: u16 = 0x8000;

pub(crate) const AWAKE: u32 = 0;
pub(crate) const IN_FUTEX: u32 = 1;
pub(crate) const WITH_DOORMAN: u32 = 2;
pub(crate) const SHUT_DOWN: u32 = 3;

/// The shape of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub lanes: u32,
    pub blocks: u32,
    pub limit: u32,
    pub first: u32,
    pub spin_ns: u32,
}

impl Geometry {
    /// Where a block of the arena lies.
    pub fn arena(&self, block: u32) -> usize {
        HEADER_SIZE + block as usize * BLOCK_SIZE
    }

    /// Where a lane lies; with the number of lanes, where the segment ends.
    pub fn lane(&self, index: u32) -> usize {
        self.arena(self.blocks) + index as usize * LANE_SIZE
    }

    /// The size of the segment.
    pub fn size(&self) -> usize {
        self.lane(self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every constant of the Go half, by its name there.
    fn golden() -> Vec<(String, u64)> {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        include_str!("../go/layout.go")
            .lines()
            .filter_map(|line| line.split("//").next()?.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), number(value.trim()).unwrap()))
            .collect()
    }

    #[test]
    fn both_halves_have_the_same_layout() {
        let here: &[(&str, u64)] = &[
            ("magic", MAGIC),
            ("layoutVersion", LAYOUT_VERSION.into()),
            ("atMagic", AT_MAGIC as u64),
            ("atVersion", AT_VERSION as u64),
            ("atNonce", AT_NONCE as u64),
            ("atLanes", AT_LANES as u64),
            ("atBlocks", AT_BLOCKS as u64),
            ("atLimit", AT_LIMIT as u64),
            ("atFirst", AT_FIRST as u64),
            ("atSpin", AT_SPIN as u64),
            ("atPrepared", AT_PREPARED as u64),
            ("atLinkEnd", AT_LINK_END as u64),
            ("atOpened", AT_OPENED as u64),
            ("atAccepting", AT_ACCEPTING as u64),
            ("atHome", AT_HOME as u64),
            ("atWorker", AT_WORKER as u64),
            ("atClaimed", AT_CLAIMED as u64),
            ("headerSize", HEADER_SIZE as u64),
            ("atAsleep", AT_ASLEEP as u64),
            ("atSummary", AT_SUMMARY as u64),
            ("atNews", AT_NEWS as u64),
            ("sideSize", (AT_WORKER - AT_HOME) as u64),
            ("blockSize", BLOCK_SIZE as u64),
            ("mostBlocks", MOST_BLOCKS.into()),
            ("mostLanes", MOST_LANES.into()),
            ("laneSize", LANE_SIZE as u64),
            ("mailboxSize", MAILBOX_SIZE as u64),
            ("atHead", AT_HEAD as u64),
            ("atWhat", AT_WHAT as u64),
            ("atCall", AT_CALL as u64),
            ("atInline", AT_INLINE as u64),
            ("inlineSize", INLINE_SIZE as u64),
            ("atWaiting", AT_WAITING as u64),
            ("atBulk", AT_BULK as u64),
            ("bulkSize", BULK_SIZE as u64),
            ("formInline", FORM_INLINE.into()),
            ("formBulk", FORM_BULK.into()),
            ("formBlock", FORM_BLOCK.into()),
            ("formNext", FORM_NEXT.into()),
            ("formMore", FORM_MORE.into()),
            ("awake", AWAKE.into()),
            ("inFutex", IN_FUTEX.into()),
            ("withDoorman", WITH_DOORMAN.into()),
            ("shutDown", SHUT_DOWN.into()),
        ];
        let here: Vec<_> = here
            .iter()
            .map(|(name, value)| (name.to_string(), *value))
            .collect();
        assert_eq!(here, golden());
    }

    const _PARTS_DO_NOT_OVERLAP: () = {
        assert!(AT_NEWS + MOST_LANES as usize / 8 <= AT_WORKER - AT_HOME);
        assert!(AT_WORKER + (AT_WORKER - AT_HOME) <= AT_CLAIMED);
        assert!(AT_CLAIMED + MOST_BLOCKS as usize / 8 <= HEADER_SIZE);
        assert!(AT_BULK + BULK_SIZE == MAILBOX_SIZE);
        assert!(AT_INLINE + INLINE_SIZE == 64);
        assert!(2 * MAILBOX_SIZE == LANE_SIZE);
    };
}
