//! Normal forms: texts that are equal when two pieces of Go mean the same to the compiler.
//!
//! Out go comments, layout, trailing commas, the local names of imports (their paths come instead)
//! and, in types, parentheses, the names of parameters and the grouping of fields. Nothing else: a
//! normal form may tell too many things apart, never too few.

use tree_sitter::{Node, TreeCursor};

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

struct Types<'a> {
    bytes: &'a [u8],
    names: &'a Names,
}

impl Types<'_> {
    fn push(&self, out: &mut String, node: Node<'_>, depth: usize) {
        if depth > DEEPEST {
            push_code(out, node, self.bytes, self.names);
            return;
        }
        match node.kind() {
            "comment" => {}
            "type_identifier" | "identifier" => self.push_name(out, node),
            "package_identifier" => self.names.push_qualifier(out, &text(node, self.bytes)),
            "parenthesized_type" => self.push_children(out, node, depth, &["(", ")"]),
            "function_type" => {
                out.push_str("func");
                self.push_signature(out, node, depth);
            }
            "struct_type" => {
                out.push_str("struct{");
                for field in self.fields(node, depth) {
                    let mark = if field.embedded { "=" } else { " " };
                    out.push_str(&format!(
                        "{}{mark}{} {:?};",
                        field.name, field.type_form, field.tag
                    ));
                }
                out.push('}');
            }
            "interface_type" => {
                let elements = self.elements(node, depth);
                if elements.is_empty() {
                    out.push_str("any");
                    return;
                }
                out.push_str("interface{");
                for (_, form) in elements {
                    out.push_str(&form);
                    out.push(';');
                }
                out.push('}');
            }
            _ if is_leaf(node) => {
                push_leaf(out, node, self.bytes);
                out.push(' ');
            }
            kind if kind.ends_with("_type") || kind.starts_with("type_") => {
                self.push_children(out, node, depth, &[]);
            }
            // The length of an array, for one.
            _ => push_code(out, node, self.bytes, self.names),
        }
    }

    fn push_name(&self, out: &mut String, node: Node<'_>) {
        let name = text(node, self.bytes);
        match self
            .names
            .type_parameters
            .iter()
            .position(|own| *own == name)
        {
            Some(place) => out.push_str(&format!("${place}")),
            None => out.push_str(&name),
        }
    }

    fn push_children(&self, out: &mut String, node: Node<'_>, depth: usize, without: &[&str]) {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            if !without.contains(&child.kind()) {
                self.push(out, child, depth + 1);
            }
        }
    }

    /// `(types)(types)`: parameters and results of whatever has these two fields.
    fn push_signature(&self, out: &mut String, node: Node<'_>, depth: usize) {
        for field in ["parameters", "result"] {
            out.push('(');
            if let Some(list) = node.child_by_field_name(field) {
                out.push_str(&self.parameters(list, depth + 1).join(","));
            }
            out.push(')');
        }
    }

    /// One type for each parameter. A lone result type is a list of one.
    fn parameters(&self, list: Node<'_>, depth: usize) -> Vec<String> {
        let mut forms = Vec::new();
        if list.kind() != "parameter_list" {
            let mut form = String::new();
            self.push(&mut form, list, depth + 1);
            return vec![form];
        }
        let mut cursor = list.walk();
        for parameter in list.named_children(&mut cursor) {
            let Some(kind) = parameter.child_by_field_name("type") else {
                continue;
            };
            let mut form = String::new();
            if parameter.kind() == "variadic_parameter_declaration" {
                form.push_str("...");
            }
            self.push(&mut form, kind, depth + 1);
            let mut inner = parameter.walk();
            let names = parameter
                .children_by_field_name("name", &mut inner)
                .filter(|name| name.is_named());
            forms.extend(std::iter::repeat_n(form, names.count().max(1)));
        }
        forms
    }

    fn fields(&self, node: Node<'_>, depth: usize) -> Vec<Field> {
        let mut found = Vec::new();
        let mut outer = node.walk();
        let list = node
            .named_children(&mut outer)
            .find(|child| child.kind() == "field_declaration_list");
        let Some(list) = list else { return found };
        let mut cursor = list.walk();
        for declaration in list.named_children(&mut cursor) {
            let Some(kind) = declaration.child_by_field_name("type") else {
                continue;
            };
            let mut inner = declaration.walk();
            let pointer = declaration
                .children(&mut inner)
                .any(|child| child.kind() == "*");
            let star = if pointer { "*" } else { "" };
            let mut type_form = star.to_string();
            self.push(&mut type_form, kind, depth + 1);
            let tag = declaration
                .child_by_field_name("tag")
                .map(|tag| unquote(&text(tag, self.bytes)))
                .unwrap_or_default();
            let mut field = Field {
                name: String::new(),
                embedded: false,
                type_form,
                shown: format!("{star}{}", shown(kind, self.bytes)),
                tag,
            };
            let mut inner = declaration.walk();
            let names: Vec<_> = declaration
                .children_by_field_name("name", &mut inner)
                .filter(|child| child.is_named())
                .collect();
            for name in &names {
                field.name = text(*name, self.bytes).into_owned();
                found.push(field.clone());
            }
            if names.is_empty() {
                field.name = embedded_name(&field.shown);
                field.embedded = true;
                found.push(field);
            }
        }
        found
    }

    fn elements(&self, node: Node<'_>, depth: usize) -> Vec<(String, String)> {
        let mut cursor = node.walk();
        let mut found: Vec<(String, String)> = node
            .named_children(&mut cursor)
            .filter(|child| child.kind() != "comment")
            .map(|element| {
                let mut form = String::new();
                match element
                    .child_by_field_name("name")
                    .filter(|_| element.kind() == "method_elem")
                {
                    Some(name) => {
                        let name = text(name, self.bytes).into_owned();
                        form.push_str(&name);
                        self.push_signature(&mut form, element, depth);
                        (name, form)
                    }
                    None => {
                        self.push_children(&mut form, element, depth, &[]);
                        (shown(element, self.bytes), form)
                    }
                }
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

/// `pkg.Name[T]` is called `Name`.
fn embedded_name(shown: &str) -> String {
    let bare = shown
        .trim_start_matches('*')
        .split('[')
        .next()
        .unwrap_or_default();
    bare.rsplit('.')
        .next()
        .unwrap_or_default()
        .trim()
        .to_string()
}

/// A tag's content; its two ways of quoting mean the same.
fn unquote(literal: &str) -> String {
    if let Some(raw) = literal.strip_prefix('`') {
        return raw.trim_end_matches('`').replace('\r', "");
    }
    let inner = literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(literal);
    inner.replace("\\\"", "\"").replace("\\\\", "\\")
}
