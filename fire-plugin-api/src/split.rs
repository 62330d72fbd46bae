//! Which functions move, when, and which share a worker.

use std::collections::{BTreeMap, BTreeSet};

use crate::Error;

/// What fire knows of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// `import/path.Func`, `import/path.(*T).Method` or `import/path.T.Method`.
    pub id: String,
    /// Import path of its package.
    pub package: String,
    /// Ids of the project's functions that its body calls or refers to.
    pub uses: Vec<String>,
    /// `None` if it can be moved, else the reason code.
    pub unmovable: Option<String>,
}

/// The user's program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// Every function of the main modules, ordered by id.
    pub functions: Vec<Function>,
}

/// Functions that share one worker process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Ids of the functions in it.
    pub functions: Vec<String>,
}

/// Functions → workers. A function in no group runs at home.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One worker process each.
    pub groups: Vec<Group>,
}

/// Decides which functions move and which share a worker.
pub trait SplitStrategy: Send + Sync {
    /// The plan before the program starts. An empty plan: everything runs at home.
    fn initial(&self, program: &Program) -> Result<Plan, Error>;

    /// Where the functions of a hot batch go. Every id in `edited` must be in exactly one group.
    fn on_edit(&self, program: &Program, edited: &[String]) -> Result<Plan, Error>;
}

impl Plan {
    /// Whether it can be followed before the program starts: every function in it exists, can be moved, and
    /// is in one group only. The text says what is wrong.
    pub fn check_initial(&self, program: &Program) -> Result<(), String> {
        self.check_groups(program).map(drop)
    }

    /// Whether it can be followed at an edit: as before, and every edited function is in it.
    pub fn check_edit(&self, program: &Program, edited: &[String]) -> Result<(), String> {
        let planned = self.check_groups(program)?;
        match edited.iter().find(|id| !planned.contains(id.as_str())) {
            Some(missed) => Err(format!("the plan misses {missed}, which was edited")),
            None => Ok(()),
        }
    }

    /// The functions in it.
    fn check_groups(&self, program: &Program) -> Result<BTreeSet<&str>, String> {
        let known: BTreeMap<&str, Option<&str>> = program
            .functions
            .iter()
            .map(|function| (function.id.as_str(), function.unmovable.as_deref()))
            .collect();
        let mut planned = BTreeSet::new();
        for id in self.groups.iter().flat_map(|group| &group.functions) {
            match known.get(id.as_str()) {
                None => return Err(format!("the plan names {id}, which does not exist")),
                Some(Some(code)) => {
                    return Err(format!(
                        "the plan moves {id}, which cannot be moved ({code})"
                    ));
                }
                Some(None) => {}
            }
            if !planned.insert(id.as_str()) {
                return Err(format!("the plan has {id} in two groups"));
            }
        }
        if self.groups.iter().any(|group| group.functions.is_empty()) {
            return Err("the plan has an empty group".to_owned());
        }
        Ok(planned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_that_cannot_be_followed() {
        let function = |id: &str, unmovable: Option<&str>| Function {
            id: id.to_owned(),
            package: "a".to_owned(),
            uses: Vec::new(),
            unmovable: unmovable.map(str::to_owned),
        };
        let program = Program {
            functions: vec![
                function("F", None),
                function("G", None),
                function("U", Some("linkname")),
            ],
        };
        for (groups, problem) in [
            ("F,G", None),
            ("F|G", None),
            ("F", Some("the plan misses G, which was edited")),
            ("F,X|G", Some("the plan names X, which does not exist")),
            (
                "F,U|G",
                Some("the plan moves U, which cannot be moved (linkname)"),
            ),
            ("F,G|G", Some("the plan has G in two groups")),
            ("F,G|", Some("the plan has an empty group")),
        ] {
            let plan = Plan {
                groups: groups
                    .split('|')
                    .map(|ids| Group {
                        functions: ids
                            .split(',')
                            .filter(|id| !id.is_empty())
                            .map(str::to_owned)
                            .collect(),
                    })
                    .collect(),
            };
            let edited = ["F".to_owned(), "G".to_owned()];
            let checked = plan.check_edit(&program, &edited).err();
            assert_eq!(checked.as_deref(), problem, "{groups}");
        }
    }
}
