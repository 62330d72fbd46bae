//! The only place where tree-sitter parses.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;

use tree_sitter::{Node, Parser, Tree};

use super::lexer::{Kind, Lexer, Token};
use super::outline::{Chunk, ChunkKind};
use super::snapshot::File;
use crate::swap::Diagnostic;

thread_local! {
    static PARSER: RefCell<Option<Parser>> = const { RefCell::new(None) };
}

/// Parses Go source. `None` only if the grammar and the library do not fit each other.
pub(super) fn parse(bytes: &[u8]) -> Option<Tree> {
    PARSER.with_borrow_mut(|slot| {
        if slot.is_none() {
            let mut parser = Parser::new();
            parser.set_language(&tree_sitter_go::LANGUAGE.into()).ok()?;
            *slot = Some(parser);
        }
        let parser = slot.as_mut()?;
        // What a cancelled parse left behind is not continued.
        parser.reset();
        parser.parse(bytes, None)
    })
}

/// Parses, and if there are errors, again as Go 1.26 reads it: the argument of `new` may be an expression, for
/// which the grammar takes types alone. Positions in the tree are those of `bytes`.
pub(super) fn parse_go(bytes: &[u8]) -> Option<Tree> {
    let tree = parse(bytes)?;
    if !tree.root_node().has_error() {
        return Some(tree);
    }
    let mut altered = bytes.to_vec();
    for at in calls_of_new_with_values(bytes) {
        // An ordinary name of the same length: what it is called with are expressions.
        altered[at..at + 3].copy_from_slice(b"neu");
    }
    match parse(&altered) {
        Some(again) if !again.root_node().has_error() => Some(again),
        _ => Some(tree),
    }
}

/// Where `new(` stands before what need not be a type.
fn calls_of_new_with_values(bytes: &[u8]) -> Vec<usize> {
    let mut lexer = Lexer::new(bytes, 0, bytes.len());
    let mut found = Vec::new();
    let mut previous: Option<Token> = None;
    loop {
        let token = lexer.next();
        if token.kind == Kind::End {
            return found;
        }
        let name = previous.filter(|name| &bytes[name.start..name.end] == b"new");
        if let Some(name) = name
            && token.kind == Kind::Open(b'(')
            && may_be_value(bytes, lexer.clone())
        {
            found.push(name.start);
        }
        previous = Some(token);
    }
}

/// Whether the argument may be a value; the lexer stands before it. A name may be either, and is the same to the
/// grammar. What begins like a type is one, unless it has more braces than its structs and interfaces need.
fn may_be_value(bytes: &[u8], mut lexer: Lexer<'_>) -> bool {
    let first = lexer.next();
    if !matches!(first.kind, Kind::Open(b'[') | Kind::Star | Kind::Keyword(_)) {
        return true;
    }
    let (mut depth, mut braces, mut needed) = (0i64, 0, 0);
    let mut token = first;
    loop {
        match token.kind {
            Kind::End => return false,
            Kind::Open(bracket) => {
                braces += i64::from(depth == 0 && bracket == b'{');
                depth += 1;
            }
            Kind::Close(_) if depth == 0 => return braces > needed,
            Kind::Close(_) => depth -= 1,
            Kind::Keyword(_) if depth == 0 => {
                let word = &bytes[token.start..token.end];
                needed += i64::from(word == b"struct" || word == b"interface");
            }
            _ => {}
        }
        token = lexer.next();
    }
}

/// More than this is noise: the first one is what the user mends.
const MOST: usize = 10;

/// Where the file is not Go, in the order of the file; empty if it is. The path is told as given.
pub fn syntax_errors(path: impl AsRef<Path>, bytes: &[u8]) -> Vec<Diagnostic> {
    let path = &path.as_ref().to_string_lossy();
    let mut found = Vec::new();
    let Some(tree) = parse_go(bytes) else {
        return found;
    };
    if tree.root_node().has_error() {
        collect(tree.root_node(), path, bytes, &mut found);
    }
    found
}

/// The same for a file that was Go before, at the cost of what changed in it.
pub fn new_syntax_errors(old: Option<&File>, new: &File) -> Vec<Diagnostic> {
    let texts = |file: &File| -> HashSet<Vec<u8>> {
        file.outline()
            .chunks
            .iter()
            .map(|chunk| file.bytes()[chunk.range.clone()].to_vec())
            .collect()
    };
    let known = old.map(texts).unwrap_or_default();
    let is_new = |chunk: &&Chunk| !known.contains(&new.bytes()[chunk.range.clone()]);
    let suspicious = new.outline().package.is_empty()
        || new.outline().chunks.iter().filter(is_new).any(|chunk| {
            let mut source = new.bytes()[chunk.range.clone()].to_vec();
            source.push(b'\n');
            chunk.kind == ChunkKind::Stray
                || parse_go(&source).is_none_or(|tree| tree.root_node().has_error())
        });
    if suspicious {
        syntax_errors(new.path(), new.bytes())
    } else {
        Vec::new()
    }
}

/// Walks without recursion: broken files nest as they like.
fn collect(root: Node<'_>, path: &str, bytes: &[u8], found: &mut Vec<Diagnostic>) {
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if found.len() == MOST {
            return;
        }
        if node.is_missing() {
            found.push(diagnostic(
                node,
                path,
                format!("syntax error: expected {}", plain(node.kind())),
            ));
        } else if node.is_error() {
            let text = String::from_utf8_lossy(&bytes[node.byte_range()]).into_owned();
            let word = text
                .split_whitespace()
                .next()
                .unwrap_or("end of file")
                .to_string();
            found.push(diagnostic(
                node,
                path,
                format!("syntax error: unexpected {word}"),
            ));
        } else if node.has_error() {
            let mut cursor = node.walk();
            let children: Vec<_> = node
                .children(&mut cursor)
                .filter(|child| child.has_error())
                .collect();
            waiting.extend(children.into_iter().rev());
        }
    }
}

fn plain(kind: &str) -> String {
    match kind {
        "\n" => "newline".into(),
        other => other.replace('_', " "),
    }
}

fn diagnostic(node: Node<'_>, path: &str, message: String) -> Diagnostic {
    let position = node.start_position();
    let counted = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    Diagnostic {
        file: path.into(),
        line: counted(position.row),
        col: counted(position.column),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_has_no_errors() {
        let source = b"package a\n\nfunc f[T any](x T) { for range 3 { g(x) } }\n";
        assert_eq!(syntax_errors("a.go", source), []);
    }

    #[test]
    fn new_takes_expressions() {
        for argument in [
            "3",
            "\"a\"",
            "-x",
            "f(x)",
            "x + 1",
            "T",
            "pkg.T[int]",
            "[]int",
            "[]int{1}",
            "*T",
            "func() int { return 1 }()",
        ] {
            let source =
                format!("package a\n\nfunc f() {{ p, q := new({argument}), new([]int) }}\n");
            assert_eq!(syntax_errors("a.go", source.as_bytes()), [], "{argument}");
        }
    }

    #[test]
    fn an_error_has_its_place() {
        let errors = syntax_errors("a.go", b"package a\n\nfunc f() {\n\tx := (1 + \n}\n");
        assert!(!errors.is_empty());
        assert_eq!(errors[0].file, "a.go");
        assert!((3..=5).contains(&errors[0].line), "{errors:?}");
        assert!(
            errors[0].message.starts_with("syntax error: "),
            "{errors:?}"
        );
    }

    #[test]
    fn a_missing_brace_is_seen() {
        assert!(!syntax_errors("a.go", b"package a\n\nfunc f() {\n").is_empty());
    }
}
