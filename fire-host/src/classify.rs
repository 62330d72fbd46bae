//! Two snapshots of the source → what changed, in the words of the edit table.
//!
//! Place in the flow: between `source` and the restart policy. Pure: no files, no processes, no
//! clock, and no opinion on what an edit leads to; see [`report`] for the policy's.
//!
//! # Theory of operation
//!
//! Only files whose bytes differ are looked at ([`files`]). Of those in the build, declarations with
//! the same text, directives and imports cancel out, wherever in the package they are: that is what
//! makes a move no edit ([`package`]). The rest is read as declarations in normal form and
//! compared by name ([`functions`], [`types`], [`values`]). What only one side has is added or removed, and
//! whether it is used is asked of the whole program, by name ([`used`]).
//!
//! When in doubt, something is used, and an edit is the stronger one: a restart too many costs a
//! second, a stale function costs an afternoon.

use std::collections::BTreeSet;

use crate::source::Snapshot;

mod blank_imports;
mod files;
mod functions;
mod package;
mod program;
pub mod report;
mod types;
mod used;
mod values;
mod well_known;

pub use report::report;

/// A classified difference between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// Import path of the package it belongs to.
    pub package: String,
    /// A function id, a type, constant or variable with its import path, or a file.
    pub subject: String,
    /// One of [`code`].
    pub code: &'static str,
    /// What about it, in words, to follow the subject and a colon.
    pub detail: String,
    /// Ids of the functions to swap if the edit is to be had without a restart.
    pub functions: Vec<String>,
    /// Whether, as far as the syntax tells, swapping these functions is enough.
    pub swappable: bool,
}

/// The edit codes.
pub mod code {
    pub const NOTHING: &str = "nothing";
    pub const BODY: &str = "body";
    pub const METHOD_BODY: &str = "method-body";
    pub const SIGNATURE: &str = "signature";
    pub const METHOD_SIGNATURE: &str = "method-signature";
    pub const STRUCT: &str = "struct";
    pub const TYPE: &str = "type";
    pub const ADDED_USED: &str = "added-used";
    pub const ADDED_UNUSED: &str = "added-unused";
    pub const REMOVED_USED: &str = "removed-used";
    pub const REMOVED_UNUSED: &str = "removed-unused";
    pub const RENAMED: &str = "renamed";
    pub const CONST: &str = "const";
    pub const VAR: &str = "var";
    pub const INIT: &str = "init";
    pub const IMPORTS: &str = "imports";
    pub const BUILD: &str = "build";
    pub const EMBEDDED: &str = "embedded";
    pub const ENV: &str = "env";
    pub const TEST: &str = "test";
}

impl Edit {
    fn new(
        package: &str,
        subject: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            package: package.to_string(),
            subject: subject.into(),
            code,
            detail: detail.into(),
            functions: Vec::new(),
            swappable: false,
        }
    }

    /// It can be had by swapping these functions.
    fn by_swapping(mut self, functions: impl IntoIterator<Item = String>) -> Self {
        let functions: BTreeSet<String> = functions.into_iter().collect();
        self.functions = functions.into_iter().collect();
        self.swappable = true;
        self
    }

    /// It is of no consequence to the running program.
    fn harmless(mut self) -> Self {
        self.swappable = true;
        self
    }

    /// Swapping is not enough after all, if so.
    fn stuck_if(mut self, stuck: bool) -> Self {
        self.swappable &= !stuck;
        self
    }
}

/// What changed from `old` to `new`, ordered by package and subject.
pub fn diff(old: &Snapshot, new: &Snapshot) -> Vec<Edit> {
    let changed = files::changed(old, new);
    let mut edits = changed.edits;
    // Files that some edit is about; the others changed in ways that do not count.
    let mut touched: BTreeSet<String> = edits.iter().map(|edit| edit.subject.clone()).collect();
    if !changed.packages.is_empty() {
        let old_program = program::Program::new(old);
        let new_program = program::Program::new(new);
        let mut comparison = package::Comparison::new(&old_program, &new_program);
        for (path, files) in &changed.packages {
            comparison.package(path, files);
        }
        comparison.settle();
        edits.append(&mut comparison.edits);
        touched.append(&mut comparison.touched);
    }
    for file in changed
        .packages
        .values()
        .flat_map(|files| files.old.iter().chain(&files.new))
    {
        if touched.insert(file.path().to_string()) {
            let detail = "only comments, layout or place";
            edits.push(Edit::new(file.package(), file.path(), code::NOTHING, detail).harmless());
        }
    }
    edits.sort();
    edits.dedup();
    edits
}

#[cfg(test)]
#[path = "classify/diff_test.rs"]
mod diff_test;

#[cfg(test)]
#[path = "classify/property_test.rs"]
mod property_test;
