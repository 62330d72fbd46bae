//! Removes the segments of hosts that were killed before both sides had attached.
//!
//! A host holds a lock on each segment that has a name. The kernel releases it when the host ends, however it
//! ends; so whoever gets the lock has found a leftover. Process ids would not do: hosts in other containers may share
//! /dev/shm.

use std::fs::File;
use std::path::Path;

use crate::segment::{DIRECTORY, lock};

/// What the names of segments begin with.
pub(crate) const PREFIX: &str = "fire-lanes-";

/// Removes what dead hosts have left. Best effort: what cannot be removed is not this user's.
pub(crate) fn leftovers() {
    sweep(Path::new(DIRECTORY));
}

fn sweep(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return; // Creating a segment will say what is wrong.
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_leftover(&entry.path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether nobody holds the segment's lock. One that has just been made is not locked yet: those younger than a
/// minute stay.
fn is_leftover(path: &Path) -> bool {
    let Ok(file) = File::options().read(true).write(true).open(path) else {
        return false;
    };
    let young = file
        .metadata()
        .and_then(|about| about.modified())
        .map_or(true, |made| {
            made.elapsed().is_ok_and(|age| age.as_secs() < 60)
        });
    !young && lock(&file).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_leftover_goes_and_a_held_or_new_segment_stays() {
        let directory = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let file = File::create_new(directory.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(120))
                .unwrap();
            file
        };
        drop(make("fire-lanes-dead"));
        drop(make("another"));
        let held = make("fire-lanes-held");
        lock(&held).unwrap();
        File::create_new(directory.path().join("fire-lanes-new")).unwrap();
        sweep(directory.path());
        let mut left: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["another", "fire-lanes-held", "fire-lanes-new"]);
    }
}
