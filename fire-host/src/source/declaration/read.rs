//! From a chunk's syntax tree to declarations. Longer than most files here, because each method reads one
//! rule of one grammar.

use tree_sitter::Node;

use super::{Declaration, Function, Shape, Type, Value, dot_imports, imports_of};
use crate::source::lexer::{Kind, Lexer};
use crate::source::normal::{self, Names};
use crate::source::outline::{Chunk, ChunkKind, directive};
use crate::source::snapshot::File;
use crate::source::syntax;

/// Where in a receiver a name stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Receiver,
    Arguments,
}

/// Reads one chunk.
pub(super) struct Reader<'a> {
    pub(super) file: &'a File,
    pub(super) chunk: &'a Chunk,
    /// The chunk, ended by a newline.
    pub(super) bytes: &'a [u8],
}

impl Reader<'_> {
    /// `None` if the grammar does not know all of it.
    pub(super) fn parsed(&self) -> Option<Vec<Declaration>> {
        let tree = syntax::parse_go(self.bytes).filter(|tree| !tree.root_node().has_error())?;
        let root = tree.root_node();
        let mut cursor = root.walk();
        let node = root
            .named_children(&mut cursor)
            .find(|child| child.kind() != "comment")?;
        self.declaration(node, &mut Names::new(&self.file.outline().imports))
    }

    /// A function with a body that the grammar does not know, for it is older than the body's Go: the
    /// signature is read, the body is compared by its tokens.
    pub(super) fn with_unread_body(&self) -> Option<Vec<Declaration>> {
        let start = (self.chunk.kind == ChunkKind::Func).then(|| self.body_start())??;
        let mut bytes = self.bytes[..start].to_vec();
        bytes.extend_from_slice(b"{}\n");
        let mut declarations = Reader {
            bytes: &bytes,
            ..*self
        }
        .parsed()?;
        if let Some(Declaration::Function(function)) = declarations.first_mut() {
            let imports = imports_of(self.file, self.chunk);
            let body = function.body.get_or_insert_default();
            body.push_str(&format!("{imports:?} {}", self.tokens(start)));
        }
        Some(declarations)
    }

    /// The brace that the last brace of the chunk closes.
    fn body_start(&self) -> Option<usize> {
        let mut lexer = Lexer::new(self.bytes, 0, self.bytes.len());
        let (mut open, mut last) = (Vec::new(), None);
        loop {
            let token = lexer.next();
            match token.kind {
                Kind::End => return last,
                Kind::Open(_) => open.push(token.start),
                Kind::Close(bracket) => {
                    let start = open.pop()?;
                    last = (bracket == b'}' && open.is_empty()).then_some(start);
                }
                _ => {}
            }
        }
    }

    fn prefix(&self) -> String {
        dot_imports(self.file, self.bytes)
    }

    fn text(&self, node: Node<'_>) -> String {
        String::from_utf8_lossy(&self.bytes[node.byte_range()]).into_owned()
    }

    fn declaration(&self, node: Node<'_>, names: &mut Names) -> Option<Vec<Declaration>> {
        Some(match node.kind() {
            "import_declaration" => Vec::new(),
            "function_declaration" | "method_declaration" => {
                vec![Declaration::Function(self.function(node, names)?)]
            }
            "type_declaration" => self.types(node, names),
            "const_declaration" => self.constants(node, names),
            "var_declaration" => self.variables(node, names),
            _ => return None,
        })
    }

    /// The tokens from there on.
    pub(super) fn tokens(&self, start: usize) -> String {
        let mut lexer = Lexer::new(self.bytes, start, self.bytes.len());
        let mut out = String::new();
        // Before a closing bracket, a separator is layout.
        let mut separator = "";
        loop {
            let token = lexer.next();
            match token.kind {
                Kind::End => return out,
                Kind::Comment => {}
                Kind::Semicolon => separator = "; ",
                Kind::Comma => separator = ", ",
                kind => {
                    let pending = std::mem::take(&mut separator);
                    if !matches!(kind, Kind::Close(_)) {
                        out.push_str(pending);
                    }
                    out.push_str(&String::from_utf8_lossy(
                        &self.bytes[token.start..token.end],
                    ));
                    out.push(' ');
                }
            }
        }
    }

    fn function(&self, node: Node<'_>, names: &mut Names) -> Option<Function> {
        let name = self.text(node.child_by_field_name("name")?);
        names.type_parameters = match node.child_by_field_name("receiver") {
            Some(receiver) => self.receiver_parameters(receiver),
            None => node
                .child_by_field_name("type_parameters")
                .map_or_else(Vec::new, |list| self.declared(list)),
        };
        let mut signature = self.type_parameters(node, names);
        let mut shown = String::from("func");
        let mut body = self.prefix();
        for field in ["type_parameters", "parameters", "result"] {
            let Some(part) = node.child_by_field_name(field) else {
                signature.push_str("()");
                continue;
            };
            if field != "type_parameters" {
                signature.push_str(&format!(
                    "({})",
                    normal::parameters_form(part, self.bytes, names)
                ));
            }
            if field == "result" {
                shown.push(' ');
            }
            shown.push_str(&normal::shown(part, self.bytes));
        }
        // The names of parameters and type parameters are the body's: they mean nothing outside.
        for field in ["receiver", "type_parameters", "parameters", "result"] {
            if let Some(part) = node.child_by_field_name(field) {
                body.push_str(&self.parameter_names(field, part));
            }
        }
        let body = node.child_by_field_name("body").map(|block| {
            body.push_str(&normal::code(block, self.bytes, names));
            body
        });
        Some(Function {
            name,
            receiver: self.chunk.receiver.clone(),
            arity: self.chunk.arity,
            signature,
            shown,
            body,
            directives: self.chunk.directives.clone(),
        })
    }

    /// Type parameters with their constraints.
    fn type_parameters(&self, node: Node<'_>, names: &Names) -> String {
        let Some(list) = node.child_by_field_name("type_parameters") else {
            return String::new();
        };
        let mut form = String::from("[");
        let mut cursor = list.walk();
        for declaration in list.named_children(&mut cursor) {
            let Some(constraint) = declaration.child_by_field_name("type") else {
                continue;
            };
            let text = normal::type_form(constraint, self.bytes, names);
            let mut inner = declaration.walk();
            for _ in declaration
                .children_by_field_name("name", &mut inner)
                .filter(|name| name.is_named())
            {
                form.push_str(&text);
                form.push(',');
            }
        }
        form.push(']');
        form
    }

    /// The names that a list of parameters or type parameters declares.
    fn declared(&self, list: Node<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let mut cursor = list.walk();
        for declaration in list.named_children(&mut cursor) {
            let mut inner = declaration.walk();
            let names = declaration
                .children_by_field_name("name", &mut inner)
                .filter(|name| name.is_named());
            found.extend(names.map(|name| self.text(name)));
        }
        found
    }

    fn parameter_names(&self, field: &str, list: Node<'_>) -> String {
        let mut names = self.declared(list);
        if field == "receiver" {
            names.extend(self.receiver_parameters(list));
        }
        if names.is_empty() {
            String::new()
        } else {
            format!("{field}({})", names.join(","))
        }
    }

    /// `K` and `V` of `(m *Map[K, V])`.
    fn receiver_parameters(&self, receiver: Node<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![(receiver, Within::Receiver)];
        while let Some((node, within)) = waiting.pop() {
            let within = if node.kind() == "type_arguments" {
                Within::Arguments
            } else {
                within
            };
            if within == Within::Arguments
                && matches!(node.kind(), "type_identifier" | "identifier")
            {
                found.push(self.text(node));
            }
            let mut cursor = node.walk();
            let children: Vec<_> = node.named_children(&mut cursor).collect();
            waiting.extend(children.into_iter().rev().map(|child| (child, within)));
        }
        found
    }

    fn types(&self, node: Node<'_>, names: &mut Names) -> Vec<Declaration> {
        let mut found = Vec::new();
        for (specification, directives) in self.specifications(node) {
            let (Some(name), Some(kind)) = (
                specification.child_by_field_name("name"),
                specification.child_by_field_name("type"),
            ) else {
                continue;
            };
            names.type_parameters = specification
                .child_by_field_name("type_parameters")
                .map_or_else(Vec::new, |list| self.declared(list));
            let shape = match kind.kind() {
                _ if specification.kind() == "type_alias" => Shape::Alias,
                "struct_type" => Shape::Struct(normal::fields(kind, self.bytes, names)),
                "interface_type" => Shape::Interface(normal::elements(kind, self.bytes, names)),
                _ => Shape::Other,
            };
            found.push(Declaration::Type(Type {
                name: self.text(name),
                parameters: self.type_parameters(specification, names),
                form: self.prefix() + &normal::type_form(kind, self.bytes, names),
                shown: normal::shown(kind, self.bytes),
                shape,
                directives,
            }));
        }
        found
    }

    /// The specifications of a declaration, each with the directives above it.
    fn specifications<'t>(&self, node: Node<'t>) -> Vec<(Node<'t>, Vec<String>)> {
        let mut found = Vec::new();
        let mut directives = self.chunk.directives.clone();
        let mut waiting = vec![node];
        while let Some(list) = waiting.pop() {
            let mut cursor = list.walk();
            for child in list.named_children(&mut cursor) {
                match child.kind() {
                    "comment" => directives.extend(directive(&self.text(child)).map(String::from)),
                    "var_spec_list" => waiting.push(child),
                    _ => found.push((child, std::mem::take(&mut directives))),
                }
            }
        }
        found
    }

    fn constants(&self, node: Node<'_>, names: &Names) -> Vec<Declaration> {
        let mut found = Vec::new();
        // What a specification without a value repeats.
        let mut repeated: Option<Node<'_>> = None;
        for (place, (specification, directives)) in
            self.specifications(node).into_iter().enumerate()
        {
            if specification.child_by_field_name("value").is_some() || repeated.is_none() {
                repeated = Some(specification);
            }
            let Some(origin) = repeated else { continue };
            let type_form = origin
                .child_by_field_name("type")
                .map_or_else(String::new, |kind| {
                    normal::type_form(kind, self.bytes, names)
                });
            let values = self.values(origin);
            for (name, index) in self.value_names(specification).into_iter().zip(0..) {
                let (mut form, mut shown) = (String::new(), String::new());
                if let Some(value) = values.get(index) {
                    form = self.prefix() + &normal::code(*value, self.bytes, names);
                    shown = normal::shown(*value, self.bytes);
                    if mentions_iota(*value) {
                        form.push_str(&format!("iota={place}"));
                        if shown != place.to_string() {
                            shown.push_str(&format!(" with iota = {place}"));
                        }
                    }
                }
                let (type_form, directives) = (type_form.clone(), directives.clone());
                found.push(Declaration::Constant(Value {
                    name,
                    type_form,
                    form,
                    shown,
                    acts: false,
                    directives,
                }));
            }
        }
        found
    }

    fn variables(&self, node: Node<'_>, names: &Names) -> Vec<Declaration> {
        let mut found = Vec::new();
        for (specification, directives) in self.specifications(node) {
            let type_form = specification
                .child_by_field_name("type")
                .map_or_else(String::new, |kind| {
                    normal::type_form(kind, self.bytes, names)
                });
            let declared = self.value_names(specification);
            let values = self.values(specification);
            let together = values.len() != declared.len();
            for (index, name) in declared.into_iter().enumerate() {
                // `a, b = f()`: the place among the results counts.
                let value = if together {
                    values.first()
                } else {
                    values.get(index)
                };
                let (mut form, mut shown, mut acts) = (String::new(), String::new(), false);
                if let Some(value) = value {
                    form = self.prefix() + &normal::code(*value, self.bytes, names);
                    if together {
                        form.push_str(&format!("#{index}"));
                    }
                    shown = normal::shown(*value, self.bytes);
                    acts = may_act(*value, self.bytes);
                }
                let (type_form, directives) = (type_form.clone(), directives.clone());
                found.push(Declaration::Variable(Value {
                    name,
                    type_form,
                    form,
                    shown,
                    acts,
                    directives,
                }));
            }
        }
        found
    }

    fn value_names(&self, specification: Node<'_>) -> Vec<String> {
        let mut cursor = specification.walk();
        let names = specification
            .children_by_field_name("name", &mut cursor)
            .filter(|name| name.is_named());
        names.map(|name| self.text(name)).collect()
    }

    fn values<'t>(&self, specification: Node<'t>) -> Vec<Node<'t>> {
        let Some(list) = specification.child_by_field_name("value") else {
            return Vec::new();
        };
        let mut cursor = list.walk();
        list.named_children(&mut cursor)
            .filter(|value| value.kind() != "comment")
            .collect()
    }
}

fn mentions_iota(value: Node<'_>) -> bool {
    any_node(value, |node| node.kind() == "iota")
}

/// Whether evaluating it may do something. `new(T)` does not, nor does the conversion `(*T)(nil)`; other
/// conversions look like calls.
fn may_act(value: Node<'_>, bytes: &[u8]) -> bool {
    any_node(value, |node| match node.kind() {
        "call_expression" => node.child_by_field_name("function").is_none_or(|callee| {
            callee.kind() != "parenthesized_expression"
                && bytes.get(callee.byte_range()) != Some(b"new")
        }),
        "unary_expression" => node
            .child_by_field_name("operator")
            .is_some_and(|operator| operator.kind() == "<-"),
        _ => false,
    })
}

fn any_node(root: Node<'_>, fits: impl Fn(Node<'_>) -> bool) -> bool {
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if fits(node) {
            return true;
        }
        let mut cursor = node.walk();
        waiting.extend(node.named_children(&mut cursor));
    }
    false
}
