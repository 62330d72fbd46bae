//! Expressions: pure ones, in which at most one operand can panic, and calls.

use std::rc::Rc;

use super::declare::Case;
use super::types::{INT, Shape, Type};

impl Case {
    /// A pure expression of a type. Values of types that can be nil are not nil.
    pub fn expression(&mut self, t: &Type, depth: usize) -> String {
        if self.random.chance(if depth == 0 { 75 } else { 35 })
            && let Some(text) = self.place(t)
        {
            return text;
        }
        if depth == 0 {
            return self.literal(t, 0);
        }
        match self.types.underlying(t) {
            Type::Integer(_) => self.integer(t, depth),
            Type::Text if *t == Type::Text => self.string(depth),
            Type::Bool => self.condition(depth),
            Type::Float if *t == Type::Float => {
                let operator = *self.random.pick(&["+", "-", "*"]);
                let a = self.expression(t, depth - 1);
                let b = self.expression(t, 0);
                format!("({a} {operator} {b})")
            }
            _ => self.literal(t, depth),
        }
    }

    /// Something in scope that has the type: a variable, a field, an element.
    pub fn place(&mut self, t: &Type) -> Option<String> {
        let mut found = Vec::new();
        for variable in &self.scope {
            if variable.t == *t {
                found.push(variable.name.clone());
                found.push(variable.name.clone());
            }
            if self.types.nilable(t) {
                continue;
            }
            let name = &variable.name;
            for (field, of, _) in self.types.fields(&variable.t) {
                if of == t {
                    found.push(format!("{name}.{field}"));
                }
            }
            match &variable.t {
                Type::Pointer(to) if **to == *t => found.push(format!("*{name}")),
                Type::Array(n, element) if **element == *t => {
                    found.push(format!("{name}[{}]", n - 1));
                }
                Type::Slice(element) if **element == *t => {
                    found.push(format!("{name}[0]"));
                    found.push(format!("{name}[len({name})-1]"));
                }
                Type::Pointer(to) => {
                    if let Type::Array(n, element) = &**to
                        && **element == *t
                    {
                        found.push(format!("{name}[{}]", n / 2));
                    }
                }
                _ => {}
            }
        }
        if found.is_empty() {
            return None;
        }
        let text = self.random.pick(&found).clone();
        // What panics does so alone.
        if self.may_panic
            && !self.types.nilable(t)
            && self.random.chance(30)
            && let Some(variable) = self.find(|of| matches!(of, Type::Slice(e) if **e == *t))
        {
            self.may_panic = false;
            let index = self.random.between(0, 6);
            let shift = self.find(|of| *of == INT).unwrap_or("0".into());
            return Some(format!("{variable}[{index}+{shift}%3]"));
        }
        Some(text)
    }

    /// A variable of a type that fits.
    pub fn find(&mut self, fits: impl Fn(&Type) -> bool) -> Option<String> {
        let found: Vec<String> = self
            .scope
            .iter()
            .filter(|variable| fits(&variable.t))
            .map(|variable| variable.name.clone())
            .collect();
        (!found.is_empty()).then(|| self.random.pick(&found).clone())
    }

    fn integer(&mut self, t: &Type, depth: usize) -> String {
        let name = self.types.text(t);
        match self.random.below(14) {
            0..=4 => {
                let operator = *self.random.pick(&["+", "-", "*", "&", "|", "^", "&^"]);
                let a = self.expression(t, depth - 1);
                let b = self.expression(t, depth - 1);
                format!("({a} {operator} {b})")
            }
            5 => {
                let a = self.expression(t, depth - 1);
                let by = self.random.between(1, 5);
                let operator = *self.random.pick(&["<<", ">>", "/", "%"]);
                format!("({a} {operator} {by})")
            }
            6 => {
                let a = self.expression(t, depth - 1);
                let operator = *self.random.pick(&["-", "^", "+"]);
                format!("({operator}{a})")
            }
            7 | 8 => {
                let other = self.some_integer();
                let inner = self.expression(&other, depth - 1);
                format!("{name}({inner})")
            }
            9 => {
                let text = self.expression(&Type::Text, depth - 1);
                format!("{name}(len({text})+z)")
            }
            10 => match self
                .find(|of| matches!(of, Type::Slice(_) | Type::Map(..) | Type::Array(..)))
            {
                Some(variable) => format!("{name}(len({variable})+z)"),
                None => self.literal(t, 0),
            },
            11 => self.of_map(t).unwrap_or_else(|| self.literal(t, 0)),
            12 => {
                let (a, b) = (self.expression(t, 0), self.expression(t, 0));
                let f = *self.random.pick(&["min", "max"]);
                format!("{f}({a}, {b}, {name}({}))", self.random.between(0, 9))
            }
            _ if self.may_panic => {
                self.may_panic = false;
                let (a, b) = (self.expression(t, 0), self.expression(t, 0));
                let operator = *self.random.pick(&["/", "%"]);
                format!("({a} {operator} ({b} % {name}(3)))")
            }
            _ => match self.find(|of| matches!(of, Type::Slice(_))) {
                Some(s) => format!("{name}(cap({s}[:0:len({s})]))"),
                None => self.literal(t, 0),
            },
        }
    }

    /// m[k] of a map whose values have the type.
    fn of_map(&mut self, t: &Type) -> Option<String> {
        let map = self.find(|of| matches!(of, Type::Map(_, v) if **v == *t))?;
        let key = self
            .scope
            .iter()
            .find(|v| v.name == map)
            .map(|v| v.t.clone());
        let Some(Type::Map(key, _)) = key else {
            return None;
        };
        let key = self.expression(&key, 0);
        Some(format!("{map}[{key}]"))
    }

    fn string(&mut self, depth: usize) -> String {
        match self.random.below(9) {
            0..=2 => {
                let (a, b) = (
                    self.expression(&Type::Text, depth - 1),
                    self.expression(&Type::Text, 0),
                );
                format!("clip({a} + {b})")
            }
            3 => format!("strconv.Itoa({})", self.expression(&INT, depth - 1)),
            4 => format!(
                "string(rune({} & 0x7ff))",
                self.expression(&Type::Integer("int32"), depth - 1)
            ),
            5 => {
                let a = self.expression(&Type::Text, depth - 1);
                let f = *self
                    .random
                    .pick(&["ToUpper", "TrimSpace", "ToTitle", "ToLower"]);
                format!("strings.{f}({a})")
            }
            6 => {
                let a = self.expression(&Type::Text, depth - 1);
                let n = self.random.between(0, 3);
                format!("clip({a})[:min({n}, len({a}))]")
            }
            7 => {
                match self.find(|of| matches!(of, Type::Slice(e) if **e == Type::Integer("uint8")))
                {
                    Some(bytes) => format!("string({bytes})"),
                    None => self.literal(&Type::Text, 0),
                }
            }
            _ => {
                let t = self.plain_type(1);
                let value = self.expression(&t, depth - 1);
                format!("fmt.Sprint({value})")
            }
        }
    }

    pub fn condition(&mut self, depth: usize) -> String {
        let depth = depth.max(1);
        match self.random.below(10) {
            0..=3 => {
                let t = if self.random.chance(60) {
                    INT
                } else {
                    self.some_integer()
                };
                let operator = *self.random.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let (a, b) = (self.expression(&t, depth - 1), self.expression(&t, 0));
                format!("({a} {operator} {b})")
            }
            4 => {
                let operator = *self.random.pick(&["<", "==", "!=", ">"]);
                let (a, b) = (
                    self.expression(&Type::Text, depth - 1),
                    self.expression(&Type::Text, 0),
                );
                format!("({a} {operator} {b})")
            }
            5 => {
                let operator = *self.random.pick(&["&&", "||"]);
                let (a, b) = (
                    self.expression(&Type::Bool, depth - 1),
                    self.expression(&Type::Bool, depth - 1),
                );
                format!("({a} {operator} {b})")
            }
            6 => format!("!{}", self.expression(&Type::Bool, depth - 1)),
            _ => {
                let candidates: Vec<Type> = self
                    .scope
                    .iter()
                    .map(|variable| variable.t.clone())
                    .filter(|t| self.types.comparable(t))
                    .collect();
                if candidates.is_empty() {
                    return "true".into();
                }
                let t = self.random.pick(&candidates).clone();
                let (a, b) = (self.place(&t), self.place(&t));
                let operator = *self.random.pick(&["==", "!="]);
                match (a, b) {
                    (Some(a), Some(b)) => format!("({a} {operator} {b})"),
                    _ => "false".into(),
                }
            }
        }
    }

    /// A literal, `make`, `new`, closure: what needs no variable.
    pub fn literal(&mut self, t: &Type, depth: usize) -> String {
        let deeper = depth.saturating_sub(1);
        match t {
            Type::Bool => (*self.random.pick(&["true", "false"])).into(),
            // Not constants: what overflows is well-defined for variables alone.
            Type::Integer("int") => format!("({}+z)", self.random.between(-9, 99)),
            Type::Integer(name) => {
                let top = if matches!(*name, "int8") { 120 } else { 250 };
                format!("{name}({}+z)", self.random.between(0, top))
            }
            Type::Float => format!(
                "{}.{}",
                self.random.between(0, 99),
                *self.random.pick(&[0, 25, 5, 75])
            ),
            Type::Text => format!(
                "{:?}",
                *self
                    .random
                    .pick(&["", "a", "fire", "héllo", "x y", "世界", "A-b", "0"])
            ),
            Type::Slice(element) => {
                let n = self.random.between(1, 4);
                let text = self.types.text(t);
                if self.random.chance(15) {
                    return format!("make({text}, {n}, {})", n + self.random.between(0, 3));
                }
                let values: Vec<_> = (0..n).map(|_| self.expression(element, deeper)).collect();
                format!("{text}{{{}}}", values.join(", "))
            }
            Type::Array(n, element) => {
                let text = self.types.text(t);
                if self.random.chance(20) {
                    return format!("{text}{{{}: {}}}", n - 1, self.expression(element, deeper));
                }
                let n = self.random.between(1, *n as i64);
                let values: Vec<_> = (0..n).map(|_| self.expression(element, deeper)).collect();
                format!("{text}{{{}}}", values.join(", "))
            }
            Type::Map(key, value) => {
                let text = self.types.text(t);
                if self.random.chance(30) {
                    return format!("make({text})");
                }
                let key = self.literal(key, 0);
                let value = self.expression(value, deeper);
                format!("{text}{{{key}: {value}}}")
            }
            Type::Pointer(to) => {
                let text = self.types.text(to);
                match &**to {
                    Type::Named(_) if self.is_struct(to) && self.random.chance(80) => {
                        format!("&{}", self.literal(to, depth))
                    }
                    _ if self.random.chance(40) => format!("new({text})"),
                    _ => {
                        let value = self.expression(to, deeper);
                        format!("func() *{text} {{ v := {text}({value}); return &v }}()")
                    }
                }
            }
            Type::Named(n) => self.named(*n, t, depth),
            Type::Func(parameters, result) => {
                let (parameters, result) = (parameters.clone(), result.clone());
                self.closure(&parameters, &result, depth)
            }
            Type::Any => {
                let t = self.plain_type(1);
                let value = self.expression(&t, deeper);
                format!("any({value})")
            }
            Type::Error => match self.random.below(3) {
                0 => format!(
                    "errors.New({:?})",
                    *self.random.pick(&["bad", "worse", "gone"])
                ),
                1 => format!(
                    "fmt.Errorf(\"%w: %d\", {}sentinel, {})",
                    self.prefix,
                    self.random.between(1, 9)
                ),
                _ => format!("error({}sentinel)", self.prefix),
            },
        }
    }

    fn named(&mut self, n: usize, t: &Type, depth: usize) -> String {
        let deeper = depth.saturating_sub(1);
        let name = self.types.text(t);
        match self.types.0[n].shape.clone() {
            Shape::Struct(fields) => {
                let mut values = Vec::new();
                for (field, of, _) in &fields {
                    // A pointer to the type itself would never end.
                    let reference = self.types.nilable(of);
                    if self.random.chance(if reference { 15 * depth } else { 70 }) {
                        values.push(format!("{field}: {}", self.expression(of, deeper)));
                    }
                }
                format!("{name}{{{}}}", values.join(", "))
            }
            Shape::Basic(of) => format!("{name}({})", self.literal(&of, 0)),
            Shape::Interface(implementers) => {
                let of = self.random.pick(&implementers).clone();
                format!("{name}({})", self.expression(&of, deeper))
            }
        }
    }

    pub fn is_struct(&self, t: &Type) -> bool {
        matches!(t, Type::Named(n) if matches!(self.types.0[*n].shape, Shape::Struct(_)))
    }

    /// A function literal. It may read what is in scope, and changes a variable of its own or one of the function's.
    pub fn closure(&mut self, parameters: &[Type], result: &Rc<Type>, depth: usize) -> String {
        let outer = self.scope.len();
        let names: Vec<String> = parameters
            .iter()
            .map(|t| {
                let name = self.fresh();
                self.declare(&name, t);
                format!("{name} {}", self.types.text(t))
            })
            .collect();
        let panics = std::mem::replace(&mut self.may_panic, false);
        let changed = self.counter();
        let value = self.expression(result, depth.min(1));
        self.may_panic = panics;
        self.scope.truncate(outer);
        format!(
            "func({}) {} {{ {changed}return {value} }}",
            names.join(", "),
            self.types.text(result)
        )
    }

    /// A statement that counts in a variable which nothing else than such statements looks at before the end.
    fn counter(&mut self) -> String {
        if self.counters.is_empty() || self.random.chance(40) {
            return String::new();
        }
        let counter = self.random.pick(&self.counters).clone();
        format!("{counter} += {}; ", self.random.between(1, 5))
    }
}
