//! The shared memory: the only file of this half with `unsafe` in it.
//!
//! The peer may write anywhere at any time. So there is no reference into the memory but to atomics; bytes are
//! copied out once and looked at in the copy; and every offset is checked against the mapping's size.
#![expect(unsafe_code, reason = "shared memory is reached through raw pointers")]

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64};

use fire_plugin_api::Error;
use shared_memory::{Shmem, ShmemConf, ShmemError};

/// Where `shm_open` puts its files (shm_overview(7)).
pub(crate) const DIRECTORY: &str = "/dev/shm";

/// A mapped segment that this process made. Its name goes with it, if not before.
pub(crate) struct Segment {
    memory: Shmem,
    file: File,
    path: PathBuf,
}

// SAFETY: the mapping stays where it is until drop, and is only reached through atomics and raw copies.
unsafe impl Send for Segment {}
// SAFETY: as above: no method hands out a reference to anything but atomics.
unsafe impl Sync for Segment {}

impl Segment {
    /// Makes a segment of mode 0600 with a new name. Its pages are not allocated yet.
    pub fn create(name: &str, size: usize) -> Result<Self, Error> {
        let path = PathBuf::from(DIRECTORY).join(name);
        let memory = ShmemConf::new()
            .os_id(format!("/{name}"))
            .size(size)
            .create()
            .map_err(explain)?;
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| Error::new(format!("cannot open {}: {error}", path.display())))?;
        // Held as long as this process lives: who can take it knows that the segment is a leftover.
        if let Err(error) = lock(&file) {
            return Err(Error::new(format!(
                "cannot lock {}: {error}",
                path.display()
            )));
        }
        Ok(Self { memory, file, path })
    }

    /// The file that the other processes map.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Takes the name away; the memory lives on for those who have mapped it.
    pub fn unlink(&self) -> std::io::Result<()> {
        match std::fs::metadata(&self.path) {
            Ok(about) if about.ino() == self.file.metadata()?.ino() => {
                std::fs::remove_file(&self.path)
            }
            _ => Ok(()),
        }
    }

    /// Allocates the pages of a range now, so that touching them later cannot end the process.
    pub fn prepare(&self, from: usize, to: usize) -> Result<(), Error> {
        use rustix::fs::{FallocateFlags, fallocate};
        loop {
            match fallocate(
                &self.file,
                FallocateFlags::empty(),
                from as u64,
                (to - from) as u64,
            ) {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    let message = format!(
                        "{DIRECTORY} has no room for {} bytes more: {error}",
                        to - from
                    );
                    return Err(Error::new(message).with_hint(HINT));
                }
            }
        }
    }

    fn at(&self, offset: usize, size: usize) -> *mut u8 {
        let fits = offset
            .checked_add(size)
            .is_some_and(|end| end <= self.memory.len());
        assert!(
            fits,
            "offsets derive from the geometry that the segment was made with"
        );
        // SAFETY: offset lies inside the mapping, as just checked, and the mapping lives as long as self.
        unsafe { self.memory.as_ptr().add(offset) }
    }

    /// The 32-bit word at an offset.
    pub fn word(&self, offset: usize) -> &AtomicU32 {
        let at = self.at(offset, 4).cast::<u32>();
        assert!(at.is_aligned());
        // SAFETY: inside the mapping and aligned, as just checked; everyone in this process reaches it as an atomic.
        unsafe { AtomicU32::from_ptr(at) }
    }

    /// The 64-bit word at an offset.
    pub fn long(&self, offset: usize) -> &AtomicU64 {
        let at = self.at(offset, 8).cast::<u64>();
        assert!(at.is_aligned());
        // SAFETY: inside the mapping and aligned, as just checked; everyone in this process reaches it as an atomic.
        unsafe { AtomicU64::from_ptr(at) }
    }

    /// Appends a copy of the bytes at an offset.
    pub fn read(&self, offset: usize, size: usize, into: &mut Vec<u8>) {
        let from = self.at(offset, size);
        into.reserve(size);
        let end = into.len();
        // SAFETY: `size` bytes are readable at `from` and, after reserve, writable at `end`; the two do not overlap,
        // since one is in the mapping and the other on the heap. A peer that writes meanwhile garbles the copy only.
        unsafe { std::ptr::copy_nonoverlapping(from, into.as_mut_ptr().add(end), size) };
        // SAFETY: these bytes have just been written, and any bytes are a u8.
        unsafe { into.set_len(end + size) };
    }

    /// Copies bytes to an offset.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        let to = self.at(offset, bytes.len());
        // SAFETY: the range lies inside the mapping, as `at` has checked, and apart from `bytes`, which are private memory.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }
}

/// Takes the lock that says that the maker of a segment lives. It lasts as long as the file is open.
pub(crate) fn lock(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::flock(
        file,
        rustix::fs::FlockOperation::NonBlockingLockExclusive,
    )?)
}

const HINT: &str = "enlarge /dev/shm (a container's is set with --shm-size), or set `transport = \"pipe\"` in fire.toml";

fn explain(error: ShmemError) -> Error {
    let message = match error {
        ShmemError::MapCreateFailed(code) | ShmemError::UnknownOsError(code) => {
            let code = std::io::Error::from_raw_os_error(code as i32);
            format!("cannot make shared memory in {DIRECTORY}: {code}")
        }
        error => format!("cannot make shared memory in {DIRECTORY}: {error}"),
    };
    Error::new(message).with_hint(HINT)
}
