//! `.fire`: everything that fire writes in a project, and the lock that keeps a second fire out.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

/// Name of the directory in the project's root.
pub const DIRECTORY: &str = ".fire";

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another fire runs here.
    #[error("fire already runs for {} (process {pid})", .root.display())]
    Taken {
        /// The project.
        root: PathBuf,
        /// Process id of the other fire, as it wrote it.
        pid: String,
    },
    /// The directory cannot be written.
    #[error("{} cannot be written: {why}", .path.display())]
    Unwritable {
        /// What cannot be written.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
}

impl StateError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Taken { pid, .. } => {
                format!("end it with Ctrl-C where it runs, or with `kill {pid}`")
            }
            Self::Unwritable { .. } => {
                "fire keeps its builds there: make the directory writable".into()
            }
        }
    }
}

/// The state directory, held by this process until dropped.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    _lock: File,
}

impl State {
    /// Makes `.fire` in the root, hides it from git, and takes it.
    pub fn take(root: &Path) -> Result<Self, StateError> {
        let path = root.join(DIRECTORY);
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |why| StateError::Unwritable { path, why }
        };
        std::fs::create_dir_all(&path).map_err(unwritable(&path))?;
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(unwritable(&ignore))?;
        }
        let file = path.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&file)
            .map_err(unwritable(&file))?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut pid = String::new();
            // Whoever holds it may not have written its number yet.
            let _ = lock.read_to_string(&mut pid);
            return Err(StateError::Taken {
                root: root.to_owned(),
                pid: pid.trim().to_owned(),
            });
        }
        lock.set_len(0).map_err(unwritable(&file))?;
        lock.rewind().map_err(unwritable(&file))?;
        writeln!(lock, "{}", std::process::id()).map_err(unwritable(&file))?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_fire_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let first = State::take(dir.path()).unwrap();
        let error = State::take(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("(process {})", std::process::id())),
            "{error}"
        );
        drop(first);
        State::take(dir.path()).unwrap();
    }

    #[test]
    fn git_sees_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::take(dir.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(state.path().join(".gitignore")).unwrap(),
            "*\n"
        );
    }
}
