//! The files of a Go project, found without Go: modules by their `go.mod`, packages by their directories.
//!
//! For comparing two trees that may not even build. What a running program consists of is the go command's
//! answer, not this one's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::source::{BuildContext, Entry, FileKind, Snapshot};

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read: {source}", path.display())]
pub struct DiscoverError {
    /// What could not be read.
    pub path: PathBuf,
    source: io::Error,
}

/// What packages are called where no `go.mod` says it; the go command's own word.
const NO_MODULE: &str = "command-line-arguments";

/// Reads the project in this directory. Paths in the snapshot are relative to it.
pub fn read(root: &Path, context: BuildContext) -> Result<Snapshot, DiscoverError> {
    let mut walk = Walk {
        root,
        modules: BTreeMap::new(),
        files: Vec::new(),
    };
    walk.directory("")?;
    let members = walk.members();
    let (mut entries, mut others) = (Vec::new(), Vec::new());
    for file in &walk.files {
        let Some(package) = walk.package(file, &members) else {
            continue;
        };
        let read = match FileKind::of(file) {
            FileKind::Go | FileKind::Test => !is_out_of_packages(file),
            FileKind::Build => true,
            FileKind::Environment => file == ".env",
            FileKind::Other => false,
        };
        if read {
            entries.push(Entry::new(package, file, walk.bytes(file)?));
        } else {
            others.push(file);
        }
    }
    let mut snapshot = Snapshot::new(context, entries);
    // Only embedded files are of interest, and there may be large ones.
    for file in others {
        if snapshot.embeds(file) {
            let bytes = walk.bytes(file)?;
            snapshot.update(file, Some(bytes));
        }
    }
    Ok(snapshot)
}

struct Walk<'a> {
    root: &'a Path,
    /// Directory → text of its `go.mod`.
    modules: BTreeMap<String, String>,
    /// Relative, with `/`.
    files: Vec<String>,
}

impl Walk<'_> {
    fn bytes(&self, file: &str) -> Result<Vec<u8>, DiscoverError> {
        let path = self.root.join(file);
        std::fs::read(&path).map_err(|source| DiscoverError { path, source })
    }

    fn directory(&mut self, relative: &str) -> Result<(), DiscoverError> {
        let path = self.root.join(relative);
        let failed = |source| DiscoverError {
            path: path.clone(),
            source,
        };
        let mut found: Vec<_> = std::fs::read_dir(&path)
            .and_then(Iterator::collect::<Result<Vec<_>, io::Error>>)
            .map_err(failed)?;
        found.sort_by_key(std::fs::DirEntry::file_name);
        for entry in found {
            // The go command takes no names that are not UTF-8.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let inner = if relative.is_empty() {
                name.clone()
            } else {
                format!("{relative}/{name}")
            };
            // Links to files count as the go command counts them; links to directories are not followed.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                if !matches!(
                    name.as_str(),
                    ".git" | ".hg" | ".svn" | ".fire" | "node_modules"
                ) {
                    self.directory(&inner)?;
                }
            } else if kind.is_file() || self.root.join(&inner).is_file() {
                if name == "go.mod" {
                    let text = String::from_utf8_lossy(&self.bytes(&inner)?).into_owned();
                    self.modules.insert(relative.to_string(), text);
                }
                self.files.push(inner);
            }
        }
        Ok(())
    }

    /// The directories of the modules that the program can be made of: the one here, those that `go.work` uses, and
    /// those that a `replace` points to. Without either here, all of them.
    fn members(&self) -> BTreeSet<String> {
        let workspace = self.files.iter().any(|file| file == "go.work");
        if !workspace && !self.modules.contains_key("") {
            return self.modules.keys().cloned().collect();
        }
        let mut waiting = vec![String::new()];
        if workspace {
            let text = self.bytes("go.work").unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            waiting.extend(module_file::used_directories(&text).filter_map(|to| inside("", to)));
        }
        let mut members = BTreeSet::new();
        while let Some(directory) = waiting.pop() {
            if let Some(text) = self.modules.get(&directory)
                && members.insert(directory.clone())
            {
                let replaced = module_file::replaced_directories(text);
                waiting.extend(replaced.filter_map(|to| inside(&directory, to)));
            }
        }
        members
    }

    /// Import path of the directory that the file lies in; `None` if it belongs to no module of the program.
    fn package(&self, file: &str, members: &BTreeSet<String>) -> Option<String> {
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        let mut above = directory;
        loop {
            if let Some(text) = self.modules.get(above) {
                let module = module_file::module_path(text).unwrap_or(NO_MODULE);
                let below = directory[above.len()..].trim_matches('/');
                return members.contains(above).then(|| join(module, below));
            }
            if above.is_empty() {
                return Some(join(NO_MODULE, directory));
            }
            above = above.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
}

/// Directories that the go command passes over when it looks for packages.
fn is_out_of_packages(file: &str) -> bool {
    let directories = file
        .rsplit_once('/')
        .map_or("", |(directories, _)| directories);
    directories
        .split('/')
        .any(|part| part.starts_with(['.', '_']) || part == "testdata" || part == "vendor")
}

fn join(module: &str, below: &str) -> String {
    if below.is_empty() {
        module.to_string()
    } else {
        format!("{module}/{below}")
    }
}

/// A path of a module file, relative to the root; `None` if it leads out.
fn inside(directory: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The little of `go.mod` and `go.work` that is needed.
mod module_file {
    /// `module x`
    pub(super) fn module_path(text: &str) -> Option<&str> {
        lines(text)
            .find_map(|(verb, rest)| (verb == "module").then_some(rest))
            .map(unquoted)
    }

    /// `use ./x`, also in a group.
    pub(super) fn used_directories(text: &str) -> impl Iterator<Item = &str> {
        lines(text)
            .filter(|(verb, _)| *verb == "use")
            .map(|(_, rest)| unquoted(rest))
    }

    /// `replace a => ./x`, also in a group.
    pub(super) fn replaced_directories(text: &str) -> impl Iterator<Item = &str> {
        lines(text)
            .filter(|(verb, _)| *verb == "replace")
            .filter_map(|(_, rest)| rest.split_once("=>"))
            .map(|(_, to)| unquoted(to.trim()))
            .filter(|to| to.starts_with("./") || to.starts_with("../"))
    }

    /// Each directive: its verb and the rest of its line, groups taken apart.
    fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
        let mut group: Option<&str> = None;
        text.lines().filter_map(move |line| {
            let line = line.split("//").next().unwrap_or_default().trim();
            match group {
                Some(_) if line == ")" => {
                    group = None;
                    None
                }
                Some(verb) => (!line.is_empty()).then_some((verb, line)),
                None => {
                    let (verb, rest) = line.split_once([' ', '\t', '(']).unwrap_or((line, ""));
                    let opened = line.ends_with('(');
                    group = opened.then_some(verb);
                    (!opened && !rest.is_empty()).then(|| (verb, rest.trim()))
                }
            }
        })
    }

    fn unquoted(text: &str) -> &str {
        text.trim_matches(['"', '`'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let snapshot = read(root.path(), BuildContext::default()).unwrap();
        snapshot
            .files()
            .map(|file| (file.path().to_string(), file.package().to_string()))
            .collect()
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], wanted: &[(&str, &str)]) {
        let found = packages(files);
        let found: Vec<_> = found
            .iter()
            .map(|(path, package)| (path.as_str(), package.as_str()))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_module() {
        check(
            &[
                (
                    "go.mod",
                    "// The shop.\nmodule example.com/shop // here\n\ngo 1.24\n",
                ),
                ("main.go", "package main"),
                ("store/store.go", "package store"),
                ("store/testdata/x.go", "package x"),
                ("_old/x.go", "package x"),
                ("node_modules/x/x.go", "package x"),
                ("readme.md", ""),
            ],
            &[
                ("go.mod", "example.com/shop"),
                ("main.go", "example.com/shop"),
                ("store/store.go", "example.com/shop/store"),
            ],
        );
    }

    #[test]
    fn only_modules_that_are_used_belong_to_the_program() {
        check(
            &[
                (
                    "go.mod",
                    "module shop\n\nreplace (\n\trates v1 => ./rates\n\tother => ../other\n)\n",
                ),
                ("rates/go.mod", "module \"rates\"\n"),
                ("rates/r.go", "package rates"),
                ("tools/go.mod", "module tools\n"),
                ("tools/t.go", "package main"),
            ],
            &[
                ("go.mod", "shop"),
                ("rates/go.mod", "rates"),
                ("rates/r.go", "rates"),
            ],
        );
    }

    #[test]
    fn a_workspace() {
        check(
            &[
                ("go.work", "go 1.24\n\nuse (\n\t./a\n\t./b/c\n)\n"),
                ("a/go.mod", "module a\n"),
                ("a/a.go", "package main"),
                ("b/c/go.mod", "module c\n"),
                ("b/c/x/c.go", "package x"),
                ("d/go.mod", "module d\n"),
                ("d/d.go", "package d"),
            ],
            &[
                ("a/a.go", "a"),
                ("a/go.mod", "a"),
                ("b/c/go.mod", "c"),
                ("b/c/x/c.go", "c/x"),
                ("go.work", "command-line-arguments"),
            ],
        );
    }

    #[test]
    fn no_module_at_all() {
        check(
            &[
                ("main.go", "package main"),
                (".env", "A=1"),
                ("sub/.env", "A=1"),
            ],
            &[
                (".env", "command-line-arguments"),
                ("main.go", "command-line-arguments"),
            ],
        );
    }

    #[test]
    fn embedded_files_are_read_and_others_are_not() {
        let page =
            "package main\nimport _ \"embed\"\n//go:embed testdata/page.html\nvar page string\n";
        check(
            &[
                ("main.go", page),
                ("testdata/page.html", "<p>"),
                ("testdata/other.html", "<p>"),
            ],
            &[
                ("main.go", "command-line-arguments"),
                ("testdata/page.html", "command-line-arguments/testdata"),
            ],
        );
    }
}
