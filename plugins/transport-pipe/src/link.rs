//! A link's two sockets, and its end.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fire_plugin_api::Error;
use fire_plugin_api::transport::{Endpoint, Link, Side};

use crate::endpoint::PipeEndpoint;

/// The longest path of a socket, less its final zero byte (`sun_path` in unix(7)).
const LONGEST_PATH: usize = 107;

/// A link of the pipe transport.
pub struct PipeLink {
    lanes: PathBuf,
    host: PathBuf,
    limit: u32,
    /// Gone once the link is closed. Nobody accepts on it.
    held: Mutex<Option<UnixListener>>,
}

impl PipeLink {
    pub(crate) fn create(directory: &Path, limit: u32) -> Result<Self, Error> {
        let mut random = [0; 4];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::new(format!("no random numbers: {error}")))?;
        // Several links may share a directory.
        let name = u32::from_ne_bytes(random);
        let lanes = directory.join(format!("{name:08x}.lanes"));
        let host = directory.join(format!("{name:08x}.host"));
        if lanes.as_os_str().as_bytes().len() > LONGEST_PATH {
            return Err(Error::new(format!(
                "{} is too long for the path of a socket",
                lanes.display()
            ))
            .with_hint("set TMPDIR to a directory with a shorter name, or use the shm transport"));
        }
        if lanes.to_string_lossy().contains([';', '\n']) || lanes.to_str().is_none() {
            return Err(Error::new(format!(
                "{}: a link's directory must be UTF-8 without `;`",
                lanes.display()
            )));
        }
        let held = UnixListener::bind(&host).map_err(|error| {
            Error::new(format!(
                "cannot make the socket {}: {error}",
                host.display()
            ))
        })?;
        Ok(Self {
            lanes,
            host,
            limit,
            held: Mutex::new(Some(held)),
        })
    }
}

impl Link for PipeLink {
    fn descriptor(&self, _side: Side) -> String {
        format!(
            "path={};host={};limit={}",
            self.lanes.display(),
            self.host.display(),
            self.limit
        )
    }

    fn attached(&self) -> Result<(), Error> {
        // Home dials the other socket for as long as the link lives.
        remove(&self.host)
    }

    fn close(&self, _cause: &str) {
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(held);
        for path in [&self.lanes, &self.host] {
            // The directory goes at the end in any case.
            let _ = remove(path);
        }
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        Ok(Box::new(PipeEndpoint::attach(
            side,
            &self.lanes,
            &self.host,
            self.limit,
        )?))
    }
}

impl Drop for PipeLink {
    fn drop(&mut self) {
        self.close("dropped");
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::new(format!(
            "cannot remove {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}
