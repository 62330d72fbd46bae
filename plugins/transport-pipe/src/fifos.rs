//! A lane's two FIFOs, or the socket that the Go half takes when there are many, and how the ends of one side travel to the other.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use fire_transport_stream::Stream;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, openat, unlinkat};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The byte of a datagram that carries ends: the layout's version.
const LANES_ENDS: u8 = 1;

/// What one side has of a lane.
#[derive(Debug)]
pub struct Ends {
    /// What it reads from.
    pub from: OwnedFd,
    /// What it writes to. A FIFO is open for reading as well: a write raises no signal when the peer is gone.
    pub to: OwnedFd,
}

impl Ends {
    /// Makes a lane's FIFOs at two paths, which are gone when it returns: the ends of this side, then of the other.
    pub fn pair(back: &Path, there: &Path) -> io::Result<(Self, Self)> {
        let (from, their_to) = fifo(back)?;
        let (their_from, to) = fifo(there)?;
        let theirs = Self {
            from: their_from,
            to: their_to,
        };
        Ok((Self { from, to }, theirs))
    }

    /// Sends them in a datagram. Whoever takes it has copies.
    pub fn hand(&self, socket: impl AsFd) -> io::Result<()> {
        let descriptors = [self.from.as_fd(), self.to.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        rights.push(SendAncillaryMessage::ScmRights(&descriptors));
        let said = [io::IoSlice::new(&[LANES_ENDS])];
        retry_on_intr(|| sendmsg(&socket, &said, &mut rights, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Waits for a datagram. `None`: it carries no ends, or the socket is shut down.
    pub fn take(socket: impl AsFd) -> io::Result<Option<Self>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut said = [0; 2];
        let length = retry_on_intr(|| {
            let mut into = [io::IoSliceMut::new(&mut said)];
            recvmsg(&socket, &mut into, &mut rights, RecvFlags::CMSG_CLOEXEC)
        })?
        .bytes;
        let descriptors: Vec<OwnedFd> = rights
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                _ => None,
            })
            .flatten()
            .collect();
        if length != 1 || said[0] != LANES_ENDS {
            return Ok(None);
        }
        let mut descriptors = descriptors.into_iter();
        Ok(match (descriptors.next(), descriptors.next()) {
            (Some(from), Some(to)) => Some(Self { from, to }),
            (Some(socket), None) => Some(Self {
                from: socket.try_clone()?,
                to: socket,
            }),
            (None, _) => None,
        })
    }
}

/// The end to read from and the one to write to.
fn fifo(path: &Path) -> io::Result<(OwnedFd, OwnedFd)> {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    let open = |how| {
        let how = how | OFlags::NONBLOCK | OFlags::CLOEXEC;
        retry_on_intr(|| openat(CWD, path, how, Mode::empty()))
    };
    let ends = open(OFlags::RDONLY).and_then(|from| Ok((from, open(OFlags::RDWR)?)));
    unlinkat(CWD, path, rustix::fs::AtFlags::empty())?;
    Ok(ends?)
}

/// The ends of one side as a stream.
pub(crate) struct Fifos {
    /// Gone once it is shut down: closing them is what the peer notices.
    ends: RwLock<Option<Ends>>,
    /// Readable from the shutdown on. Whoever waits leaves then.
    over: OwnedFd,
}

impl Fifos {
    pub(crate) fn new(ends: Ends) -> io::Result<Self> {
        Ok(Self {
            ends: RwLock::new(Some(ends)),
            over: eventfd(0, EventfdFlags::CLOEXEC)?,
        })
    }

    /// Waits for news, or for room to write; false once it is shut down, or the peer has hung up while there is no room.
    fn wait(&self, ends: &Ends, for_room: bool) -> io::Result<bool> {
        let of_to = if for_room {
            PollFlags::OUT
        } else {
            PollFlags::empty()
        };
        let mut polled = [
            PollFd::new(&self.over, PollFlags::IN),
            PollFd::new(&ends.from, PollFlags::IN),
            PollFd::new(&ends.to, of_to),
        ];
        retry_on_intr(|| poll(&mut polled, None))?;
        let [over, from, to] = polled.map(|one| one.revents());
        let hung_up = for_room && from.contains(PollFlags::HUP) && !to.contains(PollFlags::OUT);
        Ok(over.is_empty() && !hung_up)
    }
}

impl Stream for Fifos {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let ends = self.ends.read().unwrap_or_else(PoisonError::into_inner);
        let Some(ends) = &*ends else { return Ok(0) };
        loop {
            match rustix::io::read(&ends.from, &mut *into) {
                Err(Errno::AGAIN) if self.wait(ends, false)? => {}
                Err(Errno::AGAIN) => return Ok(0),
                Err(Errno::INTR) => {}
                done => return Ok(done?),
            }
        }
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let ends = self.ends.read().unwrap_or_else(PoisonError::into_inner);
        let Some(ends) = &*ends else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        while !bytes.is_empty() {
            match rustix::io::write(&ends.to, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::AGAIN) if self.wait(ends, true)? => {}
                Err(Errno::AGAIN) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn shutdown(&self) {
        // A counter of 64 bits is never full.
        let _ = rustix::io::write(&self.over, &1u64.to_ne_bytes());
        *self.ends.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Fifos, Fifos) {
        let directory = tempfile::tempdir().unwrap();
        let (back, there) = (
            directory.path().join("back"),
            directory.path().join("there"),
        );
        let (ours, theirs) = Ends::pair(&back, &there).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        (Fifos::new(ours).unwrap(), Fifos::new(theirs).unwrap())
    }

    #[test]
    fn a_peer_that_hangs_up_ends_a_writer_without_room() {
        let (ours, theirs) = pair();
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| ours.write_all(&[0; 1 << 20]));
            theirs.read(&mut [0; 100]).unwrap();
            theirs.shutdown();
            writing.join().unwrap().unwrap_err();
        });
        assert_eq!(ours.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn what_was_sent_before_the_end_still_arrives() {
        let (ours, theirs) = pair();
        theirs.write_all(b"last").unwrap();
        theirs.shutdown();
        let mut read = [0; 10];
        assert_eq!(ours.read(&mut read).unwrap(), 4);
        assert_eq!(ours.read(&mut read).unwrap(), 0);
    }

    #[test]
    fn a_shutdown_wakes_whoever_waits() {
        let (ours, _theirs) = pair();
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| ours.read(&mut [0; 1]).unwrap());
            ours.shutdown();
            assert_eq!(reading.join().unwrap(), 0);
        });
        ours.write_all(&[1]).unwrap_err();
    }
}
