//! What the edits between two trees lead to under a policy: the answer of `fire diff`.

use std::collections::BTreeSet;

use fire_plugin_api::policy::{self, Action};
use fire_plugin_api::{Error, RestartPolicy};
use serde::Serialize;

use super::{Edit, diff};
use crate::source::Snapshot;

/// Edits, and what they lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Ordered by package and subject.
    pub edits: Vec<Judged>,
    /// `nothing`, `hot` or `restart`: the strongest action of all edits.
    pub action: &'static str,
    /// Ids of the functions that a swap would have to exchange, sorted.
    pub functions: Vec<String>,
}

/// An edit as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its code.
    pub code: &'static str,
    /// What changed.
    pub subject: String,
    /// What about it.
    pub detail: String,
    /// What it leads to by itself.
    #[serde(skip)]
    pub action: &'static str,
}

impl From<&Edit> for policy::Edit {
    fn from(edit: &Edit) -> Self {
        Self {
            code: edit.code.to_string(),
            subject: edit.subject.clone(),
            detail: edit.detail.clone(),
            swappable: edit.swappable,
        }
    }
}

/// Compares two snapshots and asks the policy. Every function counts as movable: that is for the type
/// checker to say.
pub fn report(old: &Snapshot, new: &Snapshot, policy: &dyn RestartPolicy) -> Result<Report, Error> {
    let edits = diff(old, new);
    let asked: Vec<policy::Edit> = edits.iter().map(policy::Edit::from).collect();
    let actions = policy.judge(&asked)?;
    if actions.len() != edits.len() {
        let (answers, questions) = (actions.len(), edits.len());
        return Err(Error::new(format!(
            "the policy answered {answers} of {questions} edits"
        )));
    }
    let strongest = actions.iter().copied().max().unwrap_or(Action::Nothing);
    let acted_on = edits
        .iter()
        .zip(&actions)
        .filter(|(_, action)| **action != Action::Nothing);
    let functions: BTreeSet<String> = acted_on
        .flat_map(|(edit, _)| edit.functions.clone())
        .collect();
    let judged = edits.into_iter().zip(actions).map(|(edit, action)| Judged {
        code: edit.code,
        subject: edit.subject,
        detail: edit.detail,
        action: name(action),
    });
    Ok(Report {
        edits: judged.collect(),
        action: name(strongest),
        functions: functions.into_iter().collect(),
    })
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Nothing => "nothing",
        Action::Hot => "hot",
        Action::Restart => "restart",
    }
}
