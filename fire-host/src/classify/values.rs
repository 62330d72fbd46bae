//! Constants and variables.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::callers;
use super::package::{Comparison, Half, Item};
use super::program::{Program, User};
use super::used::{Candidate, Thing};
use super::{Edit, code};
use crate::source::ChunkKind;
use crate::source::declaration::{self, Declaration, Value};

pub(super) fn compare<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    old: &Half<'s>,
    new: &Half<'s>,
) {
    constants(comparison, package, old, new);
    variables(comparison, package, old, new);
    blanks(comparison, package, old, new);
}

fn constants<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    old: &Half<'s>,
    new: &Half<'s>,
) {
    for (name, after) in &new.constants {
        let Some(before) = old.constants.get(name) else {
            comparison.added.push(candidate(package, after));
            continue;
        };
        if let Some(detail) = difference(&before.declaration, &after.declaration) {
            let edit = constant(comparison.old, comparison.new, package, name, detail);
            comparison.push(edit, &[before.file, after.file]);
        }
    }
    for (_, before) in old
        .constants
        .iter()
        .filter(|(name, _)| !new.constants.contains_key(*name))
    {
        comparison.removed.push(candidate(package, before));
    }
}

fn candidate<'s>(package: &str, item: &Item<'s, Value>) -> Candidate<'s> {
    Candidate {
        package: package.into(),
        name: item.declaration.name.clone(),
        thing: Thing::Constant,
        file: item.file,
        chunk: item.chunk,
        called_from_outside: false,
    }
}

/// What differs, in words.
fn difference(old: &Value, new: &Value) -> Option<String> {
    if old.type_form != new.type_form {
        let (old, new) = (old.type_form.trim(), new.type_form.trim());
        return Some(match (old.is_empty(), new.is_empty()) {
            (true, _) => format!("type {new} given"),
            (_, true) => format!("type {old} left out"),
            _ => format!("type {old} → {new}"),
        });
    }
    if old.form != new.form {
        let (old, new) = (&old.shown, &new.shown);
        let brief = old.len() + new.len() <= 80 && !old.is_empty() && !new.is_empty() && old != new;
        return Some(if brief {
            format!("{old} → {new}")
        } else {
            "its value".into()
        });
    }
    (old.directives != new.directives).then(|| "directives changed".into())
}

/// A constant's value is compiled into whatever uses it.
pub(super) fn constant(
    old: &Program<'_>,
    program: &Program<'_>,
    package: &str,
    name: &str,
    detail: String,
) -> Edit {
    let (functions, others) = users_of_constant(old, program, package, name);
    Edit::new(package, format!("{package}.{name}"), code::CONST, detail)
        .by_swapping(functions)
        .stuck_if(others)
}

/// The functions that use a constant, also by way of other constants; and whether something that no
/// swap reaches uses it: a type, a variable, `main`.
fn users_of_constant(
    old: &Program<'_>,
    program: &Program<'_>,
    package: &str,
    name: &str,
) -> (BTreeSet<String>, bool) {
    let mut seen = BTreeSet::from([(package.to_string(), name.to_string())]);
    let mut waiting: Vec<_> = seen.iter().cloned().collect();
    let mut direct: BTreeMap<(String, usize), User<'_>> = BTreeMap::new();
    while let Some((package, name)) = waiting.pop() {
        for user in program.users(&package, &name) {
            if user.chunk.kind != ChunkKind::Const {
                direct.insert((user.file.path().to_string(), user.chunk.range.start), user);
                continue;
            }
            for next in dependent_constants(&user, &name) {
                let next = (user.file.package().to_string(), next);
                if seen.insert(next.clone()) {
                    waiting.push(next);
                }
            }
        }
    }
    let users: Vec<_> = direct.into_values().collect();
    callers(old, program, &users)
}

fn dependent_constants(user: &User<'_>, name: &str) -> Vec<String> {
    let has_word = |form: &str| form.split([' ', '\u{2}', '\u{3}']).any(|word| word == name);
    let declarations = declaration::read(user.file, user.chunk).into_iter();
    let values = declarations.filter_map(|declaration| match declaration {
        Declaration::Constant(value) => Some(value),
        _ => None,
    });
    values
        .filter(|value| has_word(&value.form))
        .map(|value| value.name)
        .collect()
}

fn variables<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    old: &Half<'s>,
    new: &Half<'s>,
) {
    let subject = |name: &str| format!("{package}.{name}");
    for (name, after) in &new.variables {
        let Some(before) = old.variables.get(name) else {
            let edit = Edit::new(package, subject(name), code::VAR, "added");
            let (functions, others) = callers(
                comparison.old,
                comparison.new,
                &comparison.new.users(package, name),
            );
            let edit = edit.by_swapping(functions).stuck_if(others);
            comparison.push(edit, &[after.file]);
            continue;
        };
        if let Some(detail) = difference(&before.declaration, &after.declaration) {
            let edit = Edit::new(package, subject(name), code::VAR, detail);
            comparison.push(edit, &[before.file, after.file]);
        }
    }
    for (name, before) in old
        .variables
        .iter()
        .filter(|(name, _)| !new.variables.contains_key(*name))
    {
        comparison.push(
            Edit::new(package, subject(name), code::VAR, "removed"),
            &[before.file],
        );
    }
}

/// `var _ I = T{}` asserts something; `var _ = register()` does something.
fn blanks<'s>(comparison: &mut Comparison<'_, 's>, package: &str, old: &Half<'s>, new: &Half<'s>) {
    let acting = |half: &Half<'s>| {
        let items = half.blanks.iter().filter(|item| item.declaration.acts);
        items
            .map(|item| (item.declaration.form.clone(), item.file))
            .collect::<Vec<_>>()
    };
    let (old, new) = (acting(old), acting(new));
    for (here, there, verb) in [(&new, &old, "added"), (&old, &new, "removed")] {
        for (form, file) in here {
            if !there.iter().any(|(other, _)| other == form) {
                let detail = format!("{verb}: its initialiser acts");
                comparison.push(
                    Edit::new(package, format!("{package}._"), code::VAR, detail),
                    &[file],
                );
            }
        }
    }
}
