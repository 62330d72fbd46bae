//! Simple statements: declarations, assignments, calls, operations on slices and maps, what panics.

use std::fmt::Write as _;
use std::rc::Rc;

use super::declare::{Case, Variable};
use super::types::{INT, Type};

impl Case {
    /// Some statements, then what was declared by them is written. The declarations stay in scope.
    pub fn statements(&mut self, indent: &str, depth: usize, calls: bool) -> String {
        let before = self.scope.len();
        let mut text = String::new();
        for _ in 0..2 + self.random.below(4) {
            text += &match self.random.below(100) {
                0..=24 if depth > 0 => self.control(indent, depth),
                25..=36 if calls && !self.functions.is_empty() => self.call(indent),
                37..=48 => self.call_something(indent),
                49..=56 => self.caught(indent),
                57..=63 => self.ordered(indent),
                64..=69 if depth > 1 && self.loops == 0 => self.template(indent),
                _ => self.simple(indent),
            };
        }
        text + &self.put(indent, before)
    }

    /// Statements in braces; what they declare goes out of scope.
    pub fn block(&mut self, indent: &str, depth: usize) -> String {
        let before = self.scope.len();
        let counters = self.counters.len();
        let text = self.statements(&format!("{indent}\t"), depth, self.loops < 2);
        self.scope.truncate(before);
        self.counters.truncate(counters);
        text
    }

    /// Writes what was declared since. Slices always are: one that leaves has the capacity that Go's library says.
    fn put(&mut self, indent: &str, since: usize) -> String {
        let mut text = String::new();
        for variable in self.scope.split_off(since.min(self.scope.len())) {
            let name = &variable.name;
            if matches!(variable.t, Type::Slice(_)) || self.random.chance(50) {
                let _ = writeln!(text, "{indent}show.Put({name:?}, {name})");
            } else {
                let _ = writeln!(text, "{indent}_ = {name}");
            }
            self.scope.push(variable);
        }
        text
    }

    /// A statement without blocks and calls.
    pub fn simple(&mut self, indent: &str) -> String {
        let before = self.scope.len();
        let mut text = match self.random.below(10) {
            0..=2 => self.variable(indent),
            3..=5 => self.assignment(indent),
            6 => self.operation(indent),
            7 => self.swap(indent),
            _ => self.container(indent),
        };
        for variable in &self.scope[before..] {
            let _ = writeln!(text, "{indent}_ = {}", variable.name);
        }
        text
    }

    fn variable(&mut self, indent: &str) -> String {
        let t = self.some_type(2);
        let value = self.expression(&t, 2);
        let name = if self.random.chance(15)
            && let Some(outer) = self.find(|_| true)
            && self.loops > 0
            && outer.starts_with('v')
        {
            // Shadows it in this block.
            let fresh = self.fresh();
            format!("{outer}_{fresh}")
        } else {
            self.fresh()
        };
        self.declare(&name, &t);
        format!("{indent}var {name} {} = {value}\n", self.types.text(&t))
    }

    /// Something that can be assigned to, and its type.
    fn target(&mut self) -> Option<(String, Type)> {
        let mut found: Vec<(String, Type)> = Vec::new();
        for Variable { name, t, assigned } in self.scope.clone() {
            if assigned {
                found.push((name.clone(), t.clone()));
            }
            match &t {
                Type::Named(_) if assigned => {
                    for (field, of, _) in self.types.fields(&t) {
                        found.push((format!("{name}.{field}"), of.clone()));
                    }
                }
                Type::Pointer(to) => {
                    found.push((format!("*{name}"), (**to).clone()));
                    for (field, of, _) in self.types.fields(&t) {
                        found.push((format!("{name}.{field}"), of.clone()));
                    }
                }
                Type::Slice(element) => {
                    found.push((format!("{name}[0]"), (**element).clone()));
                    found.push((format!("{name}[len({name})-1]"), (**element).clone()));
                }
                Type::Array(n, element) if assigned => {
                    found.push((format!("{name}[{}]", n / 2), (**element).clone()));
                }
                Type::Map(key, value) => {
                    let key = self.expression(key, 0);
                    found.push((format!("{name}[{key}]"), (**value).clone()));
                }
                _ => {}
            }
        }
        (!found.is_empty()).then(|| self.random.pick(&found).clone())
    }

    fn assignment(&mut self, indent: &str) -> String {
        let Some((target, t)) = self.target() else {
            return self.variable(indent);
        };
        let value = self.expression(&t, 2);
        format!("{indent}{target} = {value}\n")
    }

    fn operation(&mut self, indent: &str) -> String {
        for _ in 0..6 {
            let Some((target, t)) = self.target() else {
                break;
            };
            match self.types.underlying(&t) {
                Type::Integer(_) => {
                    if self.random.chance(25) {
                        let operator = *self.random.pick(&["++", "--"]);
                        return format!("{indent}{target}{operator}\n");
                    }
                    let operator = *self.random.pick(&["+", "-", "*", "|", "^", "&^", "&"]);
                    let value = self.expression(&t, 1);
                    return format!("{indent}{target} {operator}= {value}\n");
                }
                Type::Text if t == Type::Text => {
                    let value = self.expression(&t, 1);
                    return format!(
                        "{indent}{target} += {value}\n{indent}{target} = clip({target})\n"
                    );
                }
                _ => {}
            }
        }
        self.variable(indent)
    }

    fn swap(&mut self, indent: &str) -> String {
        if let Some(s) = self.find(|t| matches!(t, Type::Slice(_) | Type::Array(..)))
            && self.random.chance(50)
        {
            return format!("{indent}{s}[0], {s}[len({s})-1] = {s}[len({s})-1], {s}[0]\n");
        }
        let Some((a, t)) = self.target() else {
            return self.variable(indent);
        };
        let Some(b) = self.find(|of| *of == t) else {
            return self.variable(indent);
        };
        if a == b || !self.scope.iter().any(|v| v.name == b && v.assigned) || self.types.nilable(&t)
        {
            return self.variable(indent);
        }
        format!("{indent}{a}, {b} = {b}, {a}\n")
    }

    fn container(&mut self, indent: &str) -> String {
        let Some(name) = self.find(|t| matches!(t, Type::Slice(_) | Type::Map(..))) else {
            return self.variable(indent);
        };
        let Some(variable) = self.scope.iter().find(|v| v.name == name).cloned() else {
            return self.variable(indent);
        };
        match &variable.t {
            Type::Slice(element) => self.of_slice(indent, &variable, element),
            Type::Map(key, value) => {
                let key_text = self.expression(key, 1);
                match self.random.below(4) {
                    0 => format!("{indent}delete({name}, {key_text})\n"),
                    1 => {
                        let (v, ok) = (self.fresh(), self.fresh());
                        let declared = !self.types.nilable(value);
                        if declared {
                            self.declare(&v, value);
                        }
                        self.declare(&ok, &Type::Bool);
                        format!("{indent}{v}, {ok} := {name}[{key_text}]\n{indent}_ = {v}\n")
                    }
                    2 if self.random.chance(30) => format!("{indent}clear({name})\n"),
                    _ => {
                        let value = self.expression(value, 1);
                        format!("{indent}{name}[{key_text}] = {value}\n")
                    }
                }
            }
            _ => String::new(),
        }
    }

    fn of_slice(&mut self, indent: &str, variable: &Variable, element: &Rc<Type>) -> String {
        let name = &variable.name;
        let t = variable.t.clone();
        match self.random.below(8) {
            0 | 1 if variable.assigned && self.loops < 2 => {
                let values: Vec<String> = (0..1 + self.random.below(3))
                    .map(|_| self.expression(element, 1))
                    .collect();
                format!("{indent}{name} = append({name}, {})\n", values.join(", "))
            }
            2 => {
                // Shares its array with the other.
                let alias = self.fresh();
                self.declare(&alias, &t);
                let part = *self.random.pick(&[
                    "[:]",
                    "[:1]",
                    "[len(N)-1:]",
                    "[:len(N):len(N)]",
                    "[:1:1]",
                ]);
                format!("{indent}{alias} := {name}{}\n", part.replace('N', name))
            }
            3 => {
                let alias = self.fresh();
                let value = self.expression(element, 1);
                self.declare(&alias, &t);
                format!("{indent}{alias} := append({name}[:1:1], {value})\n")
            }
            4 => match self.find(|of| *of == t) {
                Some(from) => format!("{indent}copy({name}, {from})\n"),
                None => format!("{indent}copy({name}[1:], {name})\n"),
            },
            5 if variable.assigned && self.loops < 1 => match self.find(|of| *of == t) {
                Some(from) => format!("{indent}{name} = append({name}, {from}...)\n"),
                None => self.variable(indent),
            },
            6 if !self.types.nilable(element) => {
                let p = self.fresh();
                let index = *self.random.pick(&["0", "len(N)-1"]);
                self.declare(&p, &Type::Pointer(element.clone()));
                format!("{indent}{p} := &{name}[{}]\n", index.replace('N', name))
            }
            _ => {
                let value = self.expression(element, 2);
                format!(
                    "{indent}{name}[{}%len({name})] = {value}\n",
                    self.random.below(5)
                )
            }
        }
    }

    /// `a, b := f(…)`.
    fn call(&mut self, indent: &str) -> String {
        let f = {
            let functions = self.functions.clone();
            self.random.pick(&functions).clone()
        };
        let mut arguments: Vec<String> =
            f.parameters.iter().map(|t| self.expression(t, 2)).collect();
        if f.variadic {
            for _ in 0..self.random.below(3) {
                arguments.push(self.expression(&INT, 1));
            }
        }
        let call = format!("{}({})", f.name, arguments.join(", "));
        let names: Vec<String> = f.results.iter().map(|_| self.fresh()).collect();
        for (name, t) in names.iter().zip(&f.results) {
            self.declare(name, t);
        }
        let mut text = format!("{indent}{} := {call}\n", names.join(", "));
        for name in &names {
            let _ = writeln!(text, "{indent}_ = {name}");
        }
        text
    }

    /// A call of a method, a method value, a closure.
    fn call_something(&mut self, indent: &str) -> String {
        let result = self.fresh();
        let argument = self.expression(&INT, 1);
        let callable: Vec<Variable> = self
            .scope
            .iter()
            .filter(|v| !self.types.methods(&v.t).is_empty() || matches!(v.t, Type::Func(..)))
            .cloned()
            .collect();
        if callable.is_empty() {
            return self.simple(indent);
        }
        let v = self.random.pick(&callable).clone();
        if let Type::Func(parameters, of) = &v.t {
            let arguments: Vec<String> = parameters.iter().map(|t| self.expression(t, 1)).collect();
            self.declare(&result, of);
            return format!(
                "{indent}{result} := {}({})\n{indent}_ = {result}\n",
                v.name,
                arguments.join(", ")
            );
        }
        let methods = self.types.methods(&v.t).to_vec();
        let (method, pointer) = self.random.pick(&methods).clone();
        // A method that takes the address needs a variable.
        if pointer && !v.assigned && !matches!(v.t, Type::Pointer(_)) {
            return self.simple(indent);
        }
        self.declare(&result, &INT);
        match self.random.below(4) {
            0 => format!(
                "{indent}{result}_f := {}.{method}\n{indent}{result} := {result}_f({argument})\n{indent}_ = {result}\n",
                v.name
            ),
            1 if matches!(v.t, Type::Named(_)) && !pointer => format!(
                "{indent}{result} := {}.{method}({}, {argument})\n{indent}_ = {result}\n",
                self.types.text(&v.t),
                v.name
            ),
            2 => format!(
                "{indent}{result} := 0\n{indent}func() {{\n{indent}\tdefer func() {{ {result}++ }}()\n{indent}\t{result} = {}.{method}({argument})\n{indent}}}()\n",
                v.name
            ),
            _ => format!(
                "{indent}{result} := {}.{method}({argument})\n{indent}_ = {result}\n",
                v.name
            ),
        }
    }

    /// A statement of which one operand may panic, and what recovers it.
    fn caught(&mut self, indent: &str) -> String {
        let before = self.scope.len();
        let inner = format!("{indent}\t");
        let statement = match self.random.below(12) {
            0 => {
                let t = self.plain_type(1);
                let value = self.expression(&t, 1);
                format!("{inner}panic({value})\n")
            }
            1 => {
                let value = self.literal(&Type::Error, 0);
                format!("{inner}panic({value})\n")
            }
            2 => match self.find(|t| *t == Type::Any) {
                Some(v) => format!("{inner}show.Put(\"asserted\", {v}.(string))\n"),
                None => format!("{inner}var m map[string]int\n{inner}m[\"a\"] = z\n"),
            },
            3 => match self.find(|t| matches!(t, Type::Slice(_))) {
                Some(s) => {
                    let (from, to) = (self.random.between(0, 5), self.random.between(0, 5));
                    // Up to its length: what capacity append gives is the compiler's own affair.
                    format!("{inner}show.Put(\"part\", {s}[:len({s}):len({s})][{from}+z:{to}+z])\n")
                }
                None => format!("{inner}var p *struct{{ a int }}\n{inner}show.Put(\"nil\", p.a)\n"),
            },
            4 => match self.find(|t| *t == Type::Text) {
                Some(s) => format!(
                    "{inner}show.Put(\"byte\", {s}[{}+z])\n",
                    self.random.between(0, 5)
                ),
                None => format!("{inner}show.Put(\"quotient\", 7/z)\n"),
            },
            5 => match self.find(|t| matches!(t, Type::Slice(_))) {
                Some(s) => format!(
                    "{inner}show.Put(\"element\", {s}[{}+z])\n",
                    self.random.between(0, 6)
                ),
                None => format!("{inner}show.Put(\"shift\", 1<<(z-1))\n"),
            },
            6 => match self.find(|t| matches!(t, Type::Named(_))) {
                Some(v) => format!("{inner}show.Put(\"asserted\", any({v}).(fmt.Stringer))\n"),
                None => format!("{inner}show.Put(\"make\", make([]int, z-1))\n"),
            },
            _ => {
                self.may_panic = true;
                let text = self.simple(&inner);
                self.may_panic = false;
                text
            }
        };
        self.scope.truncate(before);
        format!(
            "{indent}func() {{\n{inner}defer func() {{\n{inner}\tif p := recover(); p != nil {{\n{inner}\t\tshow.Line(\"caught \" + show.Panic(p))\n{inner}\t}}\n{inner}}}()\n{statement}{indent}}}()\n"
        )
    }

    /// Calls whose order shows. Nothing else in the statement has an effect or panics.
    fn ordered(&mut self, indent: &str) -> String {
        let traced = |case: &mut Self, tag: &str| {
            let value = case.expression(&INT, 1);
            format!("trace({tag:?}, {value})")
        };
        let (a, b, c, d) = (
            traced(self, "a"),
            traced(self, "b"),
            traced(self, "c"),
            traced(self, "d"),
        );
        let name = self.fresh();
        let target = match self.find(|t| matches!(t, Type::Slice(e) if **e == INT)) {
            Some(s) => format!("{s}[({a}&1)*0]"),
            None => match self.find(|t| matches!(t, Type::Map(k, v) if **k == INT && **v == INT)) {
                Some(m) => format!("{m}[{a}]"),
                None => "_".into(),
            },
        };
        match self.random.below(9) {
            0 => {
                self.declare(&name, &INT);
                format!("{indent}{name} := {a} + {b}*{c} - {d}\n")
            }
            1 => {
                self.declare(&name, &Type::Slice(Rc::new(INT)));
                format!("{indent}{name} := []int{{{a}, 3: {b}, {c}}}\n")
            }
            2 => format!("{indent}{target} = {b}\n"),
            3 if target != "_" => format!("{indent}{target} += {b} * {c}\n"),
            4 => {
                self.declare(&name, &Type::Bool);
                format!("{indent}{name} := {a} > {b} && {c} > 0 || {d} == 1\n")
            }
            5 => {
                self.declare(&name, &Type::Map(Rc::new(INT), Rc::new(INT)));
                format!("{indent}{name} := map[int]int{{{a}: {b}}}\n")
            }
            6 => {
                self.declare(&name, &INT);
                format!(
                    "{indent}{name}, {target} := trace(\"e\", 1), 2\n",
                    target = format_args!("{name}_o")
                ) + &format!("{indent}{name}, {name}_o = {a} - {b}, {name}\n{indent}_ = {name}_o\n")
            }
            7 => format!(
                "{indent}switch {a} & 3 {{\n{indent}case {b} & 3, {c} & 3:\n{indent}\tshow.Line(\"one of both\")\n{indent}default:\n{indent}\tshow.Line(\"none\")\n{indent}}}\n"
            ),
            _ => {
                self.declare(&name, &Type::Text);
                format!("{indent}{name} := fmt.Sprint({a}, {b}, [2]int{{{c}, {d}}})\n")
            }
        }
    }
}
