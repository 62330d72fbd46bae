//! Both policies over every edit code.

use fire_plugin_api::RestartPolicy;
use fire_plugin_api::policy::{Action, Edit};

use crate::{KeepState, SeriousChanges};
use Action::{Hot, Nothing, Restart};

/// Code · serious-changes · keep-state if functions alone reach it · keep-state if not.
const TABLE: &[(&str, Action, Action, Action)] = &[
    ("nothing", Nothing, Nothing, Nothing),
    ("body", Hot, Hot, Restart),
    ("method-body", Hot, Hot, Restart),
    ("signature", Restart, Hot, Restart),
    ("method-signature", Restart, Hot, Restart),
    ("struct", Restart, Restart, Restart),
    ("type", Restart, Restart, Restart),
    ("added-used", Restart, Hot, Restart),
    ("added-unused", Nothing, Nothing, Nothing),
    ("removed-used", Restart, Hot, Restart),
    ("removed-unused", Nothing, Nothing, Nothing),
    ("renamed", Nothing, Nothing, Nothing),
    ("const", Restart, Hot, Restart),
    ("var", Restart, Hot, Restart),
    ("init", Restart, Restart, Restart),
    ("unmovable-body", Restart, Restart, Restart),
    ("imports", Nothing, Nothing, Nothing),
    ("build", Restart, Restart, Restart),
    ("embedded", Restart, Restart, Restart),
    ("env", Restart, Restart, Restart),
    ("test", Nothing, Nothing, Nothing),
    ("a-code-of-a-later-version", Restart, Restart, Restart),
];

fn edit(code: &str, swappable: bool) -> Edit {
    Edit {
        code: code.into(),
        subject: "shop.Total".into(),
        detail: String::new(),
        swappable,
    }
}

#[test]
fn serious_changes_follows_the_table() {
    let policy = SeriousChanges::new("").unwrap();
    let edits: Vec<_> = TABLE.iter().map(|row| edit(row.0, true)).collect();
    let wanted: Vec<_> = TABLE.iter().map(|row| row.1).collect();
    assert_eq!(policy.judge(&edits).unwrap(), wanted);
}

#[test]
fn keep_state_follows_the_table() {
    let policy = KeepState::new("").unwrap();
    for (code, _, swappable, stuck) in TABLE {
        let judged = policy
            .judge(&[edit(code, true), edit(code, false)])
            .unwrap();
        assert_eq!(judged, [*swappable, *stuck], "{code}");
    }
}

#[test]
fn a_body_that_cannot_be_swapped_restarts_under_both() {
    let edits = [edit("body", false), edit("method-body", false)];
    assert_eq!(
        SeriousChanges::new("").unwrap().judge(&edits).unwrap(),
        [Restart, Restart]
    );
    assert_eq!(
        KeepState::new("").unwrap().judge(&edits).unwrap(),
        [Restart, Restart]
    );
}

#[test]
fn options_reach_the_drain_limits() {
    let policy = KeepState::new("drain-after-ms = 9\ngenerations = 3").unwrap();
    let limits = policy.drain_limits();
    assert_eq!((limits.after_ms, limits.generations), (Some(9), 3));
}
