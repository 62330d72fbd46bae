//! Rules for restart policies.

use super::{Report, failed};
use crate::RestartPolicy;
use crate::policy::{Action, Edit, Ending, Process, Response};

const CODES: &[&str] = &[
    "nothing",
    "body",
    "method-body",
    "signature",
    "method-signature",
    "struct",
    "type",
    "added-used",
    "added-unused",
    "removed-used",
    "removed-unused",
    "renamed",
    "const",
    "var",
    "init",
    "unmovable-body",
    "imports",
    "build",
    "embedded",
    "env",
    "test",
    "a-code-of-a-later-fire",
];

/// After these the running program is not the source's: swapping functions cannot reach it.
const SERIOUS: &[&str] = &[
    "struct",
    "type",
    "init",
    "unmovable-body",
    "build",
    "a-code-of-a-later-fire",
];

fn edit(code: &str, swappable: bool) -> Edit {
    Edit {
        code: code.to_owned(),
        subject: "example.com/shop.Total".to_owned(),
        detail: String::new(),
        swappable,
    }
}

/// Runs the suite.
pub fn policy(policy: &dyn RestartPolicy) -> Report {
    let mut report = Report::default();
    report.check("an action for each edit, in order", || {
        one_action_each(policy)
    });
    report.check("an edit that cannot be swapped is not hot", || {
        for code in CODES {
            if action(policy, code, false)? == Action::Hot {
                return Err(format!("`{code}` is hot"));
            }
        }
        Ok(())
    });
    report.check("the program is never stale", || {
        for code in SERIOUS {
            let action = action(policy, code, false)?;
            if action != Action::Restart {
                return Err(format!("`{code}` leads to {action:?}"));
            }
        }
        Ok(())
    });
    report.check("every ending is answered", || endings(policy));
    report.check("an old generation may drain", || {
        match policy.drain_limits().generations {
            0 => Err("`drain_limits` allows no generation, and every swap leaves one".to_owned()),
            _ => Ok(()),
        }
    });
    report
}

fn action(policy: &dyn RestartPolicy, code: &str, swappable: bool) -> Result<Action, String> {
    let actions = policy
        .judge(&[edit(code, swappable)])
        .map_err(failed("judge"))?;
    actions
        .first()
        .copied()
        .ok_or_else(|| format!("no action for `{code}`"))
}

fn one_action_each(policy: &dyn RestartPolicy) -> Result<(), String> {
    let all: Vec<Edit> = CODES
        .iter()
        .flat_map(|code| [edit(code, true), edit(code, false)])
        .collect();
    for length in [0, 1, all.len()] {
        let actions = policy.judge(&all[..length]).map_err(failed("judge"))?;
        if actions.len() != length {
            return Err(format!("{} actions for {length} edits", actions.len()));
        }
    }
    let together = policy.judge(&all).map_err(failed("judge"))?;
    for (edit, together) in all.iter().zip(together) {
        let alone = action(policy, &edit.code, edit.swappable)?;
        if alone == Action::Restart && together != Action::Restart {
            return Err(format!(
                "`{}` restarts alone, but is {together:?} among others",
                edit.code
            ));
        }
    }
    Ok(())
}

fn endings(policy: &dyn RestartPolicy) -> Result<(), String> {
    let endings = [
        Ending::Exited(0),
        Ending::Exited(2),
        Ending::Signalled(11),
        Ending::Hung(5_000),
        Ending::Faulted("0x0".to_owned()),
    ];
    for ending in &endings {
        let response = policy
            .on_ending(&Process::App, ending)
            .map_err(failed("on_ending"))?;
        if response == Response::RollBack {
            return Err(format!("the app is rolled back after {ending:?}"));
        }
        for failures in [1, 2, 10, u32::MAX] {
            let worker = Process::Worker {
                generation: 3,
                functions: vec!["example.com/shop.Total".to_owned()],
                failures,
            };
            policy
                .on_ending(&worker, ending)
                .map_err(failed("on_ending"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// Says the same to everything.
    struct Always(Action);

    impl RestartPolicy for Always {
        fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
            Ok(vec![self.0; edits.len()])
        }

        fn on_ending(&self, _: &Process, _: &Ending) -> Result<Response, Error> {
            Ok(Response::Stop)
        }
    }

    #[test]
    fn always_restarting_is_allowed_and_never_is_not() {
        policy(&Always(Action::Restart)).assert();
        for wrong in [Action::Hot, Action::Nothing] {
            assert!(!policy(&Always(wrong)).passed(), "{wrong:?}");
        }
    }
}
