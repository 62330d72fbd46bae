//! A lane over a byte stream.

use std::sync::Arc;

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Frame, Lane};

use crate::{HEADER_SIZE, Stream, Streams};

/// How much of an announced payload is reserved before its bytes arrive.
const RESERVE_UP_TO: usize = 1 << 20;

/// A lane over one connected stream.
pub struct StreamLane {
    stream: Arc<dyn Stream>,
    streams: Streams,
    id: u64,
    limit: u32,
    out: Vec<u8>,
}

impl StreamLane {
    /// Makes a lane of a connected stream that is added to the link's set.
    pub fn new(stream: Arc<dyn Stream>, streams: &Streams, limit: u32) -> Result<Self, Error> {
        let id = streams.add(stream.clone()).ok_or_else(closed)?;
        Ok(Self {
            stream,
            streams: streams.clone(),
            id,
            limit,
            out: Vec::new(),
        })
    }

    fn read_exact(&self, mut into: &mut [u8]) -> Result<(), Error> {
        while !into.is_empty() {
            match self.stream.read(into) {
                Ok(0) => return Err(closed()),
                Ok(n) => into = &mut into[n..],
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(closed()),
            }
        }
        Ok(())
    }
}

/// The error of every call on a closed lane.
pub(crate) fn closed() -> Error {
    Error::new("the lane is closed")
}

impl Lane for StreamLane {
    fn send(&mut self, frame: &Frame) -> Result<(), Error> {
        let length = u32::try_from(frame.payload.len())
            .ok()
            .filter(|length| *length <= self.limit);
        let Some(length) = length else {
            let message = format!(
                "a frame of {} bytes is longer than the transport's limit",
                frame.payload.len()
            );
            return Err(Error::new(message).with_hint(format!(
                "raise `limit` (now {}) in the transport's options",
                self.limit
            )));
        };
        self.out.clear();
        self.out.extend_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(&frame.kind.to_le_bytes());
        self.out.extend_from_slice(&frame.flags.to_le_bytes());
        self.out.extend_from_slice(&frame.call.to_le_bytes());
        self.out.extend_from_slice(&frame.payload);
        let sent = self.stream.write_all(&self.out);
        self.out.truncate(RESERVE_UP_TO);
        self.out.shrink_to(RESERVE_UP_TO);
        sent.map_err(|_| closed())
    }

    fn recv(&mut self) -> Result<Frame, Error> {
        let mut header = [0; HEADER_SIZE];
        self.read_exact(&mut header)?;
        let (length, mut frame) = decode(&header);
        if length > self.limit {
            self.close();
            return Err(Error::new(format!(
                "the peer announced a frame of {length} bytes, beyond the limit of {}",
                self.limit
            )));
        }
        let mut left = length as usize;
        while left > 0 {
            let start = frame.payload.len();
            let step = left.min(RESERVE_UP_TO);
            frame.payload.resize(start + step, 0);
            self.read_exact(&mut frame.payload[start..])?;
            left -= step;
        }
        Ok(frame)
    }

    fn close(&mut self) {
        self.streams.remove(self.id);
    }
}

impl Drop for StreamLane {
    fn drop(&mut self) {
        self.close();
    }
}

/// Splits a header into the payload's length and a frame without payload. Any bytes are a header.
fn decode(header: &[u8; HEADER_SIZE]) -> (u32, Frame) {
    let [l0, l1, l2, l3, k0, k1, f0, f1, call @ ..] = *header;
    let frame = Frame {
        kind: u16::from_le_bytes([k0, k1]),
        flags: u16::from_le_bytes([f0, f1]),
        call: u64::from_le_bytes(call),
        payload: Vec::new(),
    };
    (u32::from_le_bytes([l0, l1, l2, l3]), frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn pair(limit: u32) -> (StreamLane, StreamLane) {
        let (a, b) = UnixStream::pair().unwrap();
        let streams = Streams::default();
        let lane = |stream| StreamLane::new(Arc::new(stream), &streams, limit).unwrap();
        (lane(a), lane(b))
    }

    #[test]
    fn frames_arrive_as_sent() {
        let (mut a, mut b) = pair(1 << 20);
        for size in [0, 1, 15, 16, 17, 4096] {
            let frame = Frame {
                kind: 7,
                flags: 0x8001,
                call: u64::MAX - 1,
                payload: vec![size as u8; size],
            };
            a.send(&frame).unwrap();
            assert_eq!(b.recv().unwrap(), frame);
        }
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_by_both_ends() {
        let (mut a, _b) = pair(10);
        let error = a
            .send(&Frame {
                payload: vec![0; 11],
                ..Frame::default()
            })
            .unwrap_err();
        assert!(error.message.contains("11 bytes"), "{error}");
        let (b, c) = UnixStream::pair().unwrap();
        let mut reader = StreamLane::new(Arc::new(c), &Streams::default(), 10).unwrap();
        Stream::write_all(&b, &[11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert!(
            reader
                .recv()
                .unwrap_err()
                .message
                .contains("beyond the limit")
        );
    }

    #[test]
    fn closing_one_end_ends_the_other() {
        let (mut a, mut b) = pair(10);
        a.close();
        assert!(b.recv().is_err());
        assert!(a.recv().is_err());
    }
}
