//! Which functions move, when, and which share a worker.

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
