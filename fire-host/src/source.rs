//! The source model: what the files of a program say, without Go.
//!
//! Place in the flow: `watch` hands over bytes, [`Snapshot`] keeps them, `classify` compares two
//! snapshots. Nothing here reads a file, starts a process or looks at a clock; broken files are
//! ordinary input and never panic.
//!
//! # Theory of operation
//!
//! A file is read twice, at two depths:
//!
//! 1. [`Outline`], for every file at once: a lexer with Go's own semicolon rule cuts the file into its
//!    top-level declarations ([`Chunk`]) and notes the names it mentions, its imports, its build
//!    constraint and the methods of its interfaces. It costs a twentieth of what a tree would.
//! 2. [`declaration`], for the few chunks whose text differs between two snapshots: tree-sitter
//!    parses each alone, and the tree is turned into normal forms in which comments, layout, the order
//!    of imports and their local names have no place.
//!
//! So the cost of a save depends on what changed, not on the size of the file.

mod constraint;
pub mod declaration;
mod embed;
mod lexer;
mod normal;
mod outline;
mod snapshot;
mod syntax;

pub use constraint::BuildContext;
pub use outline::{Chunk, ChunkKind, Import, Mentions, Outline, Position, Receiver};
pub use snapshot::{Entry, File, FileKind, Snapshot};
pub use syntax::{new_syntax_errors, syntax_errors};

/// Where each token and comment lies, inserted semicolons left out. For tests that change layout.
#[cfg(test)]
pub(crate) fn token_ranges(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut lexer = lexer::Lexer::new(bytes, 0, bytes.len());
    let mut ranges = Vec::new();
    loop {
        let token = lexer.next();
        if token.kind == lexer::Kind::End {
            return ranges;
        }
        if token.start < token.end {
            ranges.push((token.start, token.end));
        }
    }
}
