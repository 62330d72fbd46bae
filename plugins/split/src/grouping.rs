//! From functions to groups.

use std::collections::{BTreeMap, BTreeSet};

use fire_plugin_api::Error;
use fire_plugin_api::split::{Function, Group, Plan, Program};

/// One group for each key, ordered by key, each ordered by id.
pub(crate) fn group_by<'a, K: Ord>(
    functions: impl IntoIterator<Item = &'a Function>,
    key: impl Fn(&'a Function) -> K,
) -> Plan {
    let mut groups: BTreeMap<K, BTreeSet<&str>> = BTreeMap::new();
    for function in functions {
        groups
            .entry(key(function))
            .or_default()
            .insert(&function.id);
    }
    let groups = groups.into_values().map(|ids| Group {
        functions: ids.into_iter().map(String::from).collect(),
    });
    Plan {
        groups: groups.collect(),
    }
}

/// The edited functions, each once. An id that is unknown or cannot move is an error: the host must
/// not have called the batch hot.
pub(crate) fn edited<'a>(program: &'a Program, ids: &[String]) -> Result<Vec<&'a Function>, Error> {
    let known: BTreeMap<&str, &Function> = program
        .functions
        .iter()
        .map(|function| (function.id.as_str(), function))
        .collect();
    let wanted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    wanted
        .into_iter()
        .map(|id| match known.get(id) {
            None => Err(Error::new(format!("{id} is not a function of the program"))),
            Some(Function {
                unmovable: Some(reason),
                ..
            }) => Err(Error::new(format!("{id} cannot be moved: {reason}"))),
            Some(function) => Ok(*function),
        })
        .collect()
}

/// The functions that can be moved.
pub(crate) fn movable(program: &Program) -> impl Iterator<Item = &Function> {
    program
        .functions
        .iter()
        .filter(|function| function.unmovable.is_none())
}
