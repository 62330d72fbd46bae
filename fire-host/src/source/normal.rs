//! Normal forms: texts that are equal when two pieces of Go mean the same to the compiler.
//!
//! Out go comments, layout, trailing commas, the local names of imports (their paths come instead)
//! and, in types, parentheses, the names of parameters and the grouping of fields. Nothing else: a
//! normal form may tell too many things apart, never too few.

mod types;

use tree_sitter::{Node, TreeCursor};
use types::Types;

use super::outline::Import;

/// How names are to be read in one file, and in one declaration of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Local name, import path. Several of the same name where the name is not certain.
    imports: Vec<(String, String)>,
    /// Type parameters of this declaration: their names do not matter in types, their places do.
    pub(super) type_parameters: Vec<String>,
}

impl Names {
    /// Of a file with these imports.
    pub(super) fn new(imports: &[Import]) -> Self {
        let mut names = Self::default();
        for import in imports {
            match import.name.as_deref() {
                Some("_" | ".") => {}
                Some(name) => names.imports.push((name.to_string(), import.path.clone())),
                None => {
                    let guesses = default_names(&import.path);
                    names
                        .imports
                        .extend(guesses.map(|name| (name.to_string(), import.path.clone())));
                }
            }
        }
        names
    }

    /// Each name of an import with its path.
    pub(super) fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.imports
            .iter()
            .map(|(name, path)| (name.as_str(), path.as_str()))
    }

    fn push_qualifier(&self, out: &mut String, name: &str) {
        let before = out.len();
        for (own, path) in &self.imports {
            if own == name {
                out.push('"');
                out.push_str(path);
                out.push('"');
            }
        }
        if out.len() == before {
            out.push_str(name);
        }
    }
}

/// What a package at this path may be called: each word of its last element that is no version.
fn default_names(path: &str) -> impl Iterator<Item = &str> {
    let is_version = |word: &str| {
        word.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut elements = path.rsplit('/');
    let mut last = elements.next().unwrap_or(path);
    if is_version(last) {
        last = elements.next().unwrap_or(last);
    }
    last.split(['-', '.'])
        .filter(move |word| !word.is_empty() && !is_version(word))
}

fn text<'a>(node: Node<'_>, bytes: &'a [u8]) -> std::borrow::Cow<'a, str> {
    String::from_utf8_lossy(bytes.get(node.byte_range()).unwrap_or_default())
}

/// A leaf, as the compiler reads it.
fn push_leaf(out: &mut String, node: Node<'_>, bytes: &[u8]) {
    let text = text(node, bytes);
    if node.kind() == "raw_string_literal" {
        // Go spec, String literals: carriage returns are discarded.
        out.extend(text.chars().filter(|c| *c != '\r'));
    } else {
        out.push_str(&text);
    }
}

fn is_leaf(node: Node<'_>) -> bool {
    node.child_count() == 0
        || matches!(
            node.kind(),
            "raw_string_literal" | "interpreted_string_literal" | "rune_literal"
        )
}

/// Whether a child says nothing: the tree's shape says it already.
fn is_silent(node: Node<'_>, parent: Option<&str>) -> bool {
    match node.kind() {
        "comment" | "," | "empty_statement" => true,
        // Where a header has up to three parts, the semicolons say which is which.
        ";" | "\n" | "\0" => !matches!(
            parent,
            Some(
                "for_clause"
                    | "if_statement"
                    | "expression_switch_statement"
                    | "type_switch_statement"
            )
        ),
        _ => false,
    }
}

/// The normal form of statements and expressions.
pub(super) fn code(node: Node<'_>, bytes: &[u8], names: &Names) -> String {
    let mut out = String::new();
    push_code(&mut out, node, bytes, names);
    out
}

/// Walks with a cursor, not by recursion: nesting is as deep as somebody cares to write.
fn push_code(out: &mut String, root: Node<'_>, bytes: &[u8], names: &Names) {
    let mut cursor = root.walk();
    let mut parents: Vec<&'static str> = Vec::new();
    loop {
        let node = cursor.node();
        let parent = parents.last().copied();
        let mut descended = false;
        if !is_silent(node, parent) {
            if is_leaf(node) {
                if is_qualifier(node, parent, &cursor) {
                    names.push_qualifier(out, &text(node, bytes));
                } else {
                    push_leaf(out, node, bytes);
                }
                out.push(' ');
            } else {
                out.push('\u{2}');
                parents.push(node.kind());
                descended = cursor.goto_first_child();
            }
        }
        if descended {
            continue;
        }
        loop {
            if parents.is_empty() {
                return;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            out.push('\u{3}');
            parents.pop();
            cursor.goto_parent();
        }
    }
}

fn is_qualifier(node: Node<'_>, parent: Option<&str>, cursor: &TreeCursor<'_>) -> bool {
    match (node.kind(), parent) {
        ("identifier", Some("selector_expression")) => cursor.field_name() == Some("operand"),
        ("package_identifier", _) => true,
        _ => false,
    }
}

/// Deeper types than this are compared as they are written.
const DEEPEST: usize = 100;

/// The normal form of a type.
pub(super) fn type_form(node: Node<'_>, bytes: &[u8], names: &Names) -> String {
    let mut out = String::new();
    Types { bytes, names }.push(&mut out, node, 0);
    out
}

/// The normal form of parameters: the types, in order.
pub(super) fn parameters_form(node: Node<'_>, bytes: &[u8], names: &Names) -> String {
    Types { bytes, names }.parameters(node, 0).join(",")
}

/// One field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name; the type's, if it is embedded.
    pub name: String,
    /// Whether it is embedded.
    pub embedded: bool,
    /// Normal form of its type.
    pub type_form: String,
    /// Its type as written.
    pub shown: String,
    /// Its tag, unquoted.
    pub tag: String,
}

/// The fields of a struct type, one for each name.
pub(super) fn fields(node: Node<'_>, bytes: &[u8], names: &Names) -> Vec<Field> {
    Types { bytes, names }.fields(node, 0)
}

/// The elements of an interface type, sorted, each with its name for display.
pub(super) fn elements(node: Node<'_>, bytes: &[u8], names: &Names) -> Vec<(String, String)> {
    Types { bytes, names }.elements(node, 0)
}

/// Source in one line, without comments.
pub(super) fn shown(node: Node<'_>, bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut from = node.start_byte();
    let mut cut = |until: usize, next: usize| {
        let piece = bytes.get(from..until).unwrap_or_default();
        out.push_str(&String::from_utf8_lossy(piece));
        from = next;
    };
    let mut cursor = node.walk();
    let mut depth = 0usize;
    loop {
        let current = cursor.node();
        if current.kind() == "comment" {
            cut(current.start_byte(), current.end_byte());
        }
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while depth > 0 && !cursor.goto_next_sibling() {
            cursor.goto_parent();
            depth -= 1;
        }
        if depth == 0 {
            break;
        }
    }
    cut(node.end_byte(), node.end_byte());
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
