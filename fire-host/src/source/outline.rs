//! The first, cheap reading of a file: its top-level declarations as ranges, and the names in it.
//!
//! For a file that is Go, the cut is exact: a declaration begins with its keyword at the start of a
//! statement outside all brackets, and ends with the semicolon there. For a file that is not, the
//! outline is some outline; whoever acts on it has asked [`super::syntax_errors`] first.

use std::collections::BTreeSet;
use std::ops::Range;

mod scan;

use scan::Scan;

/// What kind of declaration a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChunkKind {
    /// `import`
    Import,
    /// `const`
    Const,
    /// `var`
    Var,
    /// `type`
    Type,
    /// `func`
    Func,
    /// What no declaration can be made of: the file is not Go.
    Stray,
}

/// A method's receiver: its type's name, without type parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receiver {
    /// As written: perhaps an alias.
    pub type_name: String,
    /// `*T`.
    pub pointer: bool,
}

/// A top-level declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its keyword.
    pub kind: ChunkKind,
    /// Its bytes, from the keyword to the last token.
    pub range: Range<usize>,
    /// Compiler directives before it (`//go:noinline`), in order.
    pub directives: Vec<String>,
    /// A function's name; empty for groups.
    pub name: String,
    /// A method's receiver.
    pub receiver: Option<Receiver>,
    /// How many parameters a function has.
    pub arity: usize,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// Import path.
    pub path: String,
    /// The name before it, `.` and `_` included.
    pub name: Option<String>,
}

/// What a file says at first sight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// From the package clause; empty if there is none.
    pub package: String,
    /// The expression of the `//go:build` line.
    pub constraint: Option<String>,
    /// Sorted.
    pub imports: Vec<Import>,
    /// In the order of the file.
    pub chunks: Vec<Chunk>,
    /// Patterns of `//go:embed`.
    pub embeds: Vec<String>,
    /// Methods of interface types, with the number of parameters.
    pub interface_methods: BTreeSet<(String, usize)>,
    /// `type A = B`: the alias and the first name of what it stands for.
    pub aliases: Vec<(String, String)>,
    /// The comment before `import "C"`, which is C source.
    pub cgo: Option<String>,
    /// Sorted hashes of the names that it mentions; see [`mention`].
    mentions: Vec<u64>,
}

/// A name as it occurs: alone, or after a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Position {
    /// `Name`
    Alone,
    /// `x.Name`
    Selected,
}

/// The hash under which a mention is kept. Two names may share one: then something unused counts as
/// used, which is safe.
fn mention(name: &[u8], position: Position) -> u64 {
    // FNV-1a: names are short.
    let start = match position {
        Position::Alone => 0xcbf2_9ce4_8422_2325_u64,
        Position::Selected => 0x6c62_272e_07bb_0142,
    };
    name.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The names that a range of Go source mentions. The names that it declares at its top are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions(Vec<u64>);

impl Mentions {
    /// Whether the name occurs so.
    pub fn contain(&self, name: &str, position: Position) -> bool {
        self.0
            .binary_search(&mention(name.as_bytes(), position))
            .is_ok()
    }
}

impl Outline {
    /// Reads a file.
    pub fn of(bytes: &[u8]) -> Self {
        let mut scan = Scan::new(bytes, 0, bytes.len());
        scan.file();
        let mut outline = scan.outline;
        outline.imports.sort();
        outline.imports.dedup();
        outline.mentions = tidy(scan.mentions);
        outline
    }

    /// Whether the name occurs in the file other than as what a declaration declares.
    pub fn mentions(&self, name: &str, position: Position) -> bool {
        self.mentions
            .binary_search(&mention(name.as_bytes(), position))
            .is_ok()
    }

    /// The names that one declaration mentions.
    pub fn mentions_of(bytes: &[u8], chunk: &Chunk) -> Mentions {
        let mut scan = Scan::new(bytes, chunk.range.start, chunk.range.end);
        scan.file();
        Mentions(tidy(scan.mentions))
    }
}

fn tidy(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    hashes.dedup();
    hashes.shrink_to_fit();
    hashes
}

/// The directives that the compiler acts on. `//go:build`, `//go:generate` and `//go:fix` are not
/// the declaration's.
pub(super) fn directive(comment: &str) -> Option<&str> {
    let text = comment.trim_end();
    let rest = text.strip_prefix("//go:");
    let acted_on = rest.is_some_and(|rest| {
        let word = rest.split_whitespace().next().unwrap_or_default();
        !matches!(word, "" | "build" | "generate" | "fix" | "debug")
    });
    (acted_on || text.starts_with("//export ")).then_some(text)
}

#[cfg(test)]
#[path = "outline_test.rs"]
mod tests;
