//! Statements in which calls change what their other operands read. The language leaves open which comes first; the
//! compiler's choice is the same in every build, and programs rely on it.
//!
//! No operand can panic, so that there is only the order of reads and calls to see.

use std::fmt::Write as _;

use super::declare::Case;

/// What these statements look at. Every call changes all of it.
pub const STATE: &str = r#"type point struct{ x, y int }

func (p point) sum() int   { return p.x + p.y }
func (p *point) move() int { p.x, p.y = p.y+1, p.x; return p.x & 1 }

type leaf struct {
	n    int
	s    []int
	text string
	q    point
}

type state struct {
	n, m   int
	ok     bool
	a      [3]int
	s, t   []int
	text   string
	bytes  []byte
	p      *leaf
	q      point
	pp     *point
	list   []point
	table  map[string]int
	points map[string]point
	box    any
	c      chan int
	f      func(int) int
	in     interface{ sum() int }
	leaf
}

func newState(k int) *state {
	s := &state{n: k, table: map[string]int{}, points: map[string]point{}, c: make(chan int, 500)}
	s.f = func(n int) int { return s.change(n) }
	s.change(k)
	return s
}

func (s *state) change(k int) int {
	show.Step()
	s.n = s.n*3 + k&7 + 1
	s.n %= 10007
	n := s.n
	s.m, s.ok, s.q = n+1, !s.ok, point{n, k}
	s.a[n%3] += n
	for i := range s.s {
		s.s[i] += n
	}
	s.t, s.s = s.s, []int{n, n + 1, n + 2, n + 3}
	if len(s.t) < 4 {
		s.t = []int{1, 2, 3, 4}
	}
	s.text = "t" + strconv.Itoa(n)
	s.bytes = []byte(s.text)
	if s.p != nil {
		s.p.n++
	}
	s.p = &leaf{n: n + 5, s: []int{n, 7, 8, 9}, text: "p" + strconv.Itoa(n), q: point{k, n}}
	s.leaf = leaf{n: n + 6, s: []int{n, 4, 5, 6}, text: "l" + strconv.Itoa(n)}
	if s.pp != nil {
		s.pp.x++
	}
	s.pp = &point{n, 2}
	for i := range s.list {
		s.list[i].x++
	}
	s.list = []point{{n, 1}, {n, 2}, {n, 3}}
	s.table["t"] = n
	s.table["u"]++
	s.points["t"] = point{n, n}
	s.points["u"] = point{1, n}
	s.box, s.in = n, point{n, k}
	return n & 1
}

func (s *state) word() string     { s.change(1); return s.text }
func (s *state) pair() (int, int) { return s.change(2), s.n }
func (s *state) yes() bool        { return s.change(3) == 1 }
func (s *state) dot() point       { s.change(4); return s.q }
func (s *state) self() *state     { s.change(5); return s }
func (s *state) slice() []int     { s.change(6); return s.s }
func (s *state) leave() *leaf     { s.change(7); return s.p }
func (s *state) any() any         { s.change(8); return s.box }
func (s *state) fed() chan int    { s.change(9); s.c <- s.n; return s.c }
func (s *state) key() string {
	if s.change(10) == 1 {
		return "t"
	}
	return "u"
}

func same[T any](v T) T { return v }

func three(a int, b any, c string) int {
	show.Put("three", []any{a, b, c})
	return a & 1
}
"#;

impl Case {
    /// A function that such statements are in, and its call.
    pub fn late_function(&mut self) -> (String, String) {
        let name = format!("{}late", self.prefix);
        let mut body = format!(
            "\tst := newState({0})\n\t{1}st = newState(3)\n\tloc, own := 1, point{{1, 2}}\n\tlp := &loc\n\tcount := 0\n\tbump := func() int {{ count++; loc += 2; st.change(count); own.x++; return count & 1 }}\n\t_, _, _ = lp, bump, own\n",
            self.random.between(1, 50),
            self.prefix
        );
        for _ in 0..3 + self.random.below(6) {
            body += &self.late_statement("\t", 2);
            body += "\tshow.Put(\"st\", *st)\n\tshow.Put(\"loc\", loc)\n";
        }
        (
            format!(
                "var {0}st *state\n\nfunc {name}() {{\n{body}}}\n\n",
                self.prefix
            ),
            format!("\t{name}()\n"),
        )
    }

    fn index(&mut self, depth: usize) -> String {
        match self.random.below(4) {
            0 => "1".into(),
            1 => "st.change(2)".into(),
            _ => format!("{}&1", self.late_int(depth)),
        }
    }

    fn late_key(&mut self) -> String {
        (*self
            .random
            .pick(&["\"t\"", "st.key()", "\"u\"", "same(\"t\")"]))
        .into()
    }

    /// A place of type int.
    fn late_place(&mut self, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        match self.random.below(17) {
            0 => "st.n".into(),
            1 => "st.m".into(),
            2 => "loc".into(),
            3 => "*lp".into(),
            4 => format!("{}st.n", self.prefix),
            5 => format!("st.a[{}]", self.index(d)),
            6 | 7 => format!("st.s[{}]", self.index(d)),
            8 => "st.p.n".into(),
            9 => "st.q.x".into(),
            10 => format!("st.list[{}].y", self.index(d)),
            11 => format!("st.table[{}]", self.late_key()),
            12 => format!("st.p.s[{}]", self.index(d)),
            13 => "st.leaf.n".into(),
            14 => format!("st.self().s[{}]", self.index(d)),
            15 => "st.leave().n".into(),
            _ => "st.pp.y".into(),
        }
    }

    fn late_int(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.random.below(5) {
                0 => "st.change(1)".into(),
                1 => "bump()".into(),
                2 => self.random.between(0, 9).to_string(),
                _ => self.late_place(0),
            };
        }
        let d = depth - 1;
        match self.random.below(30) {
            0..=6 => self.late_place(depth),
            7 | 8 => {
                let (a, b) = (self.late_int(d), self.late_int(d));
                let operator = *self.random.pick(&["+", "-", "*", "^"]);
                format!("({a} {operator} {b})")
            }
            9 => format!("st.change({})", self.late_int(d)),
            10 => "bump()".into(),
            11 => format!("len({})", self.late_text(d)),
            12 => format!("len({})", self.late_ints(d)),
            13 => format!("int(({})[0])", self.late_text(0)),
            14 => format!("st.slice()[{}]", self.index(d)),
            15 => "st.box.(int)".into(),
            16 => "st.any().(int)".into(),
            17 => "<-st.fed()".into(),
            18 => format!("st.f({})", self.late_int(d)),
            19 => format!("same({})", self.late_int(d)),
            20 => format!(
                "three({}, {}, {})",
                self.late_int(d),
                self.late_any(d),
                self.late_text(d)
            ),
            21 => format!("{}.x", self.late_point(d)),
            22 => format!("min({}, {})", self.late_int(d), self.late_int(d)),
            23 => "st.in.sum()".into(),
            24 => "st.q.move()".into(),
            25 => format!("({}).sum()", self.late_point(d)),
            26 => format!("copy(st.t, {})", self.late_ints(d)),
            27 => format!("int(int8({}))", self.late_int(d)),
            28 => format!("func() int {{ loc++; return {} }}()", self.late_int(d)),
            _ => format!("(-{})", self.late_int(d)),
        }
    }

    fn late_text(&mut self, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        match self.random.below(if depth == 0 { 5 } else { 10 }) {
            0 => "st.text".into(),
            1 => "st.p.text".into(),
            2 => "st.word()".into(),
            3 => "st.leave().text".into(),
            4 => "\"lit\"".into(),
            5 => format!("({} + {})", self.late_text(d), self.late_text(d)),
            6 => format!("st.text[{}:]", self.index(0)),
            7 => "string(st.bytes)".into(),
            8 => format!("strconv.Itoa({})", self.late_int(d)),
            _ => format!("fmt.Sprint({}, {})", self.late_any(d), self.late_any(d)),
        }
    }

    fn late_any(&mut self, depth: usize) -> String {
        match self.random.below(9) {
            0 => self.late_text(depth),
            1 => self.late_bool(depth),
            2 => self.late_point(depth),
            3 => "st.a".into(),
            4 => "st.box".into(),
            5 => "st.any()".into(),
            6 => "*st.p".into(),
            _ => self.late_int(depth),
        }
    }

    fn late_bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return (*self.random.pick(&["st.ok", "st.yes()", "true"])).into();
        }
        let d = depth - 1;
        match self.random.below(12) {
            0 => "st.ok".into(),
            1 => "st.yes()".into(),
            2 | 3 => {
                let (a, b) = (self.late_int(d), self.late_int(d));
                let operator = *self.random.pick(&["<", "==", ">="]);
                format!("({a} {operator} {b})")
            }
            4 => format!("({} && {})", self.late_bool(d), self.late_bool(d)),
            5 => format!("({} || {})", self.late_bool(d), self.late_bool(d)),
            6 => format!("!{}", self.late_bool(d)),
            7 => {
                let (a, b) = (self.late_point(d), self.late_point(d));
                format!("(({a}) == ({b}))")
            }
            8 => format!("({} == any({}))", "st.box", self.late_any(d)),
            9 => "(st.p == st.leave())".into(),
            10 => format!("({} < {})", self.late_text(d), self.late_text(d)),
            _ => "(st.a == st.self().a)".into(),
        }
    }

    fn late_point(&mut self, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        match self.random.below(9) {
            0 => "st.q".into(),
            1 => "st.dot()".into(),
            2 => "(*st.pp)".into(),
            3 => format!("st.list[{}]", self.index(0)),
            4 => format!("st.points[{}]", self.late_key()),
            5 => "own".into(),
            6 => "st.leave().q".into(),
            7 => "st.p.q".into(),
            _ => format!("(point{{{}, {}}})", self.late_int(d), self.late_int(d)),
        }
    }

    fn late_ints(&mut self, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        match self.random.below(8) {
            0 => "st.s".into(),
            1 => "st.t".into(),
            2 => "st.slice()".into(),
            3 => "st.p.s".into(),
            4 => format!("st.s[{}:]", self.index(0)),
            5 => format!("append(st.s[:2], {})", self.late_int(d)),
            6 => "st.leave().s".into(),
            _ => format!("[]int{{{}, {}, 1}}", self.late_int(d), self.late_int(d)),
        }
    }

    fn late_statement(&mut self, indent: &str, depth: usize) -> String {
        let inner = format!("{indent}\t");
        let n = self.fresh();
        let d = 2;
        match self.random.below(if depth == 0 { 15 } else { 30 }) {
            0 => format!(
                "{indent}{n} := {}\n{indent}show.Put({n:?}, {n})\n",
                self.late_int(3)
            ),
            1 => format!("{indent}show.Put({n:?}, {})\n", self.late_any(3)),
            2 | 3 => format!("{indent}{} = {}\n", self.late_place(d), self.late_int(d)),
            4 => {
                let operator = *self.random.pick(&["+", "*", "-"]);
                format!(
                    "{indent}{} {operator}= {}\n",
                    self.late_place(d),
                    self.late_int(d)
                )
            }
            5 => format!("{indent}{}++\n", self.late_place(d)),
            6 => format!(
                "{indent}{}, {} = {}, {}\n",
                self.late_place(d),
                self.late_place(d),
                self.late_int(d),
                self.late_int(d)
            ),
            7 => format!(
                "{indent}{}, {} = st.pair()\n",
                self.late_place(d),
                self.late_place(d)
            ),
            8 => format!(
                "{indent}{n}, {n}_b := {}, {}\n{indent}show.Put({n:?}, []any{{{n}, {n}_b}})\n",
                self.late_int(d),
                self.late_any(d)
            ),
            9 => format!("{indent}st.q = {}\n", self.late_point(d)),
            10 => format!(
                "{indent}st.s = {}\n{indent}st.s = append(st.s, 1, 2, 3)\n",
                self.late_ints(d)
            ),
            11 => format!(
                "{indent}show.Put({n:?}, map[string]int{{{}: {}, \"z\": {}}})\n",
                self.late_key(),
                self.late_int(d),
                self.late_int(d)
            ),
            12 => format!(
                "{indent}three({}, {}, {})\n",
                self.late_int(d),
                self.late_any(d),
                self.late_text(d)
            ),
            13 => format!(
                "{indent}show.Put({n:?}, func() []any {{\n{inner}a, b := func() (int, string) {{ return {}, {} }}()\n{inner}return []any{{a, b}}\n{indent}}}())\n",
                self.late_int(d),
                self.late_text(d)
            ),
            14 => format!(
                "{indent}show.Put({n:?}, leaf{{n: {}, s: {}, text: {}, q: {}}})\n",
                self.late_int(d),
                self.late_ints(1),
                self.late_text(1),
                self.late_point(1)
            ),
            15 | 16 => {
                let (a, b) = (self.late_bool(3), self.late_bool(2));
                let (x, y) = (
                    self.late_statement(&inner, depth - 1),
                    self.late_statement(&inner, depth - 1),
                );
                format!("{indent}if {a} {{\n{x}{indent}}} else if {b} {{\n{y}{indent}}}\n")
            }
            17..=19 => {
                let condition = self.late_bool(3);
                let post = match self.random.below(4) {
                    0 => format!("{n}++"),
                    1 => format!("{n}, st.m = {n}+1, {}", self.late_int(d)),
                    2 => {
                        let place = self.late_place(1);
                        format!("{n}, {place} = {n}+1, {}", self.late_int(1))
                    }
                    _ => format!(
                        "{n} += 1 + three({}, 1, {})",
                        self.late_int(1),
                        self.late_text(1)
                    ),
                };
                let body = self.late_statement(&inner, depth - 1);
                format!(
                    "{indent}for {n} := 0; {n} < 3 && {condition}; {post} {{\n{body}{indent}}}\n"
                )
            }
            20 => {
                let condition = self.late_bool(3);
                format!(
                    "{indent}{n} := 0\n{indent}for {condition} {{\n{inner}if {n}++; {n} > 3 {{\n{inner}\tbreak\n{inner}}}\n{indent}}}\n"
                )
            }
            21 | 22 => {
                let (tag, a, b, c) = (
                    self.late_int(d),
                    self.late_int(1),
                    self.late_int(1),
                    self.late_int(1),
                );
                let body = self.late_statement(&inner, depth - 1);
                // No two of the cases are constants, which might be the same.
                format!(
                    "{indent}switch {tag} & 1 {{\n{indent}case {a} & 1, trace(\"b\", {b} & 3):\n{body}{indent}case trace(\"c\", {c}):\n{inner}show.Line(\"third\")\n{indent}default:\n{inner}show.Line(\"none\")\n{indent}}}\n"
                )
            }
            23 => {
                let (a, b) = (self.late_bool(2), self.late_bool(2));
                format!(
                    "{indent}switch {{\n{indent}case {a}:\n{inner}show.Line(\"a\")\n{indent}case {b}:\n{inner}show.Line(\"b\")\n{indent}}}\n"
                )
            }
            24 => format!(
                "{indent}switch x := any({}).(type) {{\n{indent}case int, string:\n{inner}show.Put(\"scalar\", x)\n{indent}default:\n{inner}show.Put(\"other\", x)\n{indent}}}\n",
                self.late_any(d)
            ),
            25 => {
                let (channel, value) = (
                    *self.random.pick(&["st.c", "st.self().c", "st.fed()"]),
                    self.late_int(d),
                );
                format!(
                    "{indent}select {{\n{indent}case {channel} <- {value}:\n{inner}show.Line(\"sent\")\n{indent}case (chan int)(nil) <- {}:\n{indent}}}\n{indent}show.Put({n:?}, <-st.c)\n",
                    self.late_int(1)
                )
            }
            26 => {
                let list = self.late_ints(d);
                let body = self.late_statement(&inner, depth - 1);
                format!(
                    "{indent}for i, v := range {list} {{\n{inner}if i > 2 {{\n{inner}\tbreak\n{inner}}}\n{inner}show.Put(\"v\", v)\n{body}{indent}}}\n"
                )
            }
            27 => {
                let (a, b) = (self.late_place(1), self.late_place(1));
                format!(
                    "{indent}for {a}, {b} = range []int{{5, 6}} {{\n{inner}show.Put(\"n\", st.n)\n{indent}}}\n"
                )
            }
            28 => format!(
                "{indent}func() {{\n{inner}defer three({}, {}, {})\n{inner}st.change(1)\n{indent}}}()\n",
                self.late_int(d),
                self.late_any(d),
                self.late_text(1)
            ),
            _ => {
                let mut text = format!("{indent}{n} := make(chan any, 9)\n");
                let _ = writeln!(
                    text,
                    "{indent}go func(a int, b any) {{ {n} <- a; {n} <- b }}({}, {})",
                    self.late_int(d),
                    self.late_any(d)
                );
                let _ = writeln!(text, "{indent}show.Put({n:?}, []any{{<-{n}, <-{n}}})");
                text
            }
        }
    }
}
