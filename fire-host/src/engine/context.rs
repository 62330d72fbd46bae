//! What belongs to the program, and by which tags: the snapshot that later ones are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Engine;
use crate::project::BuildOptions;
use crate::source::{BuildContext, Entry, FileKind, Snapshot};

impl Engine {
    /// The source that was just loaded.
    pub(super) fn snapshot(&self) -> Snapshot {
        let toolchain = &self.project.toolchain;
        let context = BuildContext {
            os: toolchain.goos.clone(),
            architecture: toolchain.goarch.clone(),
            tags: tags(&self.project.build, &toolchain.flags, toolchain.cgo),
            go_minor: crate::toolchain::parse_version(&toolchain.version)
                .map_or(99, |(_, minor)| minor),
            exceptions: BTreeMap::new(),
        };
        let mut entries = BTreeMap::new();
        let mut add = |package: &str, path: &Path| {
            // A file that has gone since is found gone by the next batch.
            if let Ok(bytes) = std::fs::read(path) {
                entries.insert(path.to_path_buf(), Entry::new(package, path, bytes));
            }
        };
        // The directory of go.mod may hold no package: its import path is the module's.
        let module = self
            .packages
            .last()
            .map_or("", |package| package.module.as_str());
        for file in [&toolchain.module_file, &toolchain.workspace_file]
            .into_iter()
            .flatten()
            .chain(&self.module_files)
        {
            for file in [file.clone(), file.with_extension("sum")] {
                if FileKind::of(&file.to_string_lossy()) == FileKind::Build {
                    add(module, &file);
                }
            }
        }
        for package in &self.packages {
            let Ok(listed) = std::fs::read_dir(&package.dir) else {
                continue;
            };
            for entry in listed.flatten() {
                let kind = FileKind::of(&entry.path().to_string_lossy());
                if matches!(kind, FileKind::Go | FileKind::Test | FileKind::Build) {
                    add(&package.path, &entry.path());
                }
            }
        }
        let built: BTreeSet<&Path> = self
            .packages
            .iter()
            .flat_map(|package| package.files.iter().map(|file| file.as_path()))
            .collect();
        Snapshot::new(context, entries.into_values().collect())
            .corrected(|path| built.contains(Path::new(path)))
    }
}

/// The build tags that hold: a file that they leave out is not looked at.
fn tags(build: &BuildOptions, goflags: &str, cgo: bool) -> Vec<String> {
    let configured = build.flags.iter().map(String::as_str);
    let flags: Vec<&str> = goflags
        .split_whitespace()
        .chain(configured.clone())
        .collect();
    // The last one counts: GOFLAGS, then `tags`, then `flags`.
    let own = (!build.tags.is_empty()).then(|| build.tags.clone());
    let mut tags = named(configured)
        .or(own)
        .or_else(|| named(goflags.split_whitespace()))
        .unwrap_or_default();
    if cgo {
        tags.push("cgo".into());
    }
    let with = |name: &str| {
        flags
            .iter()
            .any(|flag| flag.trim_start_matches('-').trim_end_matches("=true") == name)
    };
    if build.race || with("race") {
        tags.push("race".into());
    }
    for sanitizer in ["msan", "asan"] {
        if with(sanitizer) {
            tags.push(sanitizer.into());
        }
    }
    tags
}

/// The value of the last `-tags` among flags.
fn named<'f>(flags: impl Iterator<Item = &'f str>) -> Option<Vec<String>> {
    let mut found = None;
    let mut next_is_it = false;
    for flag in flags {
        let name = flag.trim_start_matches('-');
        let value = if std::mem::take(&mut next_is_it) {
            Some(flag)
        } else if flag.starts_with('-') && name == "tags" {
            next_is_it = true;
            None
        } else if flag.starts_with('-') {
            name.strip_prefix("tags=")
        } else {
            None
        };
        if let Some(value) = value {
            let separate = |c: char| c == ',' || c.is_whitespace();
            let tags = value.trim_matches(['"', '\'']).split(separate);
            found = Some(tags.filter(|tag| !tag.is_empty()).map(Into::into).collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(goflags: &str, tags_key: &[&str], flags: &[&str], expected: &[&str]) {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let build = BuildOptions {
            tags: owned(tags_key),
            flags: owned(flags),
            ..BuildOptions::default()
        };
        assert_eq!(
            tags(&build, goflags, false),
            expected,
            "{goflags:?} {tags_key:?} {flags:?}"
        );
    }

    #[test]
    fn the_last_tags_count() {
        check("", &[], &[], &[]);
        check("-mod=mod -tags=a,b", &[], &[], &["a", "b"]);
        check("-tags=a", &["b"], &[], &["b"]);
        check(
            "-tags=a",
            &["b"],
            &["-tags", "c,d", "-trimpath"],
            &["c", "d"],
        );
        check(
            "--tags=a -race",
            &[],
            &["-msan=true"],
            &["a", "race", "msan"],
        );
    }
}
