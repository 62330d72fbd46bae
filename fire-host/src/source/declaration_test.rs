use super::*;
use crate::source::{BuildContext, Entry, Snapshot};

fn declarations(source: &str) -> Vec<Declaration> {
    let text = format!("package a\n{source}\n");
    let snapshot = Snapshot::new(BuildContext::default(), vec![Entry::new("a", "a.go", text)]);
    snapshot.file("a.go").unwrap().declarations()
}

#[track_caller]
fn same(one: &str, other: &str) {
    assert_eq!(declarations(one), declarations(other));
}

/// Equal but for what is only shown.
#[track_caller]
fn same_function(one: &str, other: &str) {
    let (one, other) = (function(one), function(other));
    assert_eq!(one.signature, other.signature);
    assert_eq!(one.body, other.body);
}

#[track_caller]
fn different(one: &str, other: &str) {
    assert_ne!(declarations(one), declarations(other));
}

fn function(source: &str) -> Function {
    let found = declarations(source)
        .into_iter()
        .find_map(|declaration| match declaration {
            Declaration::Function(function) => Some(function),
            _ => None,
        });
    found.unwrap()
}

#[test]
fn layout_and_comments_do_not_count() {
    same(
        "func f() { g(1, 2) }",
        "func f() {\n\t// why\n\tg(\n\t\t1,\n\t\t2, /* two */\n\t);\n}",
    );
    same("const a = 1", "const (\n\ta = 1 // one\n)");
    same("var (\n\ta int\n\tb = 2\n)", "var a int\nvar b = 2");
    same(
        "type t struct {\n\ta, b int\n}",
        "type t struct { a, b int }",
    );
    same("func f() { x := `a\r\nb` }", "func f() { x := `a\nb` }");
}

#[test]
fn what_the_parts_of_a_header_are_does_count() {
    different(
        "func f() { for i := 0; ; { } }",
        "func f() { for ; ; i := 0 { } }",
    );
    different(
        "func f() { switch g(); { } }",
        "func f() { switch g() { } }",
    );
    different("func f() { a[:1] = b }", "func f() { a[1:] = b }");
    different("func f() { return\ng() }", "func f() { return g() }");
    different("func f() { g() }", "func f() { g(); g() }");
}

#[test]
fn signatures_are_types() {
    same_function_signature(
        "func f(a, b int) (n int, err error)",
        "func f(x int, _ int) (int, error)",
    );
    same_function_signature("func f(g func(a int) (b int))", "func f(func(int) int)");
    same_function_signature("func f[T any](x T)", "func f[U any](x U)");
    same_function_signature("func f(x interface{})", "func f(x any)");
    let one = function("func f(a int, b string) {}").signature;
    for other in [
        "func f(a string, b int) {}",
        "func f(a int, b ...string) {}",
        "func f(a int, b string) int {}",
    ] {
        assert_ne!(one, function(other).signature, "{other}");
    }
    assert_ne!(
        function("func f[T any](x T) {}").signature,
        function("func f[T comparable](x T) {}").signature
    );
}

#[track_caller]
fn same_function_signature(one: &str, other: &str) {
    assert_eq!(function(one).signature, function(other).signature);
}

#[test]
fn names_of_parameters_are_the_bodys() {
    assert_ne!(
        function("func f(a, b int) { g(a) }").body,
        function("func f(b, a int) { g(a) }").body
    );
    assert_ne!(
        function("func (a T) f() {}").body,
        function("func (b T) f() {}").body
    );
}

#[test]
fn an_import_counts_by_its_path() {
    same_function(
        "import \"math/rand\"\nfunc f() { rand.Int() }",
        "import r \"math/rand\"\nfunc f() { r.Int() }",
    );
    let one = function("import \"math/rand\"\nfunc f(r rand.Source) { rand.Int() }");
    let other = function("import rand \"crypto/rand\"\nfunc f(r rand.Source) { rand.Int() }");
    assert_ne!(one.body, other.body);
    assert_ne!(one.signature, other.signature);
    let one = function("import \"github.com/a/go-redis/v9\"\nfunc f() { redis.Get() }");
    let other = function("import \"github.com/b/go-redis/v9\"\nfunc f() { redis.Get() }");
    assert_ne!(one.body, other.body);
}

#[test]
fn constants_know_their_place() {
    different("const (\n\ta = iota\n\tb\n)", "const (\n\tb = iota\n\ta\n)");
    let values: Vec<_> =
        declarations("const (\n\t_ = 7\n\ta = 1 << iota\n\tb\n\tc, d = 1, iota\n\te, f\n)")
            .into_iter()
            .filter_map(|declaration| match declaration {
                Declaration::Constant(value) => Some((value.name, value.shown)),
                _ => None,
            })
            .collect();
    let values: Vec<_> = values
        .iter()
        .map(|(name, shown)| (name.as_str(), shown.as_str()))
        .collect();
    assert_eq!(
        values,
        [
            ("_", "7"),
            ("a", "1 << iota with iota = 1"),
            ("b", "1 << iota with iota = 2"),
            ("c", "1"),
            ("d", "iota with iota = 3"),
            ("e", "1"),
            ("f", "iota with iota = 4"),
        ]
    );
}

#[test]
fn structs_have_fields() {
    let declarations =
        declarations("type t struct {\n\ta, b int `json:\"x\"`\n\t*pkg.E[int]\n\tF \"k\"\n}");
    let Declaration::Type(Type {
        shape: Shape::Struct(fields),
        ..
    }) = &declarations[0]
    else {
        panic!("{declarations:?}")
    };
    let shown: Vec<_> = fields
        .iter()
        .map(|f| {
            (
                f.name.as_str(),
                f.embedded,
                f.shown.as_str(),
                f.tag.as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", false, "int", "json:\"x\""),
            ("b", false, "int", "json:\"x\""),
            ("E", true, "*pkg.E[int]", ""),
            ("F", true, "F", "k"),
        ]
    );
}

#[test]
fn the_order_of_an_interface_does_not_count() {
    let form = |source: &str| match declarations(source).remove(0) {
        Declaration::Type(kind) => kind.form,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        form("type t interface { A(x int); B() }"),
        form("type t interface {\n\tB()\n\tA(int)\n}")
    );
    assert_ne!(
        form("type t interface { A() }"),
        form("type t interface { B() }")
    );
    assert_ne!(
        form("type t interface { ~int | string }"),
        form("type t interface { int | string }")
    );
}

#[test]
fn directives_belong_to_the_next_declaration() {
    assert_eq!(
        function("// why\n//go:noinline\n\nfunc f() {}").directives,
        ["//go:noinline"]
    );
    let values: Vec<_> = declarations("var (\n\t//go:embed a.txt\n\ta string\n\tb string\n)")
        .into_iter()
        .filter_map(|declaration| match declaration {
            Declaration::Variable(value) => Some(value.directives.len()),
            _ => None,
        })
        .collect();
    assert_eq!(values, [1, 0]);
}

#[test]
fn what_the_grammar_does_not_know_is_compared_by_tokens() {
    same("func f() { x := = 1 }", "func f() {\n x := = // x\n 1 }");
    different("func f() { x := = 1 }", "func f() { x := = 2 }");
    let (one, other) = (
        function("func f(a int) { x := = 1 }"),
        function("func f(b int) { x := = 2 }"),
    );
    assert_eq!(one.signature, other.signature);
    assert_ne!(one.body, other.body);
    same(
        "type t struct { a := int }",
        "type t struct {\n\ta := int // x\n}",
    );
    different(
        "type t struct { a := int }",
        "type t struct { a := string }",
    );
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = format!(
        "func f() {{ x = {}1{} }}",
        "(".repeat(20_000),
        ")".repeat(20_000)
    );
    declarations(&deep);
    let deep = format!("type t {}int", "[]".repeat(20_000));
    declarations(&deep);
}
