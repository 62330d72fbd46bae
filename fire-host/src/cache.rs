//! What fire keeps in the user's cache directory from one session to the next, and when it goes.
//!
//! Compiled shadow packages are added at every edit, Go halves with every version of fire. As in Go's own build cache, what
//! is used is marked so once an hour at most, and what has not been used for long is removed; when there is too much, what
//! was used least recently goes first.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::agent::cache;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Of shadow packages.
const SHADOWS: Limits = Limits {
    age: DAY.saturating_mul(5),
    bytes: 2 << 30,
};

/// Of Go halves: a session may run for long without a build.
const HALVES: Duration = DAY.saturating_mul(30);

/// How much is kept.
struct Limits {
    age: Duration,
    bytes: u64,
}

/// Where compiled shadow packages are.
pub fn shadows() -> PathBuf {
    cache().join("shadow")
}

/// Marks a file or a directory as used now.
pub fn used(path: &Path) {
    let now = SystemTime::now();
    let old = |meta: Metadata| meta.modified().is_ok_and(|then| age(then, now) > HOUR);
    if path.metadata().is_ok_and(old)
        && let Ok(file) = File::open(path)
    {
        // Who may not mark it loses a cached file some day.
        let _ = file.set_modified(now);
    }
}

/// Removes what is not worth its place. Once an hour; other fires may do the same at the same time.
pub fn trim() {
    let (cache, now) = (cache(), SystemTime::now());
    let mark = cache.join("trimmed");
    let lately = |meta: Metadata| meta.modified().is_ok_and(|then| age(then, now) < HOUR);
    if mark.metadata().is_ok_and(lately) || std::fs::write(&mark, "").is_err() {
        return;
    }
    trim_files(&shadows(), &SHADOWS, now);
    for entry in std::fs::read_dir(&cache).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with("agent-") || name.starts_with("lane-");
        let then = entry.metadata().and_then(|meta| meta.modified());
        if ours && then.is_ok_and(|then| age(then, now) > HALVES) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn trim_files(directory: &Path, limits: &Limits, now: SystemTime) {
    let mut files: Vec<(SystemTime, u64, PathBuf)> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let meta = entry.metadata().ok().filter(Metadata::is_file)?;
            Some((meta.modified().ok()?, meta.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (then, length, path) in files {
        if age(then, now) <= limits.age && bytes <= limits.bytes {
            break;
        }
        let _ = std::fs::remove_file(path);
        bytes = bytes.saturating_sub(length);
    }
}

fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_go_and_then_the_least_recently_used() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let write = |name: &str, hours: u32| {
            let path = directory.path().join(name);
            std::fs::write(&path, [0; 100]).unwrap();
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(now - HOUR * hours).unwrap();
        };
        let left = || {
            let entries = std::fs::read_dir(directory.path()).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        for (name, hours) in [("a", 30), ("b", 20), ("c", 10), ("d", 1)] {
            write(name, hours);
        }
        let limits = Limits {
            age: HOUR * 25,
            bytes: 1_000,
        };
        trim_files(directory.path(), &limits, now);
        assert_eq!(left(), ["b", "c", "d"]);
        used(&directory.path().join("b"));
        let limits = Limits {
            age: HOUR * 25,
            bytes: 200,
        };
        trim_files(directory.path(), &limits, SystemTime::now());
        assert_eq!(left(), ["b", "d"]);
    }
}
