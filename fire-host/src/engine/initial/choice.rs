//! What is to be moved before main, and what has turned out not to move.

use std::collections::{BTreeMap, BTreeSet};

use fire_plugin_api::split::{Group, Plan};

use crate::facts::{Function, Refusal};

/// The initial plan of a program.
#[derive(Debug, Default)]
pub struct Initial {
    pub(super) plan: Plan,
    pub(super) functions: Vec<Function>,
    /// What stayed native, and why.
    pub left: Vec<Refusal>,
    /// What was committed, in the order in which home was told of it.
    pub(super) moved: Vec<String>,
    /// What may be committed; none: all that is hosted.
    pub(super) only: Option<BTreeSet<String>>,
}

impl Initial {
    /// Restricts what is committed.
    pub(in crate::engine) fn commit_only(&mut self, only: BTreeSet<String>) {
        self.only = Some(only);
    }

    /// The functions that were moved, in the order in which home was told of them.
    pub(in crate::engine) fn committed(&self) -> impl Iterator<Item = &String> {
        self.moved.iter()
    }

    /// Whether a function may be committed.
    pub(super) fn chosen(&self, function: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| only.contains(function))
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.plan
            .groups
            .iter()
            .flat_map(|group| group.functions.iter().cloned())
            .collect()
    }

    /// Takes the groups as they were, without all functions but some.
    pub(super) fn keep_only(&mut self, whole: &[Group], ids: &[String]) {
        let kept: BTreeSet<&String> = ids.iter().collect();
        self.plan.groups = whole.to_vec();
        for group in &mut self.plan.groups {
            group.functions.retain(|id| kept.contains(id));
        }
    }

    pub(super) fn leave(&mut self, function: &str, code: &str, detail: &str) {
        for group in &mut self.plan.groups {
            group.functions.retain(|id| id != function);
        }
        self.note_left(function, code, detail);
    }

    pub(super) fn note_left(&mut self, function: &str, code: &str, detail: &str) {
        self.left.push(Refusal {
            function: function.into(),
            code: code.into(),
            detail: detail.into(),
        });
    }

    /// Leaves out the functions that a compiler's messages are about. False: none of them can be placed.
    pub(super) fn leave_broken(&mut self, messages: &str) -> bool {
        let mut broken: BTreeMap<String, String> = BTreeMap::new();
        for line in messages.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(file), Some(Ok(number)), Some(rest)) = (
                parts.next(),
                parts.next().map(str::parse::<u32>),
                parts.next(),
            ) else {
                continue;
            };
            let owner = self
                .functions
                .iter()
                .filter(|function| {
                    function.file == std::path::Path::new(file) && function.line <= number
                })
                .max_by_key(|function| function.line);
            if let Some(owner) = owner {
                broken
                    .entry(owner.id.clone())
                    .or_insert_with(|| rest.to_owned());
            }
        }
        let before = self.ids().len();
        for (function, message) in &broken {
            tracing::warn!(function, message, "a moved body does not compile");
            self.leave(function, "compile", message);
        }
        self.ids().len() < before
    }
}
