//! Statements with blocks: conditions, loops of every form, switches, deferred calls.

use std::fmt::Write as _;
use std::rc::Rc;

use super::declare::Case;
use super::types::{INT, Shape, Type};

impl Case {
    pub fn control(&mut self, indent: &str, depth: usize) -> String {
        match self.random.below(if self.loops >= 2 { 5 } else { 15 }) {
            0 | 1 => self.condition_statement(indent, depth),
            2 => self.switch(indent, depth),
            3 => self.type_switch(indent, depth),
            4 => self.deferred(indent),
            5 | 6 => self.counted(indent, depth),
            7 => self.labelled(indent, depth),
            8 => self.over_function(indent, depth),
            _ => self.range(indent, depth),
        }
    }

    fn condition_statement(&mut self, indent: &str, depth: usize) -> String {
        let condition = self.condition(2);
        let then = self.block(indent, depth - 1);
        let mut text = format!("{indent}if {condition} {{\n{then}");
        match self.random.below(3) {
            0 => {
                let otherwise = self.block(indent, depth - 1);
                let _ = write!(text, "{indent}}} else {{\n{otherwise}");
            }
            1 => {
                let name = self.fresh();
                let value = self.expression(&INT, 1);
                let before = self.scope.len();
                self.declare(&name, &INT);
                let otherwise = self.block(indent, depth - 1);
                self.scope.truncate(before);
                let _ = write!(
                    text,
                    "{indent}}} else if {name} := {value}; {name} > 3 {{\n{otherwise}"
                );
            }
            _ => {}
        }
        text + indent + "}\n"
    }

    fn switch(&mut self, indent: &str, depth: usize) -> String {
        let tagged = self.random.chance(60);
        let tag = if tagged {
            format!("{} & 3", self.expression(&INT, 2))
        } else {
            String::new()
        };
        let mut text = format!("{indent}switch {tag} {{\n");
        let cases = 2 + self.random.below(2);
        for n in 0..cases {
            let what = if tagged {
                format!("{n}")
            } else {
                self.condition(1)
            };
            let block = self.block(indent, depth - 1);
            let _ = write!(text, "{indent}case {what}:\n{block}");
            if n + 1 < cases && self.random.chance(25) {
                let _ = writeln!(text, "{indent}\tfallthrough");
            }
        }
        if self.random.chance(50) {
            let block = self.block(indent, depth - 1);
            let _ = write!(text, "{indent}default:\n{block}");
        }
        text + indent + "}\n"
    }

    fn type_switch(&mut self, indent: &str, depth: usize) -> String {
        let interfaces = self.find(|t| matches!(t, Type::Any));
        let declared: Vec<(String, Vec<Type>)> = self
            .scope
            .iter()
            .filter_map(|v| match &v.t {
                Type::Named(n) => match &self.types.0[*n].shape {
                    Shape::Interface(of) => Some((v.name.clone(), of.clone())),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let (name, cases) = if let Some((name, of)) = declared.first() {
            (name.clone(), of.clone())
        } else if let Some(name) = interfaces {
            (name, vec![INT, Type::Text, Type::Bool])
        } else {
            let value = self.literal(&Type::Any, 1);
            (value, vec![INT, Type::Text])
        };
        let bound = self.fresh();
        let mut text = format!("{indent}switch {bound} := {name}.(type) {{\n");
        for t in cases {
            let before = self.scope.len();
            if !self.types.nilable(&t) {
                self.declare(&bound, &t);
            }
            let block = self.block(indent, depth - 1);
            self.scope.truncate(before);
            let _ = write!(
                text,
                "{indent}case {}:\n{indent}\t_ = {bound}\n{block}",
                self.types.text(&t)
            );
        }
        let _ = writeln!(
            text,
            "{indent}default:\n{indent}\tshow.Put(\"other\", {bound})"
        );
        text + indent + "}\n"
    }

    fn deferred(&mut self, indent: &str) -> String {
        let value = self.expression(&INT, 1);
        if self.random.chance(50) {
            return format!("{indent}defer show.Put(\"deferred\", {value})\n");
        }
        let inner = self.expression(&INT, 1);
        format!(
            "{indent}defer func(n int) {{\n{indent}\tshow.Put(\"deferred\", n+{inner})\n{indent}}}({value})\n"
        )
    }

    /// The body of a loop: it takes fuel.
    fn body(&mut self, indent: &str, depth: usize) -> String {
        self.loops += 1;
        let text = self.block(indent, depth - 1);
        self.loops -= 1;
        format!("{indent}\tshow.Step()\n{text}")
    }

    fn counted(&mut self, indent: &str, depth: usize) -> String {
        let name = self.fresh();
        let n = self.random.between(1, 4);
        let before = self.scope.len();
        self.fixed(&name, &INT);
        let collects = self.random.chance(40);
        let mut body = self.body(indent, depth);
        self.scope.truncate(before);
        let mut around = (String::new(), String::new());
        if collects {
            // Every iteration has a variable of its own.
            let list = self.fresh();
            let _ = writeln!(
                body,
                "{indent}\t{list} = append({list}, func() int {{ {name} += 10; return {name} }})"
            );
            around.0 = format!("{indent}var {list} []func() int\n");
            around.1 = format!(
                "{indent}for _, f := range {list} {{\n{indent}\tshow.Put(\"collected\", f()+f())\n{indent}}}\n"
            );
        }
        let step = *self.random.pick(&["++", " += 2", "++"]);
        format!(
            "{}{indent}for {name} := 0; {name} < {n}; {name}{step} {{\n{body}{indent}}}\n{}",
            around.0, around.1
        )
    }

    fn fixed(&mut self, name: &str, t: &Type) {
        self.declare(name, t);
        if let Some(last) = self.scope.last_mut() {
            last.assigned = false;
        }
    }

    fn labelled(&mut self, indent: &str, depth: usize) -> String {
        let (i, j, label) = (self.fresh(), self.fresh(), format!("L{}", self.fresh()));
        let before = self.scope.len();
        self.fixed(&i, &INT);
        self.fixed(&j, &INT);
        self.loops += 1;
        let inner = self.body(&format!("{indent}\t"), depth);
        self.loops -= 1;
        let (leaves, goes) = (self.condition(1), self.condition(1));
        self.scope.truncate(before);
        format!(
            "{indent}{label}:\n{indent}for {i} := range 3 {{\n{indent}\t_ = {i}\n{indent}\tfor {j} := 0; {j} < 3; {j}++ {{\n{inner}\
             {indent}\t\tif {leaves} {{\n{indent}\t\t\tbreak {label}\n{indent}\t\t}}\n\
             {indent}\t\tif {goes} {{\n{indent}\t\t\tcontinue {label}\n{indent}\t\t}}\n{indent}\t}}\n{indent}}}\n"
        )
    }

    /// A range over an iterator made on the spot, left early now and then.
    fn over_function(&mut self, indent: &str, depth: usize) -> String {
        let (k, v) = (self.fresh(), self.fresh());
        let n = self.random.between(1, 4);
        let seed = self.expression(&INT, 1);
        let before = self.scope.len();
        self.declare(&k, &INT);
        self.declare(&v, &INT);
        let body = self.body(indent, depth);
        let leaves = self.condition(1);
        self.scope.truncate(before);
        format!(
            "{indent}for {k}, {v} := range func(yield func(int, int) bool) {{\n{indent}\tdefer show.Line(\"iterated\")\n\
             {indent}\tfor n := range {n} {{\n{indent}\t\tif !yield(n, n*({seed})) {{\n{indent}\t\t\treturn\n{indent}\t\t}}\n{indent}\t}}\n\
             {indent}}} {{\n{indent}\t_, _ = {k}, {v}\n{body}{indent}\tif {leaves} {{\n{indent}\t\tbreak\n{indent}\t}}\n{indent}}}\n"
        )
    }

    fn range(&mut self, indent: &str, depth: usize) -> String {
        let (k, v) = (self.fresh(), self.fresh());
        let before = self.scope.len();
        let over = self.find(|t| {
            matches!(
                t,
                Type::Slice(_) | Type::Array(..) | Type::Map(..) | Type::Text
            )
        });
        let Some(name) = over else {
            self.fixed(&k, &INT);
            let body = self.body(indent, depth);
            self.scope.truncate(before);
            return format!(
                "{indent}for {k} := range {} {{\n{indent}\t_ = {k}\n{body}{indent}}}\n",
                self.random.between(1, 4)
            );
        };
        let t = self
            .scope
            .iter()
            .find(|variable| variable.name == name)
            .map(|variable| variable.t.clone());
        let element = match t {
            Some(Type::Map(key, _)) => {
                // The order is open: what is done must not show it.
                let sum = self.fresh();
                self.declare(&sum, &INT);
                let keyed = if *key == INT { "k&7" } else { "1" };
                return format!(
                    "{indent}{sum} := 0\n{indent}for k := range {name} {{\n{indent}\t_ = k\n{indent}\t{sum} += {keyed}\n{indent}}}\n"
                );
            }
            Some(Type::Slice(element) | Type::Array(_, element)) => element,
            _ => Rc::new(Type::Integer("rune")),
        };
        self.fixed(&k, &INT);
        if !self.types.nilable(&element) {
            self.declare(&v, &element);
        }
        // The range is over a copy or a header of its own: its variable may change.
        let body = self.body(indent, depth);
        self.scope.truncate(before);
        let address = if self.random.chance(20)
            && matches!(
                &self
                    .scope
                    .iter()
                    .find(|variable| variable.name == name)
                    .map(|v| (&v.t, v.assigned)),
                Some((Type::Array(..), true))
            ) {
            "&"
        } else {
            ""
        };
        format!(
            "{indent}for {k}, {v} := range {address}{name} {{\n{indent}\t_, _ = {k}, {v}\n{body}{indent}}}\n"
        )
    }
}
