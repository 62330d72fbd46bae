//! What was added or removed, and whether anything uses it.
//!
//! Judged by names over the whole program, the new one for what was added and the old one for what
//! was removed. What only unused additions mention is unused as well. Methods may be called through an
//! interface, so a method counts as used when an interface of the program, of the standard library, or
//! (for all that fire sees) of a dependency has one of its name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::functions::callers;
use super::package::Comparison;
use super::program::{Program, User};
use super::{Edit, code, values, well_known};
use crate::source::{Chunk, File, Position, Receiver};

/// What kind of thing was added or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thing {
    Function,
    /// By the type's own name.
    Method {
        receiver: Receiver,
        arity: usize,
    },
    Type,
    Constant,
}

/// Something that only one side has.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'s> {
    pub(super) package: String,
    pub(super) name: String,
    pub(super) thing: Thing,
    pub(super) file: &'s Arc<File>,
    pub(super) chunk: &'s Chunk,
    /// Something that is no Go source may call it.
    pub(super) called_from_outside: bool,
}

/// Used candidates, by place, with the reason in words.
type Reasons = BTreeMap<usize, &'static str>;

const MENTIONED: &str = "something uses it";

pub(super) fn settle(comparison: &mut Comparison<'_, '_>) {
    let added = std::mem::take(&mut comparison.added);
    let removed = std::mem::take(&mut comparison.removed);
    let judgement = Judgement::new(comparison.new, &added);
    let reasons = judgement.reasons();
    for (place, candidate) in added.iter().enumerate() {
        let dynamic = judgement.may_be_called_dynamically(candidate);
        let reason = reasons.get(&place).copied();
        let edit = addition(comparison.old, comparison.new, candidate, reason, dynamic);
        comparison.push(edit, &[candidate.file]);
    }
    let judgement = Judgement::new(comparison.old, &removed);
    let reasons = judgement.reasons();
    for (place, candidate) in removed.iter().enumerate() {
        let dynamic = judgement.may_be_called_dynamically(candidate);
        let reason = reasons.get(&place).copied();
        let edit = removal(comparison.old, comparison.new, candidate, reason, dynamic);
        comparison.push(edit, &[candidate.file]);
    }
}

impl Candidate<'_> {
    fn subject(&self, program: &Program<'_>) -> String {
        match &self.thing {
            Thing::Method { receiver, .. } => {
                program.function_id(&self.package, Some(receiver), &self.name)
            }
            _ => format!("{}.{}", self.package, self.name),
        }
    }
}

/// What mentions the candidate's name in a program. With a name added or removed, text that stays the same may
/// mean something else: a promoted method comes to light, or a predeclared name.
fn users<'s>(program: &Program<'s>, candidate: &Candidate<'_>) -> Vec<User<'s>> {
    match candidate.thing {
        Thing::Method { .. } => program.selecting(&candidate.name),
        _ => program.users(&candidate.package, &candidate.name),
    }
}

fn addition(
    old: &Program<'_>,
    program: &Program<'_>,
    candidate: &Candidate<'_>,
    reason: Option<&'static str>,
    dynamic: bool,
) -> Edit {
    let subject = candidate.subject(program);
    let package = &candidate.package;
    let Some(reason) = reason else {
        return Edit::new(package, subject, code::ADDED_UNUSED, "nothing uses it").harmless();
    };
    match candidate.thing {
        Thing::Type => Edit::new(package, subject, code::TYPE, "added"),
        Thing::Constant => values::constant(old, program, package, &candidate.name, "added".into()),
        Thing::Function | Thing::Method { .. } => {
            let (functions, others) = callers(old, program, &users(program, candidate));
            // A type of the running program does not get a method that an interface asks for.
            let stuck = others || reason != MENTIONED || dynamic;
            let edit = Edit::new(package, subject.clone(), code::ADDED_USED, reason);
            edit.by_swapping(functions.into_iter().chain([subject]))
                .stuck_if(stuck)
        }
    }
}

fn removal(
    old: &Program<'_>,
    new: &Program<'_>,
    candidate: &Candidate<'_>,
    reason: Option<&'static str>,
    dynamic: bool,
) -> Edit {
    let subject = candidate.subject(old);
    let package = &candidate.package;
    let Some(reason) = reason else {
        return Edit::new(package, subject, code::REMOVED_UNUSED, "nothing used it").harmless();
    };
    let (functions, others) = callers(old, new, &users(new, candidate));
    match candidate.thing {
        Thing::Type => Edit::new(package, subject, code::TYPE, "removed"),
        Thing::Constant => {
            let edit = Edit::new(package, subject, code::CONST, "removed");
            edit.by_swapping(functions).stuck_if(others)
        }
        Thing::Function | Thing::Method { .. } => {
            let detail = if reason == MENTIONED {
                "something used it"
            } else {
                reason
            };
            let stuck = others || reason != MENTIONED || dynamic;
            let edit = Edit::new(package, subject, code::REMOVED_USED, detail);
            edit.by_swapping(functions).stuck_if(stuck)
        }
    }
}

struct Judgement<'p, 's> {
    program: &'p Program<'s>,
    candidates: &'p [Candidate<'s>],
    /// Chunks that declare candidates: path, start → candidates.
    chunks: BTreeMap<(&'s str, usize), Vec<usize>>,
    files: BTreeSet<&'s str>,
    /// May methods be called by name: templates, net/rpc?
    by_name: bool,
    /// Are there packages whose interfaces fire does not see?
    dependencies: bool,
}

impl<'p, 's> Judgement<'p, 's> {
    fn new(program: &'p Program<'s>, candidates: &'p [Candidate<'s>]) -> Self {
        let mut chunks: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, candidate) in candidates.iter().enumerate() {
            let key = (candidate.file.path(), candidate.chunk.range.start);
            chunks.entry(key).or_default().push(place);
        }
        let files = chunks.keys().map(|(path, _)| *path).collect();
        let methods = candidates
            .iter()
            .any(|candidate| matches!(candidate.thing, Thing::Method { .. }));
        let by_name = methods
            && program
                .imports(|path| matches!(path, "text/template" | "html/template" | "net/rpc"));
        let dependencies = methods
            && program.imports(|path| {
                let host = path.split('/').next().unwrap_or_default();
                host.contains('.') && !program.has_package(path)
            });
        Self {
            program,
            candidates,
            chunks,
            files,
            by_name,
            dependencies,
        }
    }

    /// Each used candidate with its reason.
    fn reasons(&self) -> Reasons {
        let mut used = Reasons::new();
        // Who mentions a candidate, where only that decides.
        let mut mentioned_by: Vec<(usize, BTreeSet<usize>)> = Vec::new();
        for (place, candidate) in self.candidates.iter().enumerate() {
            if candidate.called_from_outside {
                used.insert(place, "called from outside of Go");
            } else if self.mentioned_elsewhere(candidate) {
                used.insert(place, MENTIONED);
            } else {
                match self.mentioning_candidates(place, candidate) {
                    Some(candidates) => mentioned_by.push((place, candidates)),
                    None => drop(used.insert(place, MENTIONED)),
                }
            }
        }
        self.spread(&mut used, &mentioned_by);
        used
    }

    /// Whether a file without any candidate mentions it.
    fn mentioned_elsewhere(&self, candidate: &Candidate<'_>) -> bool {
        let mut files = self
            .program
            .files()
            .iter()
            .filter(|file| !self.files.contains(file.path()));
        let name = &candidate.name;
        match candidate.thing {
            Thing::Method { .. } => {
                files.any(|file| file.outline().mentions(name, Position::Selected))
            }
            _ => files.any(|file| self.program.file_mentions(file, &candidate.package, name)),
        }
    }

    /// The candidates that mention it; `None` if something else does.
    fn mentioning_candidates(
        &self,
        place: usize,
        candidate: &Candidate<'_>,
    ) -> Option<BTreeSet<usize>> {
        let users = users(self.program, candidate);
        let mut found = BTreeSet::new();
        for user in users.iter().filter(|user| !user.is_idle()) {
            // A group declares its names together: its mentions are all its candidates'.
            let key = (user.file.path(), user.chunk.range.start);
            let places = self.chunks.get(&key)?;
            found.extend(places.iter().copied().filter(|other| *other != place));
        }
        Some(found)
    }

    /// What a used candidate mentions is used; so is what an interface may call, if its type is.
    fn spread(&self, used: &mut Reasons, mentioned_by: &[(usize, BTreeSet<usize>)]) {
        let types: BTreeMap<(&str, &str), usize> = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.thing == Thing::Type)
            .map(|(place, candidate)| {
                ((candidate.package.as_str(), candidate.name.as_str()), place)
            })
            .collect();
        loop {
            let before = used.len();
            for (place, by) in mentioned_by {
                if used.contains_key(place) {
                    continue;
                }
                let candidate = &self.candidates[*place];
                if by.iter().any(|other| used.contains_key(other)) {
                    used.insert(*place, MENTIONED);
                } else if let Thing::Method { receiver, arity } = &candidate.thing {
                    let of = types.get(&(candidate.package.as_str(), receiver.type_name.as_str()));
                    let type_is_used = of.is_none_or(|of| used.contains_key(of));
                    if let Some(reason) = self.callable(candidate, *arity).filter(|_| type_is_used)
                    {
                        used.insert(*place, reason);
                    }
                }
            }
            if used.len() == before {
                return;
            }
        }
    }

    /// Whether something that mentions a method of this name may call it, or ask for it, on a value of any type.
    fn may_be_called_dynamically(&self, candidate: &Candidate<'_>) -> bool {
        match candidate.thing {
            Thing::Method { arity, .. } => self.callable(candidate, arity).is_some(),
            _ => false,
        }
    }

    /// How a method may be called without being mentioned.
    fn callable(&self, candidate: &Candidate<'_>, arity: usize) -> Option<&'static str> {
        let exported = candidate
            .name
            .chars()
            .next()
            .is_some_and(char::is_uppercase);
        if self.program.interface_has(&candidate.name, arity) {
            Some("an interface of the program has it")
        } else if well_known::has(&candidate.name, arity) {
            Some("an interface of the standard library has it")
        } else if exported && self.by_name {
            Some("a template or net/rpc may call it by name")
        } else if exported && self.dependencies {
            Some("an interface of a dependency may have it")
        } else {
            None
        }
    }
}
