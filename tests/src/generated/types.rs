//! The types that generated cases use.

use std::rc::Rc;

/// A Go type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Bool,
    /// `int`, `uint8`, …
    Integer(&'static str),
    Float,
    Text,
    Slice(Rc<Type>),
    Array(usize, Rc<Type>),
    Map(Rc<Type>, Rc<Type>),
    Pointer(Rc<Type>),
    /// A declared type, by its number in `Declared`.
    Named(usize),
    Func(Vec<Type>, Rc<Type>),
    /// A type parameter's argument is written out, so this is only `any`.
    Any,
    Error,
}

pub const INT: Type = Type::Integer("int");

/// Integer types that cases use; `int` is what most values are.
pub const INTEGERS: [&str; 10] = [
    "int", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "rune",
];

/// A declared type.
#[derive(Debug, Clone)]
pub struct Declared {
    pub name: String,
    pub shape: Shape,
    /// Methods without parameters but an `int`, with an `int` result: name, pointer receiver.
    pub methods: Vec<(String, bool)>,
}

#[derive(Debug, Clone)]
pub enum Shape {
    /// Fields: name (of an embedded one, its type's), type, embedded.
    Struct(Vec<(String, Type, bool)>),
    /// Of another, basic type.
    Basic(Type),
    /// The methods are those of the interface; the types that implement it.
    Interface(Vec<Type>),
}

/// All declared types of a case.
#[derive(Debug, Clone, Default)]
pub struct Types(pub Vec<Declared>);

impl Types {
    /// As Go writes it.
    pub fn text(&self, t: &Type) -> String {
        match t {
            Type::Bool => "bool".into(),
            Type::Integer(name) => (*name).into(),
            Type::Float => "float64".into(),
            Type::Text => "string".into(),
            Type::Slice(element) => format!("[]{}", self.text(element)),
            Type::Array(n, element) => format!("[{n}]{}", self.text(element)),
            Type::Map(key, value) => format!("map[{}]{}", self.text(key), self.text(value)),
            Type::Pointer(to) => format!("*{}", self.text(to)),
            Type::Named(n) => self.0[*n].name.clone(),
            Type::Func(parameters, result) => format!(
                "func({}) {}",
                parameters
                    .iter()
                    .map(|p| self.text(p))
                    .collect::<Vec<_>>()
                    .join(", "),
                self.text(result)
            ),
            Type::Any => "any".into(),
            Type::Error => "error".into(),
        }
    }

    /// Whether values can be compared by == without a panic.
    pub fn comparable(&self, t: &Type) -> bool {
        match t {
            Type::Bool | Type::Integer(_) | Type::Float | Type::Text | Type::Pointer(_) => true,
            Type::Array(_, element) => self.comparable(element),
            Type::Named(n) => match &self.0[*n].shape {
                Shape::Struct(fields) => fields.iter().all(|(_, t, _)| self.comparable(t)),
                Shape::Basic(t) => self.comparable(t),
                Shape::Interface(of) => of.iter().all(|t| self.comparable(t)),
            },
            _ => false,
        }
    }

    /// Whether a value may be nil, so that it is not used without a look.
    pub fn nilable(&self, t: &Type) -> bool {
        match t {
            Type::Slice(_)
            | Type::Map(..)
            | Type::Pointer(_)
            | Type::Func(..)
            | Type::Any
            | Type::Error => true,
            Type::Named(n) => matches!(self.0[*n].shape, Shape::Interface(_)),
            _ => false,
        }
    }

    /// A key whose values print the same in every run and are never NaN.
    pub fn key(&self, t: &Type) -> bool {
        match t {
            Type::Bool | Type::Integer(_) | Type::Text => true,
            Type::Array(_, element) => self.key(element),
            Type::Named(n) => match &self.0[*n].shape {
                Shape::Struct(fields) => fields.iter().all(|(_, t, _)| self.key(t)),
                Shape::Basic(t) => self.key(t),
                Shape::Interface(_) => false,
            },
            _ => false,
        }
    }

    /// What a basic type is declared of, the type itself otherwise.
    pub fn underlying(&self, t: &Type) -> Type {
        match t {
            Type::Named(n) => match &self.0[*n].shape {
                Shape::Basic(t) => t.clone(),
                _ => Type::Named(*n),
            },
            _ => t.clone(),
        }
    }

    /// The fields of a struct or of what a pointer to one points to.
    pub fn fields(&self, t: &Type) -> &[(String, Type, bool)] {
        let t = match t {
            Type::Pointer(to) => to,
            t => t,
        };
        match t {
            Type::Named(n) => match &self.0[*n].shape {
                Shape::Struct(fields) => fields,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// The methods that can be called on an addressable value.
    pub fn methods(&self, t: &Type) -> &[(String, bool)] {
        let t = match t {
            Type::Pointer(to) => to,
            t => t,
        };
        match t {
            Type::Named(n) => &self.0[*n].methods,
            _ => &[],
        }
    }
}
