//! The Go halves: embedded here, laid out once per version in the user's cache, and compiled by the user's Go.
//!
//! Nothing here writes into the user's repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fire_plugin_api::transport::GoFile;
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/go");

/// Packages that are linked into the user's program, by the import path they get there.
const HOME: [(&str, &str); 3] = [
    ("fireagent/wire", "wire"),
    ("fireagent/home", "home"),
    ("index", "index"),
];

/// Packages that are linked into workers.
const WORKER: [(&str, &str); 3] = [
    ("fireagent/wire", "wire"),
    ("fireagent/worker", "worker"),
    ("index", "index"),
];

const LANE: &str = "fireagent/lane";

/// Directories that are for the tests of the Go halves alone.
const TEST_DATA: &str = "testdata";

/// The Go halves as files on this machine.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Where they lie. The name holds a digest of the content, so it never changes under anybody's feet.
    pub directory: PathBuf,
    lane: PathBuf,
    lane_files: Vec<String>,
}

/// The user's cache directory for fire.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    base.join("fire")
}

impl Agent {
    /// Lays out the Go halves and the transport's.
    pub fn lay_out(lane: &[GoFile]) -> std::io::Result<Self> {
        let mut digest = Sha256::new();
        let files = sources()?;
        for (name, text) in &files {
            digest.update(name.as_os_str().as_encoded_bytes());
            digest.update(text);
        }
        let directory = cache().join(format!("agent-{}", short(&digest.finalize())));
        for (name, text) in &files {
            write_once(&directory.join(name), text)?;
        }
        let mut digest = Sha256::new();
        for file in lane {
            digest.update(file.name.as_bytes());
            digest.update(file.source.as_bytes());
        }
        let lane_directory = cache().join(format!("lane-{}", short(&digest.finalize())));
        for file in lane {
            write_once(&lane_directory.join(&file.name), file.source.as_bytes())?;
        }
        crate::cache::used(&directory);
        crate::cache::used(&lane_directory);
        Ok(Self {
            directory,
            lane: lane_directory,
            lane_files: lane.iter().map(|file| file.name.clone()).collect(),
        })
    }

    /// The packages of the home build: import path → file name → real file.
    pub fn home(&self) -> BTreeMap<String, BTreeMap<String, PathBuf>> {
        self.packages(&HOME)
    }

    /// The packages of every worker.
    pub fn worker(&self) -> BTreeMap<String, BTreeMap<String, PathBuf>> {
        self.packages(&WORKER)
    }

    /// Whether a file is of the transport's Go half.
    pub fn is_lane(&self, file: &Path) -> bool {
        file.starts_with(&self.lane)
    }

    fn packages(&self, list: &[(&str, &str)]) -> BTreeMap<String, BTreeMap<String, PathBuf>> {
        let mut packages = BTreeMap::new();
        for (path, directory) in list {
            let mut files = BTreeMap::new();
            if let Some(found) = SOURCES.get_dir(directory) {
                for file in found.files() {
                    if let Some(name) = file.path().file_name().and_then(|name| name.to_str())
                        && (name.ends_with(".go") || name.ends_with(".s"))
                        && !name.ends_with("_test.go")
                    {
                        files.insert(name.to_owned(), self.directory.join(file.path()));
                    }
                }
            }
            packages.insert((*path).to_owned(), files);
        }
        let lane = self
            .lane_files
            .iter()
            .map(|name| (name.clone(), self.lane.join(name)))
            .collect();
        packages.insert(LANE.to_owned(), lane);
        packages
    }
}

/// Every file of the Go halves, sorted. A debug build takes them from the source tree, so that a change of them needs no
/// build of fire.
fn sources() -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    if cfg!(debug_assertions) && tree.is_dir() {
        let mut files = Vec::new();
        read_tree(&tree, &tree, &mut files)?;
        files.sort();
        return Ok(files);
    }
    let mut files = Vec::new();
    collect(&SOURCES, &mut files);
    let mut files: Vec<_> = files
        .into_iter()
        .map(|(name, text)| (name, text.to_vec()))
        .collect();
    files.sort();
    Ok(files)
}

fn read_tree(
    root: &Path,
    directory: &Path,
    into: &mut Vec<(PathBuf, Vec<u8>)>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.ends_with(TEST_DATA) {
            continue;
        }
        if path.is_dir() {
            read_tree(root, &path, into)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            into.push((name.to_path_buf(), std::fs::read(&path)?));
        }
    }
    Ok(())
}

fn collect<'a>(directory: &'a Dir<'a>, into: &mut Vec<(PathBuf, &'a [u8])>) {
    for file in directory.files() {
        into.push((file.path().to_path_buf(), file.contents()));
    }
    for inner in directory.dirs() {
        if !inner.path().ends_with(TEST_DATA) {
            collect(inner, into);
        }
    }
}

/// The first 16 hexadecimal digits of a digest.
pub fn short(digest: &[u8]) -> String {
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// How old a file is made. The go command does not index a directory with files that are younger than two seconds, and up to
/// Go 1.25 it does not find packages of an overlay without that index.
const AGE: std::time::Duration = std::time::Duration::from_secs(3600);

/// Writes a file whose name says its content, unless it is there. Readers see all of it or nothing.
fn write_once(path: &Path, text: &[u8]) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() == text.len() as u64) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    std::io::Write::write_all(&mut file, text)?;
    if let Some(then) = std::time::SystemTime::now().checked_sub(AGE) {
        file.as_file().set_modified(then)?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_go_reads_through_the_overlay_is_not_young() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.go");
        super::write_once(&file, b"package a\n").unwrap();
        let age = std::fs::metadata(&file).unwrap().modified().unwrap();
        assert!(age.elapsed().unwrap().as_secs() > 2);
    }
}
