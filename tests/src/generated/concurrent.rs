//! Whole constructs with random parts: goroutines, channels, locks, generic code, types declared in functions.
//!
//! Each gives the same result whichever goroutine comes first.

use std::rc::Rc;

use super::declare::Case;
use super::types::{INT, Type};

/// What templates and statements of all cases use.
pub const PRELUDE: &str = r#"func clip(s string) string {
	if len(s) > 24 {
		return s[:24]
	}
	return s
}

func trace(tag string, n int) int {
	show.Line(tag + " " + strconv.Itoa(n))
	return n
}

func mapped[T, U any](s []T, f func(T) U) []U {
	out := make([]U, 0, len(s))
	for _, v := range s {
		out = append(out, f(v))
	}
	return out
}

func folded[T any, A any](s []T, a A, f func(A, T) A) A {
	for _, v := range s {
		a = f(a, v)
	}
	return a
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (p *pair[K, V]) set(v V) (old V) {
	old, p.value = p.value, v
	return old
}

func (p pair[K, V]) is(k K) bool { return p.key == k }

type number interface {
	~int | ~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float64
}

func sum[N number](values ...N) (total N) {
	for _, v := range values {
		total += v
	}
	return total
}

type stack[T any] struct{ items []T }

func (s *stack[T]) push(v T) { s.items = append(s.items, v) }
func (s *stack[T]) pop() (v T, ok bool) {
	if len(s.items) == 0 {
		return v, false
	}
	v = s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return v, true
}
"#;

impl Case {
    /// A statement made of a whole construct.
    pub fn template(&mut self, indent: &str) -> String {
        let (a, b) = (self.expression(&INT, 1), self.expression(&INT, 1));
        let name = self.fresh();
        let n = self.random.between(2, 6);
        let text = match self.random.below(17) {
            0 => {
                self.declare(&name, &INT);
                format!(
                    "{name} := 0
{{
	var mu sync.Mutex
	var wg sync.WaitGroup
	base := {a}
	for i := range {n} {{
		wg.Add(1)
		go func() {{
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			{name} += i * base
		}}()
	}}
	wg.Wait()
}}
"
                )
            }
            1 => {
                self.declare(&name, &Type::Slice(Rc::new(INT)));
                format!(
                    "{name} := func() []int {{
	c := make(chan int, z)
	base := {a}
	go func() {{
		defer close(c)
		for i := range {n} {{
			c <- i + base
		}}
	}}()
	out := []int{{{b}}}
	for v := range c {{
		out = append(out, v)
	}}
	return out
}}()
"
                )
            }
            2 => format!(
                "{{
	c, done := make(chan string, 1), make(chan struct{{}})
	select {{
	case v := <-c:
		show.Put(\"received\", v)
	default:
		show.Line(\"empty\")
	}}
	c <- strconv.Itoa({a})
	select {{
	case c <- \"full\":
		show.Line(\"sent\")
	case v, ok := <-c:
		show.Put(\"received\", v)
		show.Put(\"ok\", ok)
	}}
	close(done)
	select {{
	case <-done:
		show.Line(\"done\")
	case v := <-c:
		show.Put(\"received\", v)
	}}
}}
"
            ),
            3 => {
                let t = self.plain_type(1);
                let text = self.types.text(&t);
                let value = self.expression(&t, 1);
                self.declare(&name, &Type::Slice(Rc::new(t)));
                format!(
                    "{name} := mapped([]int{{{a}, {b}}}, func(n int) {text} {{
	trace(\"mapped\", n)
	return {value}
}})
"
                )
            }
            4 => {
                self.declare(&name, &Type::Text);
                format!(
                    "{name} := folded([]int{{{a}, {b}, 3}}, \"\", func(s string, n int) string {{ return clip(s + strconv.Itoa(n)) }})
"
                )
            }
            5 => {
                let t = self.plain_type(1);
                let text = self.types.text(&t);
                let (first, second) = (self.expression(&t, 1), self.expression(&t, 1));
                format!(
                    "{{
	p := &pair[string, {text}]{{\"k\", {first}}}
	show.Put(\"old\", p.set({second}))
	show.Put(\"pair\", p)
	is := p.is
	p.key = \"other\"
	show.Put(\"is\", is(\"k\"))
}}
"
                )
            }
            6 => {
                let t = self.some_integer();
                let (first, second) = (self.expression(&t, 1), self.expression(&t, 1));
                self.declare(&name, &t);
                format!("{name} := sum({first}, {second}, {first})\n")
            }
            7 => {
                let t = self.plain_type(1);
                let text = self.types.text(&t);
                let (first, second) = (self.expression(&t, 1), self.expression(&t, 1));
                format!(
                    "{{
	var s stack[{text}]
	s.push({first})
	push := s.push
	push({second})
	v, ok := s.pop()
	show.Put(\"popped\", v)
	show.Put(\"ok\", ok)
	show.Put(\"stack\", s)
}}
"
                )
            }
            8 => {
                let t = self.plain_type(1);
                let text = self.types.text(&t);
                let value = self.expression(&t, 1);
                format!(
                    "{{
	type local struct {{
		n    int
		what {text}
		next *local
	}}
	l := &local{{n: {a}, what: {value}}}
	l.next = &local{{n: l.n + 1, next: l}}
	show.Put(\"local\", *l)
	var x any = *l.next
	_, ok := x.(local)
	show.Put(\"ok\", ok)
}}
"
                )
            }
            9 => {
                self.declare(&name, &INT);
                format!(
                    "var {name}_f func(int, int) int
{name}_f = func(n, m int) int {{
	if n <= 0 {{
		return m
	}}
	return {name}_f(n-1, m+n*({a}&3))
}}
{name} := {name}_f({n}, {b})
"
                )
            }
            10 => format!(
                "func() {{
	defer func() {{
		p := recover()
		show.Put(\"outer\", p)
	}}()
	defer func() {{
		defer func() {{
			show.Put(\"inner\", recover())
			panic(fmt.Sprint(\"second \", {b}))
		}}()
		panic(\"replaced\")
	}}()
	panic({a})
}}()
"
            ),
            11 => {
                self.declare(&name, &INT);
                format!(
                    "{name} := func() (r int) {{
	defer func() {{
		if p := recover(); p != nil {{
			r += {b}
		}}
	}}()
	for i := range {n} {{
		defer func() {{ r += i }}()
	}}
	if r = {a}; r&1 == 0 {{
		panic(\"even\")
	}}
	return r * 2
}}()
"
                )
            }
            12 => format!(
                "{{
	var once sync.Once
	var count atomic.Int64
	for range {n} {{
		once.Do(func() {{ show.Put(\"once\", {a}) }})
		count.Add(2)
	}}
	show.Put(\"count\", count.Load())
}}
"
            ),
            13 => {
                self.declare(&name, &Type::Slice(Rc::new(INT)));
                format!(
                    "{name} := []int{{{a}, {b}, 5, 3, {n}}}
sort.Slice({name}, func(i, j int) bool {{ return {name}[i] > {name}[j] }})
show.Put(\"found\", slices.IndexFunc({name}, func(n int) bool {{ return n < {b} }}))
"
                )
            }
            14 => format!(
                "{{
	err := fmt.Errorf(\"around: %w\", errors.Join({prefix}sentinel, errors.New(strconv.Itoa({a}))))
	show.Put(\"is\", errors.Is(err, {prefix}sentinel))
	show.Put(\"error\", err.Error())
	show.Put(\"same\", errors.Unwrap(err) == {prefix}sentinel)
}}
",
                prefix = self.prefix
            ),
            15 => {
                self.declare(&name, &INT);
                format!(
                    "{name} := 0
{{
	c := make(chan func() int)
	go func() {{
		base := {a}
		for i := range {n} {{
			c <- func() int {{ base += i; return base }}
		}}
		close(c)
	}}()
	for f := range c {{
		{name} += f()
	}}
}}
"
                )
            }
            _ => format!(
                "{{
	i := 0
{name}_again:
	show.Put(\"goto\", i*({a}&7))
	if i++; i < {n} {{
		goto {name}_again
	}}
}}
"
            ),
        };
        let mut out = String::new();
        for line in text.lines() {
            out.push_str(indent);
            out.push_str(line);
            out.push('\n');
        }
        out + &self.used(indent, &name)
    }

    fn used(&self, indent: &str, name: &str) -> String {
        if self.scope.iter().any(|variable| variable.name == name) {
            format!("{indent}_ = {name}\n")
        } else {
            String::new()
        }
    }
}
