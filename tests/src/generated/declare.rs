//! A case: its types, its functions, and what is in scope while one is written.

use std::fmt::Write as _;
use std::rc::Rc;

use super::random::Random;
use super::types::{Declared, INT, INTEGERS, Shape, Type, Types};

/// A variable in scope.
#[derive(Debug, Clone)]
pub struct Variable {
    pub name: String,
    pub t: Type,
    /// It can be assigned to.
    pub assigned: bool,
}

/// A function of the case that later ones can call.
#[derive(Debug, Clone)]
pub struct Signature {
    pub name: String,
    pub parameters: Vec<Type>,
    pub results: Vec<Type>,
    pub variadic: bool,
}

/// A case that is being written.
#[derive(Debug)]
pub struct Case {
    pub random: Random,
    pub prefix: String,
    pub types: Types,
    pub scope: Vec<Variable>,
    /// Variables of the function that closures count in.
    pub counters: Vec<String>,
    pub functions: Vec<Signature>,
    /// The next statement may hold one operand that can panic.
    pub may_panic: bool,
    /// How deep loops are nested.
    pub loops: usize,
    names: usize,
    out: String,
}

impl Case {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            prefix: format!("c{seed}_"),
            types: Types::default(),
            scope: Vec::new(),
            counters: Vec::new(),
            functions: Vec::new(),
            may_panic: false,
            loops: 0,
            names: 0,
            out: String::new(),
        }
    }

    pub fn text(&self) -> String {
        self.out.clone()
    }

    pub fn entry(&self) -> String {
        format!("{}main", self.prefix)
    }

    /// A name that the case has not used.
    pub fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    pub fn declare(&mut self, name: &str, t: &Type) {
        self.scope.push(Variable {
            name: name.into(),
            t: t.clone(),
            assigned: true,
        });
    }

    /// Writes the whole case.
    pub fn generate(&mut self) {
        let prefix = self.prefix.clone();
        let _ = writeln!(
            self.out,
            "var {prefix}sentinel = errors.New(\"sentinel\")\n"
        );
        let _ = writeln!(self.out, "var {prefix}total, {prefix}z int\n");
        self.declare_types();
        self.scope.clear();
        let globals = self.random.below(3);
        let mut variables = Vec::new();
        for _ in 0..globals {
            let t = self.some_type(2);
            let name = format!("{prefix}g{}", variables.len());
            // The variable that keeps literals from being constants is a package variable here.
            let value = self.literal(&t, 1).replace("+z", &format!("+{prefix}z"));
            let _ = writeln!(self.out, "var {name} {} = {value}\n", self.types.text(&t));
            variables.push((name, t));
        }
        for _ in 0..1 + self.random.below(4) {
            self.function(&variables);
        }
        let mut call = String::new();
        if self.random.chance(60) {
            let (function, made) = self.late_function();
            self.out += &function;
            call = made;
        }
        self.main(&variables, &call);
    }

    fn declare_types(&mut self) {
        let count = 2 + self.random.below(3);
        for _ in 0..count {
            let name = format!("{}T{}", self.prefix, self.types.0.len());
            let shape = match self.random.below(4) {
                0 => {
                    let basic = if self.random.chance(70) {
                        self.some_integer()
                    } else {
                        Type::Text
                    };
                    Shape::Basic(basic)
                }
                _ => Shape::Struct(self.some_fields()),
            };
            self.types.0.push(Declared {
                name,
                shape,
                methods: Vec::new(),
            });
        }
        for n in 0..count {
            self.methods(n);
        }
        // An interface of the first method's name, which every type with that method implements.
        let implementers: Vec<Type> = (0..count)
            .filter(|n| !self.types.0[*n].methods.is_empty())
            .map(|n| {
                let t = Type::Named(n);
                if self.types.0[n].methods[0].1 {
                    Type::Pointer(Rc::new(t))
                } else {
                    t
                }
            })
            .collect();
        if !implementers.is_empty() {
            self.types.0.push(Declared {
                name: format!("{}I", self.prefix),
                shape: Shape::Interface(implementers),
                methods: vec![("Do".into(), false)],
            });
        }
        for n in 0..self.types.0.len() {
            let text = match &self.types.0[n].shape {
                Shape::Struct(fields) => {
                    let mut text = String::from("struct {\n");
                    for (name, t, embedded) in fields {
                        if *embedded {
                            let _ = writeln!(text, "\t{}", self.types.text(t));
                        } else {
                            let _ = writeln!(text, "\t{name} {}", self.types.text(t));
                        }
                    }
                    text + "}"
                }
                Shape::Basic(t) => self.types.text(t),
                Shape::Interface(_) => "interface{ Do(int) int }".into(),
            };
            let _ = writeln!(self.out, "type {} {text}\n", self.types.0[n].name);
        }
        for n in 0..count {
            self.write_methods(n);
        }
    }

    fn some_fields(&mut self) -> Vec<(String, Type, bool)> {
        let mut fields = Vec::new();
        let names = ["a", "B", "c", "D", "e"];
        for name in names.iter().take(1 + self.random.below(5)) {
            fields.push(((*name).to_owned(), self.some_type(2), false));
        }
        // A type without methods yet is embedded by value or by pointer; promoted methods come with it.
        let earlier: Vec<usize> = (0..self.types.0.len())
            .filter(|n| matches!(self.types.0[*n].shape, Shape::Struct(_)))
            .collect();
        if !earlier.is_empty() && self.random.chance(35) {
            let n = *self.random.pick(&earlier);
            fields.push((self.types.0[n].name.clone(), Type::Named(n), true));
        }
        if self.random.chance(30) {
            let own = Type::Named(self.types.0.len());
            fields.push(("next".into(), Type::Pointer(Rc::new(own)), false));
        }
        fields
    }

    fn methods(&mut self, n: usize) {
        for name in ["Do", "also"] {
            if self.random.chance(70) {
                let pointer = self.random.chance(50);
                self.types.0[n].methods.push((name.into(), pointer));
            }
        }
        if self.types.0[n]
            .methods
            .first()
            .is_some_and(|(name, _)| name != "Do")
        {
            self.types.0[n].methods.clear();
        }
    }

    fn write_methods(&mut self, n: usize) {
        let t = Type::Named(n);
        for (name, pointer) in self.types.0[n].methods.clone() {
            let star = if pointer { "*" } else { "" };
            let receiver = if pointer {
                Type::Pointer(Rc::new(t.clone()))
            } else {
                t.clone()
            };
            self.scope.clear();
            self.counters.clear();
            self.declare("r", &receiver);
            self.declare("n", &INT);
            let mut body = String::from("\tz := 0\n\t_ = z\n\tshow.Step()\n");
            let statements = 1 + self.random.below(2);
            for _ in 0..statements {
                body += &self.simple("\t");
            }
            let value = self.expression(&INT, 2);
            let _ = writeln!(
                self.out,
                "func (r {star}{}) {name}(n int) int {{\n{body}\treturn {value}\n}}\n",
                self.types.0[n].name
            );
        }
    }

    pub fn some_integer(&mut self) -> Type {
        Type::Integer(INTEGERS[self.random.below(INTEGERS.len())])
    }

    /// A type without references: it prints the same in every run.
    pub fn plain_type(&mut self, depth: usize) -> Type {
        match self.random.below(if depth == 0 { 6 } else { 8 }) {
            0..=2 => INT,
            3 => self.some_integer(),
            4 => Type::Text,
            5 => {
                if self.random.chance(50) {
                    Type::Bool
                } else {
                    Type::Float
                }
            }
            6 => Type::Array(
                1 + self.random.below(4),
                Rc::new(self.plain_type(depth - 1)),
            ),
            _ => {
                let named: Vec<usize> = (0..self.types.0.len())
                    .filter(|n| matches!(self.types.0[*n].shape, Shape::Basic(_)))
                    .collect();
                if named.is_empty() {
                    INT
                } else {
                    Type::Named(*self.random.pick(&named))
                }
            }
        }
    }

    /// Any type.
    pub fn some_type(&mut self, depth: usize) -> Type {
        if depth == 0 || self.random.chance(35) {
            return self.plain_type(depth);
        }
        match self.random.below(13) {
            0 | 1 => Type::Slice(Rc::new(self.some_type(depth - 1))),
            2 => Type::Array(1 + self.random.below(3), Rc::new(self.some_type(depth - 1))),
            3 | 4 => {
                let key = self.key_type();
                Type::Map(Rc::new(key), Rc::new(self.some_type(depth - 1)))
            }
            5 => Type::Func(vec![self.plain_type(1)], Rc::new(self.plain_type(1))),
            6 => Type::Any,
            7 => Type::Error,
            8 => Type::Slice(Rc::new(Type::Integer("uint8"))),
            9 => {
                let to = self.plain_type(1);
                Type::Pointer(Rc::new(to))
            }
            _ if self.types.0.is_empty() => INT,
            n => {
                let t = Type::Named(self.random.below(self.types.0.len()));
                if n == 10 && self.is_struct(&t) {
                    Type::Pointer(Rc::new(t))
                } else {
                    t
                }
            }
        }
    }

    fn key_type(&mut self) -> Type {
        for _ in 0..3 {
            let t = if self.random.chance(50) {
                self.plain_type(1)
            } else {
                self.some_type(1)
            };
            if self.types.key(&t) {
                return t;
            }
        }
        Type::Text
    }

    fn function(&mut self, globals: &[(String, Type)]) {
        let name = format!("{}f{}", self.prefix, self.functions.len());
        let recovers = self.random.chance(30);
        let named = recovers || self.random.chance(20);
        let parameters: Vec<Type> = (0..self.random.below(4))
            .map(|_| self.some_type(2))
            .collect();
        let variadic = self.random.chance(15);
        // What recovers gives zero values, which must not be nil.
        let results: Vec<Type> = (0..1 + self.random.below(2))
            .map(|_| {
                let t = self.some_type(2);
                if recovers && self.types.nilable(&t) {
                    INT
                } else {
                    t
                }
            })
            .collect();
        self.begin(globals);
        let mut list: Vec<String> = Vec::new();
        for t in &parameters {
            let parameter = self.fresh();
            list.push(format!("{parameter} {}", self.types.text(t)));
            self.declare(&parameter, t);
        }
        if variadic {
            list.push("more ...int".into());
        }
        let result_names: Vec<String> = (0..results.len()).map(|n| format!("r{n}")).collect();
        let result_list: Vec<String> = results
            .iter()
            .zip(&result_names)
            .map(|(t, name)| {
                if named {
                    format!("{name} {}", self.types.text(t))
                } else {
                    self.types.text(t)
                }
            })
            .collect();
        let mut body = String::from("\tz := 0\n\t_ = z\n\tshow.Step()\n");
        if variadic {
            body += "\tfor _, m := range more {\n\t\tz += m % 2 * 0\n\t}\n";
        }
        if recovers {
            let _ = writeln!(
                body,
                "\tdefer func() {{\n\t\tif p := recover(); p != nil {{\n\t\t\tshow.Line(\"{name} recovers \" + show.Panic(p))\n\t\t\t{}total++\n\t\t}}\n\t}}()",
                self.prefix
            );
        }
        if named && self.random.chance(50) && results[0] == INT {
            body += "\tdefer func() { r0 *= 2 }()\n";
        }
        body += &self.counter_variable();
        body += &self.statements("\t", 2, recovers);
        body += &self.put_counters();
        let values: Vec<String> = results.iter().map(|t| self.expression(t, 2)).collect();
        let _ = writeln!(body, "\treturn {}", values.join(", "));
        let _ = writeln!(
            self.out,
            "func {name}({}) ({}) {{\n{body}}}\n",
            list.join(", "),
            result_list.join(", ")
        );
        self.functions.push(Signature {
            name,
            parameters,
            results,
            variadic,
        });
    }

    fn begin(&mut self, globals: &[(String, Type)]) {
        self.scope.clear();
        self.counters.clear();
        for (name, t) in globals {
            self.declare(name, t);
        }
    }

    fn main(&mut self, globals: &[(String, Type)], last: &str) {
        self.begin(globals);
        let mut body = String::from("\tz := 0\n\t_ = z\n");
        body += &self.counter_variable();
        body += &self.statements("\t", 2, true);
        body += &self.statements("\t", 2, true);
        body += &self.put_counters();
        for (name, _) in globals {
            let _ = writeln!(body, "\tshow.Put({name:?}, {name})");
        }
        let _ = writeln!(body, "\tshow.Put(\"total\", {}total)", self.prefix);
        body += last;
        let _ = writeln!(self.out, "func {}main() {{\n{body}}}\n", self.prefix);
    }

    /// A variable that only closures change: what they have counted is written at the end.
    fn counter_variable(&mut self) -> String {
        if self.random.chance(50) {
            return String::new();
        }
        let name = self.fresh();
        self.counters.push(name.clone());
        format!("\t{name} := 0\n")
    }

    fn put_counters(&self) -> String {
        self.counters
            .iter()
            .map(|name| format!("\tshow.Put({name:?}, {name})\n"))
            .collect()
    }
}
