//! Which files differ, and what that means for those whose content is not compared as Go.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Edit, code};
use crate::source::{File, FileKind, Snapshot};

/// Go files of one package that differ and are compiled.
#[derive(Debug, Default)]
pub(super) struct PackageFiles<'s> {
    pub(super) old: Vec<&'s Arc<File>>,
    pub(super) new: Vec<&'s Arc<File>>,
}

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Changed<'s> {
    pub(super) packages: BTreeMap<&'s str, PackageFiles<'s>>,
    pub(super) edits: Vec<Edit>,
}

pub(super) fn changed<'s>(old: &'s Snapshot, new: &'s Snapshot) -> Changed<'s> {
    let mut changed = Changed::default();
    // Both sides are ordered by path: one walk over the two.
    let (mut olds, mut news) = (old.files().peekable(), new.files().peekable());
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => return changed,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) if Arc::ptr_eq(before, after) => Ordering::Equal,
            (Some(before), Some(after)) => before.path().cmp(after.path()),
        };
        let before = if order == Ordering::Greater {
            None
        } else {
            olds.next()
        };
        let after = if order == Ordering::Less {
            None
        } else {
            news.next()
        };
        if !same(before, after) {
            changed.file(old, new, before, after);
        }
    }
}

fn same(before: Option<&Arc<File>>, after: Option<&Arc<File>>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            Arc::ptr_eq(before, after)
                || (before.bytes() == after.bytes() && before.is_built() == after.is_built())
        }
        _ => false,
    }
}

impl<'s> Changed<'s> {
    fn file(
        &mut self,
        old: &Snapshot,
        new: &Snapshot,
        before: Option<&'s Arc<File>>,
        after: Option<&'s Arc<File>>,
    ) {
        let Some(file) = after.or(before) else { return };
        let edit = |code, detail: &str| Edit::new(file.package(), file.path(), code, detail);
        let how = match (before, after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        let embedded = old.embeds(file.path()) || new.embeds(file.path());
        if embedded {
            self.edits.push(edit(code::EMBEDDED, how));
        }
        match file.kind() {
            FileKind::Go => self.go_file(before, after),
            FileKind::Test => self.edits.push(edit(code::TEST, how).harmless()),
            FileKind::Environment => self.edits.push(edit(code::ENV, how)),
            FileKind::Build if !counts(old, before, new, after) => {
                let detail = "only comments, or not part of a package";
                self.edits.push(edit(code::NOTHING, detail).harmless());
            }
            FileKind::Build => self.edits.push(edit(code::BUILD, how)),
            FileKind::Other if embedded => {}
            FileKind::Other => {
                self.edits
                    .push(edit(code::NOTHING, "not part of the program").harmless());
            }
        }
    }

    fn go_file(&mut self, before: Option<&'s Arc<File>>, after: Option<&'s Arc<File>>) {
        let Some(file) = after.or(before) else { return };
        let old = before.filter(|file| file.is_built());
        let new = after.filter(|file| file.is_built());
        let edit = |code, detail: String| Edit::new(file.package(), file.path(), code, detail);
        match (old, new) {
            (None, None) => {
                let detail = "not part of this build".to_string();
                self.edits.push(edit(code::NOTHING, detail).harmless());
                return;
            }
            (None, Some(_)) if before.is_some() => {
                self.edits
                    .push(edit(code::BUILD, "enters the build".into()));
            }
            (Some(_), None) if after.is_some() => {
                self.edits
                    .push(edit(code::BUILD, "leaves the build".into()));
            }
            (Some(old), Some(new)) => {
                let (from, to) = (&old.outline().package, &new.outline().package);
                if from != to {
                    self.edits
                        .push(edit(code::BUILD, format!("package {from} → package {to}")));
                }
                if old.outline().cgo != new.outline().cgo {
                    self.edits
                        .push(edit(code::BUILD, "its C code changed".into()));
                }
            }
            (None, Some(only)) | (Some(only), None) => {
                if only.outline().cgo.is_some() {
                    self.edits.push(edit(code::BUILD, "it holds C code".into()));
                }
            }
        }
        if let Some(old) = old {
            self.packages
                .entry(old.package())
                .or_default()
                .old
                .push(old);
        }
        if let Some(new) = new {
            self.packages
                .entry(new.package())
                .or_default()
                .new
                .push(new);
        }
    }
}

/// Whether a file beside the Go source has a say in the build.
fn counts(
    old: &Snapshot,
    before: Option<&Arc<File>>,
    new: &Snapshot,
    after: Option<&Arc<File>>,
) -> bool {
    let Some(file) = after.or(before) else {
        return false;
    };
    let name = file.path().rsplit('/').next().unwrap_or_default();
    if name.starts_with("go.") || name == "modules.txt" {
        let lines = |file: Option<&Arc<File>>| file.map(|file| significant_lines(file.bytes()));
        return lines(before) != lines(after);
    }
    // C and assembly count where Go source lies beside them.
    let directory = file.path().len() - name.len();
    let beside = |snapshot: &Snapshot| {
        snapshot.files().any(|other| {
            other.is_built()
                && other.path().get(..directory) == file.path().get(..directory)
                && !other.path()[directory..].contains('/')
        })
    };
    beside(old) || beside(new)
}

/// The lines of a module file without comments and layout. `// indirect` is no directive of the build.
fn significant_lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes)
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}
