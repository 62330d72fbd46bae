//! Rules for split strategies.

use super::{Report, failed};
use crate::SplitStrategy;
use crate::split::{Function, Program};

/// Runs the suite.
pub fn split(strategy: &dyn SplitStrategy) -> Report {
    let mut report = Report::default();
    let programs = [program(0), program(1), program(7), program(2_000)];
    report.check("the first plan can be followed", || {
        for program in &programs {
            let plan = strategy.initial(program).map_err(failed("initial"))?;
            plan.check_initial(program)?;
        }
        Ok(())
    });
    report.check("an edit's plan has every edited function once", || {
        for program in &programs {
            for edited in selections(program) {
                let plan = strategy
                    .on_edit(program, &edited)
                    .map_err(failed("on_edit"))?;
                plan.check_edit(program, &edited)?;
            }
        }
        Ok(())
    });
    report.check("the same question gets the same answer", || {
        for program in &programs {
            if strategy.initial(program) != strategy.initial(program) {
                return Err("`initial` differs".to_owned());
            }
            for edited in selections(program) {
                if strategy.on_edit(program, &edited) != strategy.on_edit(program, &edited) {
                    return Err("`on_edit` differs".to_owned());
                }
            }
        }
        Ok(())
    });
    report
}

/// That many functions; every fifth cannot be moved.
fn program(length: usize) -> Program {
    let id = |number: usize| match number % 3 {
        0 => format!("example.com/shop/p{}.F{number:05}", number % 11),
        1 => format!("example.com/shop/p{}.(*T).M{number:05}", number % 11),
        _ => format!("example.com/shop/p{}.T.V{number:05}", number % 11),
    };
    let mut functions: Vec<Function> = (0..length)
        .map(|number| Function {
            id: id(number),
            package: format!("example.com/shop/p{}", number % 11),
            uses: vec![id((number * 7) % length)],
            unmovable: (number % 5 == 4).then(|| "linkname".to_owned()),
        })
        .collect();
    functions.sort_by(|left, right| left.id.cmp(&right.id));
    Program { functions }
}

/// One, two and all functions that can be moved.
fn selections(program: &Program) -> Vec<Vec<String>> {
    let movable: Vec<String> = program
        .functions
        .iter()
        .filter(|function| function.unmovable.is_none())
        .map(|function| function.id.clone())
        .collect();
    let mut selections = vec![movable.clone()];
    selections.extend(movable.first().map(|first| vec![first.clone()]));
    selections.extend(movable.get(1..3).map(<[String]>::to_vec));
    selections.retain(|selection| !selection.is_empty());
    selections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::split::{Group, Plan};

    type Answer = fn(&Program, &[String]) -> Plan;

    struct By(Answer);

    impl SplitStrategy for By {
        fn initial(&self, _: &Program) -> Result<Plan, Error> {
            Ok(Plan::default())
        }

        fn on_edit(&self, program: &Program, edited: &[String]) -> Result<Plan, Error> {
            Ok((self.0)(program, edited))
        }
    }

    fn one(functions: Vec<String>) -> Plan {
        Plan {
            groups: vec![Group { functions }],
        }
    }

    #[test]
    fn only_a_plan_that_can_be_followed_passes() {
        let good: Answer = |_, edited| one(edited.to_vec());
        split(&By(good)).assert();
        let wrong: [Answer; 3] = [
            |_, _| Plan::default(),
            |_, edited| one(edited[1..].to_vec()),
            |_, _| one(vec!["no.Such".to_owned()]),
        ];
        for (number, wrong) in wrong.into_iter().enumerate() {
            assert!(!split(&By(wrong)).passed(), "{number}");
        }
    }
}
