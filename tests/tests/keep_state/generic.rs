//! Generic functions and methods of generic types, added, removed and changed.

use crate::session::{MAIN, Session};

/// The running binary has no instance of what is added, nor of what has another signature: callers bring it along.
#[test]
fn generic_functions_come_and_go() {
    let mut session = Session::start();
    let swapped = session.swaps(
        "main.go",
        &[
            ("return join(loud,", "return join(pick(loud, \"x\"),"),
            (
                "func reply(",
                "func pick[T any](a, b T) T { return a }\n\nfunc reply(",
            ),
        ],
    );
    assert_eq!(swapped, ["app.pick", "app.reply"]);
    session.answers("b", "hello!-b");
    assert_eq!(
        session.swaps("main.go", &[("T { return a }", "T { return b }")]),
        ["app.pick"]
    );
    session.answers("c", "x-c");
    // Another signature, with what calls it; in a goroutine; and a value of it that home keeps.
    session.swaps(
        "store/store.go",
        &[
            ("words []string\n}", "words []string\n}\n\nvar kept func(string) string\n\nfunc Keep(f func(string) string) func(string) string {\n\tif kept == nil {\n\t\tkept = f\n\t}\n\treturn kept\n}"),
            ("return s.show()", "return Keep(func(s string) string { return s })(s.show())"),
        ],
    );
    session.answers("d", "x-d");
    let swapped = session.swaps(
        "main.go",
        &[
            (
                "func pick[T any](a, b T) T { return b }",
                "func pick[N, T any](n N, list ...T) string { return fmt.Sprint(n, len(list)) }",
            ),
            (
                "join(pick(loud, \"x\"),",
                "join(later(pick[int, string], len(word), loud, \"x\"),",
            ),
            (
                "func reply(",
                "func later[N any](f func(N, ...string) string, n N, list ...string) string {\n\tout := make(chan string)\n\tgo func() { out <- f(n, list...) }()\n\treturn <-out\n}\n\nfunc reply(",
            ),
        ],
    );
    assert_eq!(swapped, ["app.later", "app.pick", "app.reply"]);
    session.answers("e", "1 2-e");
    // One that nothing uses, then a generic caller does.
    session.saves(
        "main.go",
        &[(
            "func reply(",
            "func bang[T ~string](t T) T { return t + \"?\" }\n\nfunc reply(",
        )],
        "nothing",
    );
    let swapped = session.swaps("main.go", &[("return <-out", "return bang(<-out)")]);
    assert_eq!(swapped, ["app.later"]);
    session.answers("f", "1 2?-f");
    session.swaps("main.go", &[("t + \"?\"", "t + \"!\"")]);
    session.answers("g", "1 2!-g");
    session.project.write("main.go", MAIN);
    session.fire.expect("reverted");
    session.answers("h", "hello!-h");
}

/// What the running binary holds is generic: it gets another body, another signature, a method more, and comes back.
#[test]
fn generic_functions_of_the_running_program_change() {
    let main = MAIN
        .replace(
            "func reply(",
            "func pick[T any](a, b T) T { return a }\n\n\
             type pair[A, B any] struct {\n\ta A\n\tb B\n}\n\n\
             func (p pair[A, B]) first() A { return p.a }\n\nfunc reply(",
        )
        .replace(
            "join(loud, v.",
            "join(pick(pair[string, int]{loud, 1}.first(), \"x\"), v.",
        );
    let mut session = Session::start_with(&main);
    // By another name of its type parameter it is the same function.
    let swapped = session.swaps(
        "main.go",
        &[("pick[T any](a, b T) T", "pick[E any](a, b E) E")],
    );
    assert_eq!(swapped, ["app.pick"]);
    session.answers("b", "hello!-b");
    session.swaps("main.go", &[("E { return a }", "E { return b }")]);
    session.answers("c", "x-c");
    session.swaps(
        "main.go",
        &[
            ("pick[E any](a, b E) E", "pick[E any](n int, a, b E) E"),
            (
                "pick(pair[string, int]{loud, 1}.first(),",
                "pick(3, pair[string, int]{loud, 1}.second(),",
            ),
            (
                "func reply(",
                "func (p pair[A, B]) second() A { return p.a }\n\nfunc reply(",
            ),
            (
                "E { return b }",
                "E {\n\tif n > 2 {\n\t\treturn a\n\t}\n\treturn b\n}",
            ),
        ],
    );
    session.answers("c", "hello!-c");
    session.swaps(
        "main.go",
        &[(
            "second() A { return p.a }",
            "second() A {\n\tvar none A\n\treturn none\n}",
        )],
    );
    session.answers("d", "-d");
    session.swaps(
        "main.go",
        &[
            ("second() A {", "second(or A) A {"),
            ("\tvar none A\n\treturn none", "\treturn or"),
            (".second(),", ".second(\"or\"),"),
        ],
    );
    session.answers("e", "or-e");
    // What it was compiled with, but for a body.
    session
        .project
        .write("main.go", &main.replace("T { return a }", "T { return b }"));
    session.fire.expect("swapped");
    session.fire.expect("reverted");
    session.answers("f", "x-f");
    session.project.write("main.go", &main);
    session.fire.expect("reverted");
    session.answers("g", "hello!-g");
}
