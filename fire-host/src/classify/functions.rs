//! Functions and methods that both sides have, and those that only one side has.

use std::collections::BTreeSet;

use super::package::{Comparison, FunctionKey, Half, Item};
use super::program::{Program, User};
use super::used::{Candidate, Thing};
use super::{Edit, code, well_known};
use crate::source::Receiver;
use crate::source::declaration::Function;

type FunctionItem<'s> = Item<'s, Function>;

pub(super) fn compare<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    old: &Half<'s>,
    new: &Half<'s>,
) {
    for (key, after) in &new.functions {
        if let Some(before) = old.functions.get(key) {
            both(comparison, package, before, after);
        }
    }
    let only = |one: &Half<'s>, other: &Half<'s>| -> Vec<(FunctionKey, FunctionItem<'s>)> {
        let items = one
            .functions
            .iter()
            .filter(|(key, _)| !other.functions.contains_key(*key));
        items
            .map(|(key, item)| (key.clone(), item.clone()))
            .collect()
    };
    let (removed, added) = (only(old, new), only(new, old));
    renames(comparison, package, &removed, &added);
    comparison.removed.extend(
        removed
            .into_iter()
            .map(|(key, item)| candidate(package, key, &item)),
    );
    comparison.added.extend(
        added
            .into_iter()
            .map(|(key, item)| candidate(package, key, &item)),
    );
    fixed(comparison, package, old, new);
}

/// Directives by which something that is no Go source calls a function.
const CALLED_FROM_OUTSIDE: &[&str] = &[
    "//export ",
    "//go:linkname",
    "//go:wasmexport",
    "//go:cgo_export",
];

fn candidate<'s>(package: &str, key: FunctionKey, item: &FunctionItem<'s>) -> Candidate<'s> {
    let (receiver, name) = key;
    let function = &item.declaration;
    let thing = match receiver {
        None => Thing::Function,
        Some(type_name) => {
            let pointer = function
                .receiver
                .as_ref()
                .is_some_and(|receiver| receiver.pointer);
            Thing::Method {
                receiver: Receiver { type_name, pointer },
                arity: function.arity,
            }
        }
    };
    let called_from_outside = function.directives.iter().any(|own| {
        CALLED_FROM_OUTSIDE
            .iter()
            .any(|prefix| own.starts_with(prefix))
    });
    Candidate {
        package: package.into(),
        name,
        thing,
        file: item.file,
        chunk: item.chunk,
        called_from_outside,
    }
}

fn both<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    before: &FunctionItem<'s>,
    after: &FunctionItem<'s>,
) {
    let (old, new) = (&before.declaration, &after.declaration);
    let id = comparison
        .new
        .function_id(package, new.receiver.as_ref(), &new.name);
    let is_pointer =
        |function: &Function| function.receiver.as_ref().map(|receiver| receiver.pointer);
    let edit = if is_pointer(old) != is_pointer(new) {
        let kind = |function: &Function| {
            if is_pointer(function) == Some(true) {
                "pointer"
            } else {
                "value"
            }
        };
        let detail = format!("receiver: {} → {}", kind(old), kind(new));
        Edit::new(package, id, code::METHOD_SIGNATURE, detail)
    } else if old.signature != new.signature {
        let detail = format!("{} → {}", old.shown, new.shown);
        signature(comparison, package, id, new, detail)
    } else if old.body != new.body || old.directives != new.directives {
        let code = if new.receiver.is_some() {
            code::METHOD_BODY
        } else {
            code::BODY
        };
        let replaceable = old.body.is_some() && new.body.is_some();
        let edit = Edit::new(package, id.clone(), code, body_detail(old, new)).by_swapping([id]);
        edit.stuck_if(!replaceable)
    } else {
        return;
    };
    comparison.push(edit, &[before.file, after.file]);
}

fn body_detail(old: &Function, new: &Function) -> String {
    match (&old.body, &new.body) {
        (None, Some(_)) => "it has a body now".into(),
        (Some(_), None) => "it has no body any more".into(),
        (old_body, new_body) if old_body == new_body => {
            let (old, new) = (old.directives.join(" "), new.directives.join(" "));
            format!("directives: {old:?} → {new:?}")
        }
        _ => "body".into(),
    }
}

/// The function and all that mention it change together: also a caller whose text is the same may
/// compile to something else.
fn signature(
    comparison: &Comparison<'_, '_>,
    package: &str,
    id: String,
    new: &Function,
    detail: String,
) -> Edit {
    let program = comparison.new;
    let (code, users, in_interface) = match &new.receiver {
        None => (code::SIGNATURE, program.users(package, &new.name), false),
        Some(_) => {
            let known = well_known::has(&new.name, new.arity)
                || program.interface_has(&new.name, new.arity);
            (code::METHOD_SIGNATURE, program.selecting(&new.name), known)
        }
    };
    let (functions, others) = callers(comparison.old, program, &users);
    let functions = functions.into_iter().chain([id.clone()]);
    Edit::new(package, id, code, detail)
        .by_swapping(functions)
        .stuck_if(others || in_interface)
}

/// The functions among users, and whether there are others, which no swap reaches. What begins variables that the old
/// program has not got has not run: it is judged with those.
pub(super) fn callers(
    old: &Program<'_>,
    program: &Program<'_>,
    users: &[User<'_>],
) -> (BTreeSet<String>, bool) {
    let mut functions = BTreeSet::new();
    let mut others = false;
    for user in users.iter().filter(|user| !user.is_idle()) {
        match user.function(program) {
            Some(id) => {
                functions.insert(id);
            }
            None if user.begins_new_variables(old) => {}
            None => others = true,
        }
    }
    (functions, others)
}

/// A removed and an added function that differ in their name alone.
fn renames<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    removed: &[(FunctionKey, FunctionItem<'s>)],
    added: &[(FunctionKey, FunctionItem<'s>)],
) {
    let mut taken = BTreeSet::new();
    for ((receiver, old_name), before) in removed {
        let old = &before.declaration;
        let found = added
            .iter()
            .enumerate()
            .find(|(place, ((other, new_name), after))| {
                let new = &after.declaration;
                !taken.contains(place)
                    && receiver == other
                    && old.signature == new.signature
                    && old.body.is_some()
                    && old
                        .body
                        .as_deref()
                        .map(|body| renamed(body, old_name, new_name))
                        == new.body
            });
        let Some((place, (_, after))) = found else {
            continue;
        };
        taken.insert(place);
        let was = comparison
            .old
            .function_id(package, old.receiver.as_ref(), old_name);
        let new = &after.declaration;
        let is = comparison
            .new
            .function_id(package, new.receiver.as_ref(), &new.name);
        let edit = Edit::new(package, is, code::RENAMED, format!("it was {was}")).harmless();
        comparison.push(edit, &[before.file, after.file]);
    }
}

/// A body that calls itself by its new name.
fn renamed(body: &str, old_name: &str, new_name: &str) -> String {
    let marks: &[char] = &[' ', '\u{2}', '\u{3}'];
    let words = body
        .split_inclusive(marks)
        .map(|word| match word.strip_suffix(marks) {
            Some(bare) if bare == old_name => format!("{new_name}{}", &word[bare.len()..]),
            _ => word.to_string(),
        });
    words.collect()
}

/// `init`s, which have run, and `main.main`, which is running.
fn fixed<'s>(comparison: &mut Comparison<'_, 's>, package: &str, old: &Half<'s>, new: &Half<'s>) {
    let same = |one: &FunctionItem<'s>, other: &FunctionItem<'s>| {
        let (one, other) = (&one.declaration, &other.declaration);
        one.name == other.name && one.body == other.body && one.directives == other.directives
    };
    let mut added: Vec<_> = new.fixed.iter().collect();
    let mut removed = Vec::new();
    for before in &old.fixed {
        match added.iter().position(|after| same(before, after)) {
            Some(place) => drop(added.remove(place)),
            None => removed.push(before),
        }
    }
    for name in ["init", "main"] {
        let named = |items: &[&FunctionItem<'s>]| {
            items
                .iter()
                .filter(|item| item.declaration.name == name)
                .map(|item| item.file)
                .collect::<Vec<_>>()
        };
        let (before, after) = (named(&removed), named(&added));
        let detail = match (before.is_empty(), after.is_empty()) {
            (true, true) => continue,
            (true, false) => "added",
            (false, true) => "removed",
            (false, false) => "body",
        };
        let edit = Edit::new(package, format!("{package}.{name}"), code::INIT, detail);
        let files: Vec<_> = before.into_iter().chain(after).collect();
        comparison.push(edit, &files);
    }
}
