//! The normal form of types.

use tree_sitter::Node;

use super::{DEEPEST, Field, Names, is_leaf, push_code, push_leaf, shown, text};

/// Reads types of one declaration.
pub(super) struct Types<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) names: &'a Names,
}

impl Types<'_> {
    pub(super) fn push(&self, out: &mut String, node: Node<'_>, depth: usize) {
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
    pub(super) fn parameters(&self, list: Node<'_>, depth: usize) -> Vec<String> {
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

    pub(super) fn fields(&self, node: Node<'_>, depth: usize) -> Vec<Field> {
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

    pub(super) fn elements(&self, node: Node<'_>, depth: usize) -> Vec<(String, String)> {
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
