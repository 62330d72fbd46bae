//! What each file held when it was last looked at: the difference between an event and a change.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Larger files are compared by length and time: reading them at each start would cost more than a
/// needless rebuild.
const READ_UP_TO: u64 = 4 << 20;

/// What is remembered of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    length: u64,
    modified: Option<SystemTime>,
    /// `None` for a large file.
    hash: Option<u64>,
}

impl Mark {
    fn of(path: &Path) -> Option<Self> {
        let mut file = std::fs::File::open(path).ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() {
            return None;
        }
        let mut mark = Self {
            length: meta.len(),
            modified: meta.modified().ok(),
            hash: None,
        };
        if meta.len() <= READ_UP_TO {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).ok()?;
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            mark.length = bytes.len() as u64;
            mark.hash = Some(hasher.finish());
        }
        Some(mark)
    }

    fn same_content(&self, other: &Self) -> bool {
        self.length == other.length
            && match (self.hash, other.hash) {
                (Some(own), Some(others)) => own == others,
                _ => self.modified == other.modified,
            }
    }
}

/// The known files and what they held.
#[derive(Debug, Default)]
pub struct Contents {
    marks: BTreeMap<PathBuf, Mark>,
}

impl Contents {
    /// Takes the file as it is. No change.
    pub fn learn(&mut self, path: &Path) {
        if let Some(mark) = Mark::of(path) {
            self.marks.insert(path.to_owned(), mark);
        }
    }

    /// Looks at the file. `true` if it holds something else than before, appeared or went.
    pub fn look(&mut self, path: &Path) -> bool {
        match (Mark::of(path), self.marks.get(path)) {
            (None, None) => false,
            (None, Some(_)) => {
                self.marks.remove(path);
                true
            }
            (Some(new), old) => {
                let differs = !old.is_some_and(|old| old.same_content(&new));
                self.marks.insert(path.to_owned(), new);
                differs
            }
        }
    }

    /// Whether the file's length or time is not the remembered one: worth a look.
    pub fn looks_touched(&self, path: &Path) -> bool {
        let known = self.marks.get(path);
        match path.metadata().ok().filter(std::fs::Metadata::is_file) {
            None => known.is_some(),
            Some(meta) => !known.is_some_and(|mark| {
                mark.length == meta.len() && mark.modified == meta.modified().ok()
            }),
        }
    }

    /// Known files in this directory and below.
    pub fn below(&self, directory: &Path) -> Vec<PathBuf> {
        self.marks
            .range(directory.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(directory))
            .filter(|path| path.as_path() != directory)
            .cloned()
            .collect()
    }

    /// All known files.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.marks.keys()
    }

    /// Forgets files that no longer matter.
    pub fn keep(&mut self, mut matters: impl FnMut(&Path) -> bool) {
        self.marks.retain(|path, _| matters(path));
    }

    /// Whether it is known at all.
    pub fn knows(&self, path: &Path) -> bool {
        self.marks.contains_key(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_content_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.go");
        let mut contents = Contents::default();
        assert!(!contents.look(&path), "it never was there");
        std::fs::write(&path, "one").unwrap();
        assert!(contents.look(&path), "it appeared");
        std::fs::write(&path, "one").unwrap();
        assert!(!contents.look(&path), "written again as it was");
        std::fs::write(&path, "two").unwrap();
        assert!(contents.look(&path), "same length, other bytes");
        std::fs::remove_file(&path).unwrap();
        assert!(contents.look(&path), "it went");
        assert!(!contents.look(&path));
    }

    #[test]
    fn a_directory_knows_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut contents = Contents::default();
        for name in ["a/x.go", "a/b/y.go", "ab/z.go", "a.go"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, name).unwrap();
            contents.learn(&path);
        }
        let below = contents.below(&dir.path().join("a"));
        assert_eq!(
            below,
            [dir.path().join("a/b/y.go"), dir.path().join("a/x.go")]
        );
    }
}
