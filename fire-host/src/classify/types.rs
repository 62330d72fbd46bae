//! Type declarations.

use super::package::{Comparison, Half, Item};
use super::used::{Candidate, Thing};
use super::{Edit, code};
use crate::source::declaration::{Field, Shape, Type};

pub(super) fn compare<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    old: &Half<'s>,
    new: &Half<'s>,
) {
    for (name, after) in &new.types {
        match old.types.get(name) {
            None => comparison.added.push(candidate(package, after)),
            Some(before) => {
                if let Some(edit) = both(package, &before.declaration, &after.declaration) {
                    comparison.push(edit, &[before.file, after.file]);
                }
            }
        }
    }
    for (_, before) in old
        .types
        .iter()
        .filter(|(name, _)| !new.types.contains_key(*name))
    {
        comparison.removed.push(candidate(package, before));
    }
}

fn candidate<'s>(package: &str, item: &Item<'s, Type>) -> Candidate<'s> {
    Candidate {
        package: package.into(),
        name: item.declaration.name.clone(),
        thing: Thing::Type,
        file: item.file,
        chunk: item.chunk,
        called_from_outside: false,
    }
}

fn both(package: &str, old: &Type, new: &Type) -> Option<Edit> {
    let is_alias = |kind: &Type| kind.shape == Shape::Alias;
    let same = old.parameters == new.parameters
        && old.form == new.form
        && is_alias(old) == is_alias(new)
        && old.directives == new.directives;
    if same {
        return None;
    }
    let subject = format!("{package}.{}", new.name);
    let (code, detail) = match (&old.shape, &new.shape) {
        _ if old.parameters != new.parameters => (code::TYPE, "type parameters changed".into()),
        _ if old.directives != new.directives => (code::TYPE, "directives changed".into()),
        (Shape::Struct(before), Shape::Struct(after)) => (code::STRUCT, fields(before, after)),
        (Shape::Interface(before), Shape::Interface(after)) => {
            (code::TYPE, elements(before, after))
        }
        (Shape::Alias, Shape::Alias) => (code::TYPE, format!("= {} → = {}", old.shown, new.shown)),
        (Shape::Alias, _) => (code::TYPE, "no alias any more".into()),
        (_, Shape::Alias) => (code::TYPE, format!("an alias of {} now", short(&new.shown))),
        _ => (
            code::TYPE,
            format!("{} → {}", short(&old.shown), short(&new.shown)),
        ),
    };
    Some(Edit::new(package, subject, code, detail))
}

/// A struct in one line is too long for a message.
fn short(shown: &str) -> &str {
    if shown.len() <= 60 {
        shown
    } else {
        shown.split([' ', '{']).next().unwrap_or(shown)
    }
}

fn fields(old: &[Field], new: &[Field]) -> String {
    let mut words = Vec::new();
    for after in new {
        match old.iter().find(|before| before.name == after.name) {
            None if after.embedded => words.push(format!("{} embedded", after.shown)),
            None => words.push(format!("field {} added", after.name)),
            Some(before) => words.extend(field(before, after)),
        }
    }
    let gone = old
        .iter()
        .filter(|before| !new.iter().any(|after| after.name == before.name));
    words.extend(gone.map(|before| format!("field {} removed", before.name)));
    if words.is_empty() {
        words.push("fields in another order".into());
    }
    words.join(", ")
}

fn field(before: &Field, after: &Field) -> Option<String> {
    let name = &after.name;
    if before.type_form != after.type_form {
        let (before, after) = (&before.shown, &after.shown);
        return Some(format!(
            "field {name}: {} → {}",
            short(before),
            short(after)
        ));
    }
    if before.embedded != after.embedded {
        let now = if after.embedded {
            "embedded now"
        } else {
            "no longer embedded"
        };
        return Some(format!("field {name} {now}"));
    }
    (before.tag != after.tag)
        .then(|| format!("field {name}: tag {:?} → {:?}", before.tag, after.tag))
}

fn elements(old: &[(String, String)], new: &[(String, String)]) -> String {
    let mut words = Vec::new();
    for (name, form) in new {
        match old.iter().find(|(other, _)| other == name) {
            None => words.push(format!("{name} added")),
            Some((_, before)) if before != form => words.push(format!("{name} changed")),
            Some(_) => {}
        }
    }
    let gone = old
        .iter()
        .filter(|(name, _)| !new.iter().any(|(other, _)| other == name));
    words.extend(gone.map(|(name, _)| format!("{name} removed")));
    words.join(", ")
}
