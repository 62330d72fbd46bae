//! `lock.toml` beside installed libraries: where each came from and the SHA-256 of its bytes. A library
//! is compared with it before each load, so one that was exchanged is not run.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::error::PluginError;

/// The lock file's name.
pub const FILE: &str = "lock.toml";

/// SHA-256 of a library, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = sha2::Sha256::digest(bytes);
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One installed plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `transport`, `split` or `policy`.
    pub kind: String,
    /// Of the plugin's crate.
    pub version: String,
    /// fire-plugin-api's.
    pub api: String,
    /// What `fire plugin add` was given.
    pub source: String,
    /// Of the library.
    pub sha256: Digest,
}

/// A directory's lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// By plugin name.
    #[serde(default)]
    pub plugin: BTreeMap<String, Entry>,
}

impl Lock {
    /// The directory's lock file; an empty one if there is none.
    pub fn read(directory: &Path) -> Result<Self, PluginError> {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(PluginError::new(format!(
                    "{} cannot be read: {error}",
                    path.display()
                )));
            }
        };
        toml::from_str(&text).map_err(|error| {
            PluginError::new(format!("{} is damaged", path.display()))
                .with_hint("remove it and run `fire plugin add` again for each plugin")
                .with_detail(error.to_string())
        })
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        replace(
            &directory.join(FILE),
            format!("# Written by `fire plugin add` and `remove`.\n\n{text}").as_bytes(),
            0o600,
        )
    }
}

/// Puts the bytes at that path by a rename, so that nobody sees half of them and a library that is in
/// use keeps its own.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new: PathBuf = path.with_file_name(name);
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(directory.path()), Ok(Lock::default()));
        let entry = Entry {
            kind: "policy".to_owned(),
            version: "0.1.0".to_owned(),
            api: "1.0.0".to_owned(),
            source: "path ../careful".to_owned(),
            sha256: Digest::of(b"abc"),
        };
        let lock = Lock {
            plugin: BTreeMap::from([("careful".to_owned(), entry)]),
        };
        lock.write(directory.path()).unwrap();
        assert_eq!(Lock::read(directory.path()), Ok(lock));
        let files = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(files, 1, "no temporary file is left");
    }

    #[test]
    fn a_damaged_lock_is_an_error_and_not_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "plugin = 3").unwrap();
        assert!(Lock::read(directory.path()).is_err());
    }

    #[test]
    fn sha_256_as_everybody_writes_it() {
        assert_eq!(
            Digest::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
