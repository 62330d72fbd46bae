//! What the facts helper says, as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

/// A message with its place.
#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    /// Absolute.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in bytes.
    pub col: u32,
    /// The compiler's wording.
    pub message: String,
}

/// A package of the user.
#[derive(Debug, Clone, Deserialize)]
pub struct Package {
    /// Import path.
    pub path: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Its Go files, absolute.
    pub files: Vec<PathBuf>,
    /// Path of its module.
    pub module: String,
    /// Packages that its files import.
    #[serde(default)]
    pub imports: Option<Vec<String>>,
    /// Whether the project names it, not only imports it.
    #[serde(default)]
    pub named: bool,
    /// Packages that its test files import.
    #[serde(default)]
    pub test_imports: Option<Vec<String>>,
    /// Whether there are test files beside it.
    #[serde(default)]
    pub tests: bool,
}

/// What becomes of packages that Go does not accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Faulty {
    /// Their messages are the answer.
    #[default]
    Told,
    /// They are left aside, with those that import them.
    LeftAside,
}

/// A package that Go does not accept, or that imports such a one.
#[derive(Debug, Clone, Deserialize)]
pub struct Broken {
    /// Import path.
    pub package: String,
    /// The first message about it.
    pub message: String,
}

/// The answer to `load`.
#[derive(Debug, Clone, Deserialize)]
pub struct Loaded {
    /// The user's packages, dependencies first.
    pub packages: Vec<Package>,
    /// Files and directories beside the packages that decide what is built.
    #[serde(default)]
    pub watch: Vec<PathBuf>,
    /// What does not type-check.
    pub diagnostics: Vec<Finding>,
    /// What was left aside, if that was asked for.
    #[serde(default)]
    pub broken: Vec<Broken>,
}

/// The answer to `update`.
#[derive(Debug, Clone, Deserialize)]
pub struct Updated {
    /// What does not type-check.
    #[serde(default)]
    pub diagnostics: Vec<Finding>,
    /// Only a new load can tell.
    #[serde(default)]
    pub reload: bool,
    /// It took a new load: the list of packages may be another.
    #[serde(default)]
    pub reloaded: bool,
}

/// The answer to `instrument`.
#[derive(Debug, Clone, Deserialize)]
pub struct Instrumented {
    /// For `go build -overlay`.
    pub overlay: PathBuf,
    /// Functions in all.
    pub total: usize,
    /// Those that carry a dispatch check.
    pub movable: usize,
    /// Ids of all of them.
    #[serde(default)]
    pub ids: Vec<String>,
    /// What it has written.
    pub sources: crate::swap::Sources,
}

/// One package of a worker.
#[derive(Debug, Clone, Deserialize)]
pub struct ShadowPackage {
    /// The path it is compiled under.
    pub path: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// Import lines → the paths they are compiled under.
    pub imports: BTreeMap<String, String>,
    /// Language version, without `go`; may be empty.
    pub lang: String,
    /// Of its text and of the shadows it imports.
    pub hash: String,
}

/// Why a body cannot be moved.
#[derive(Debug, Clone, Deserialize)]
pub struct Refusal {
    /// The function.
    pub function: String,
    /// The reason code.
    pub code: String,
    /// In words.
    pub detail: String,
}

/// The answer to `shadow`: packages, or a refusal.
#[derive(Debug, Clone, Deserialize)]
pub struct Shadow {
    /// Dependencies first; the worker's program last.
    #[serde(default)]
    pub packages: Vec<ShadowPackage>,
    /// Why not.
    pub refused: Option<Refusal>,
    /// The user's functions whose bodies run inside of the worker when others of it call them.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Functions that were left out, if that was allowed.
    #[serde(default)]
    pub skipped: Vec<Refusal>,
    /// What home must hold → the functions that need it.
    #[serde(default)]
    pub needs: BTreeMap<String, Vec<String>>,
    /// Functions that it calls and that the running binary does not hold.
    #[serde(default)]
    pub beyond: Vec<String>,
    /// Package variables that the running binary does not hold.
    #[serde(default)]
    pub born: Vec<Born>,
}

/// A package variable that home makes when the first worker that needs it is committed.
#[derive(Debug, Clone, Deserialize)]
pub struct Born {
    /// Its name on the wire.
    pub id: String,
    /// What the user calls it.
    pub variable: String,
    /// The user's functions that its initialiser leads to.
    pub reaches: Vec<String>,
}

/// A function that does not mean what the running binary's function of its name means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Difference {
    /// Function id.
    pub id: String,
    /// Its name on the wire: another one, if the running binary does not hold it.
    pub wire: String,
    /// A digest of what its names stand for.
    pub meaning: String,
    /// It is generic, and the running binary does not hold it: no calls can be led to it, whoever calls it brings it
    /// along.
    #[serde(default)]
    pub along: bool,
}

/// The answer to `differences`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Differences {
    /// All of them.
    pub differences: Vec<Difference>,
    /// Functions that were asked about and that the source does not hold.
    pub missing: BTreeSet<String>,
}

/// A function of the user.
#[derive(Debug, Clone, Deserialize)]
pub struct Function {
    /// Function id.
    pub id: String,
    /// Absolute.
    pub file: PathBuf,
    /// From 1.
    pub line: u32,
    /// Import path of its package.
    pub package: String,
    /// The user's functions that it names.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Reason code, if it cannot be moved.
    pub reason: Option<String>,
    /// In words.
    pub detail: Option<String>,
}

/// The answer to `functions`.
#[derive(Debug, Clone, Deserialize)]
pub struct Functions {
    /// All of them.
    pub functions: Vec<Function>,
}
