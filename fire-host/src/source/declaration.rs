//! The second, exact reading: what one top-level declaration declares, in normal forms.

mod read;

use read::Reader;

use super::lexer::{Kind, Lexer};
use super::normal::Names;
use super::outline::{Chunk, Outline, Position, Receiver};
use super::snapshot::File;

pub use super::normal::Field;

/// Something declared at the top of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    /// A function or method.
    Function(Function),
    /// A type.
    Type(Type),
    /// A constant.
    Constant(Value),
    /// A variable. Several may be called `_`.
    Variable(Value),
    /// What could not be read: its tokens.
    Stray(String),
}

/// A function or method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Without package and receiver.
    pub name: String,
    /// A method's.
    pub receiver: Option<Receiver>,
    /// How many parameters.
    pub arity: usize,
    /// Normal form: type parameters, parameter types, result types.
    pub signature: String,
    /// The signature as written, in one line.
    pub shown: String,
    /// Normal form of the body and of the names that it gives its parameters; `None`: declared only.
    pub body: Option<String>,
    /// Compiler directives.
    pub directives: Vec<String>,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A struct's fields.
    Struct(Vec<Field>),
    /// An interface's elements: name, normal form.
    Interface(Vec<(String, String)>),
    /// `type A = B`.
    Alias,
    /// Any other.
    Other,
}

/// A type declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// Its name.
    pub name: String,
    /// Normal form of its type parameters.
    pub parameters: String,
    /// Normal form of what it is declared as.
    pub form: String,
    /// That, as written, in one line.
    pub shown: String,
    /// Its structure.
    pub shape: Shape,
    /// Compiler directives.
    pub directives: Vec<String>,
}

/// A constant or variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its name, perhaps `_`.
    pub name: String,
    /// Normal form of its type; empty if it has none.
    pub type_form: String,
    /// Normal form of its value, for constants with the place in the group if it counts. Empty: none.
    pub form: String,
    /// The value as written, in one line.
    pub shown: String,
    /// Whether evaluating the value may do something: it calls or receives.
    pub acts: bool,
    /// Compiler directives.
    pub directives: Vec<String>,
}

/// Reads one chunk of a file.
pub fn read(file: &File, chunk: &Chunk) -> Vec<Declaration> {
    let bytes = &file.bytes()[chunk.range.clone()];
    // A terminator, so that the last statement is complete.
    let mut source = Vec::with_capacity(bytes.len() + 1);
    source.extend_from_slice(bytes);
    source.push(b'\n');
    let reader = Reader {
        file,
        chunk,
        bytes: &source,
    };
    reader
        .parsed()
        .or_else(|| reader.with_unread_body())
        .unwrap_or_else(|| vec![Declaration::Stray(reader.tokens(0))])
}

/// The imports that a chunk may name: local name and path, `.` for all of a package's names.
pub fn imports_of(file: &File, chunk: &Chunk) -> Vec<(String, String)> {
    let outline = file.outline();
    let mentions = Outline::mentions_of(file.bytes(), chunk);
    let names = Names::new(&outline.imports);
    let named = names
        .imports()
        .filter(|(name, _)| mentions.contain(name, Position::Alone));
    let dotted = outline
        .imports
        .iter()
        .filter(|import| import.name.as_deref() == Some("."));
    named
        .chain(dotted.map(|import| (".", import.path.as_str())))
        .map(|(name, path)| (name.to_string(), path.to_string()))
        .collect()
}

/// Names from dot imports look like the package's own: a change of these imports touches everything
/// that has a name of this kind.
fn dot_imports(file: &File, source: &[u8]) -> String {
    let dotted = file
        .outline()
        .imports
        .iter()
        .filter(|import| import.name.as_deref() == Some("."));
    let prefix: String = dotted
        .map(|import| format!(". \"{}\" ", import.path))
        .collect();
    if prefix.is_empty() || !has_bare_exported_name(source) {
        return String::new();
    }
    prefix
}

fn has_bare_exported_name(source: &[u8]) -> bool {
    let mut lexer = Lexer::new(source, 0, source.len());
    let mut after_period = false;
    loop {
        let token = lexer.next();
        match token.kind {
            Kind::End => return false,
            // Other scripts have upper case too.
            Kind::Identifier
                if !after_period && !matches!(source[token.start], b'a'..=b'z' | b'_') =>
            {
                return true;
            }
            kind => after_period = kind == Kind::Period,
        }
    }
}

#[cfg(test)]
#[path = "declaration_test.rs"]
mod tests;
