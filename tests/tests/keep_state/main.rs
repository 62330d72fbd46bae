//! Every row of the table of edits that `keep-state` swaps and the default policy restarts for, in a running program:
//! its process and its counter stay.

mod generic;
mod session;

use fire_tests::driver::Project;

use session::{MAIN, STORE, Session, names};

#[test]
fn signatures_go_live_with_their_callers() {
    let mut session = Session::start();
    let swapped = session.swaps(
        "main.go",
        &[
            (
                "func join(a, b string) string { return a + \"-\" + b }",
                "func join(sep, a, b string) string { return a + sep + b }",
            ),
            ("join(loud,", "join(\"+\", loud,"),
        ],
    );
    assert_eq!(swapped, ["app.join", "app.reply"]);
    session.answers("b", "hello!+b");
    // Its body, later; then one that calls it; then a signature again.
    assert_eq!(
        session.swaps("main.go", &[("a + sep + b", "a + sep + sep + b")]),
        ["app.join"]
    );
    session.answers("c", "hello!++c");
    assert_eq!(
        session.swaps("main.go", &[("join(\"+\"", "join(\"=\"")]),
        ["app.reply"]
    );
    session.answers("d", "hello!==d");
    session.swaps(
        "main.go",
        &[
            ("func join(sep, a, b string) string { return a + sep + sep + b }", "func join(sep string, n int, words ...string) string {\n\treturn words[0] + sep + fmt.Sprint(n) + words[1]\n}"),
            ("join(\"=\", loud,", "join(\"=\", len(word), loud,"),
        ],
    );
    session.answers("e", "hello!=1e");
    // What is compiled in runs natively again.
    session.project.write("main.go", MAIN);
    let reverted = session.fire.expect("reverted");
    assert_eq!(names(&reverted), ["app.reply"]);
    session.answers("f", "hello!-f");
    // Edited, then of another signature, then back: what was edited first does not come back with it.
    session.swaps(
        "main.go",
        &[("return a + \"-\" + b", "return a + \"~\" + b")],
    );
    session.swaps(
        "main.go",
        &[
            ("func join(a, b string)", "func join(a, b string, _ ...int)"),
            (
                "join(loud, v.shelf.Take(word))",
                "join(loud, v.shelf.Take(word), 1)",
            ),
        ],
    );
    session.answers("f", "hello!~f");
    session.project.write("main.go", MAIN);
    session.fire.expect("reverted");
    session.answers("f", "hello!-f");
    // A method's, used from another method.
    let swapped = session.swaps(
        "store/store.go",
        &[
            ("show() string {", "show(mark string) string {"),
            (
                "s.words[len(s.words)-1] }",
                "s.words[len(s.words)-1] + mark }",
            ),
            ("s.show()", "s.show(\"?\")"),
        ],
    );
    assert_eq!(
        swapped,
        ["app/store.(*Shelf).Take", "app/store.(*Shelf).show"]
    );
    session.answers("g", "hello!-g?");
    // `main` cannot be swapped: it has been entered.
    session.restarts(
        "store/store.go",
        &[("func New()", "func New(n ...int)")],
        "signature",
    );
    session.answers("h", "hello!-h?");
}

#[test]
fn functions_come_and_go() {
    let mut session = Session::start();
    let swapped = session.swaps(
        "main.go",
        &[
            ("return join(loud,", "return twice(loud,"),
            (
                "func reply(",
                "func twice(a, b string) string { return join(a, b) + join(b, a) }\n\nfunc reply(",
            ),
        ],
    );
    assert_eq!(swapped, ["app.reply", "app.twice"]);
    session.answers("b", "hello!-bb-hello!");
    assert_eq!(
        session.swaps(
            "main.go",
            &[("join(a, b) + join", "join(a, b) + \" \" + join")]
        ),
        ["app.twice"]
    );
    session.answers("c", "hello!-c c-hello!");
    // As a value, in a goroutine, deferred, kept at home; and edited while it is kept.
    let keep = "\nfunc (s *Shelf) Keep(f func(a, b string) string) func(a, b string) string { return f }\n";
    session
        .project
        .write("store/store.go", &format!("{STORE}{keep}"));
    session.fire.expect("nothing");
    let swapped = session.swaps(
        "main.go",
        &[
            ("\treturn twice(loud, v.shelf.Take(word))", "\tif kept == nil {\n\t\tkept = v.shelf.Keep(twice)\n\t}\n\tout := make(chan string)\n\tgo tell(out, kept(\"x\", \"y\"))\n\tdefer v.shelf.Take(word)\n\treturn <-out"),
            ("func reply(", "var kept func(a, b string) string\n\nfunc tell(to chan string, text string) { to <- text }\n\nfunc reply("),
        ],
    );
    assert_eq!(
        swapped,
        ["app.reply", "app.tell", "app/store.(*Shelf).Keep"]
    );
    session.answers("d", "x-y y-x");
    session.swaps(
        "main.go",
        &[("join(a, b) + \" \" + join", "join(a, b) + \"/\" + join")],
    );
    session.answers("e", "x-y/y-x");
    // Nothing uses it, then something does.
    session.saves(
        "main.go",
        &[(
            "func reply(",
            "func late() string { return \"late\" }\n\nfunc reply(",
        )],
        "nothing",
    );
    let swapped = session.swaps("main.go", &[("return <-out", "return <-out + late()")]);
    assert_eq!(swapped, ["app.late", "app.reply"]);
    session.answers("f", "x-y/y-xlate");
    // Back to the beginning but for the variable, which stays for as long as the process does.
    let whole = MAIN.replace(
        "func reply(",
        "var kept func(a, b string) string\n\nfunc reply(",
    );
    session.project.write("main.go", &whole);
    session.fire.expect("reverted");
    session.answers("g", "hello!-g");
    // Removed, with what used it.
    let swapped = session.swaps(
        "main.go",
        &[
            (
                "func join(a, b string) string { return a + \"-\" + b }\n",
                "",
            ),
            (
                "join(loud, v.shelf.Take(word))",
                "loud + v.shelf.Take(word)",
            ),
        ],
    );
    assert_eq!(swapped, ["app.reply"]);
    session.answers("h", "hello!h");
    // A type of the running program gets no method that an interface asks for.
    session.restarts(
        "store/store.go",
        &[(
            "func New()",
            "func (s *Shelf) String() string { return \"shelf\" }\n\nfunc New()",
        )],
        "added-used",
    );
    session.answers("i", "hello!i");
}
#[test]
fn constants_are_where_they_are_used() {
    let mut session = Session::start();
    // By way of another constant, and through nothing but it.
    assert_eq!(
        session.swaps("main.go", &[("\"hello\"", "\"bye\"")]),
        ["app.reply"]
    );
    session.answers("b", "bye!-b");
    // What is added, and is a type's length afterwards: that is no matter of functions any more.
    session.swaps(
        "main.go",
        &[
            ("const loud", "const size = 3\n\nconst loud"),
            ("return join(loud,", "return join(fmt.Sprint(size, loud),"),
        ],
    );
    session.answers("c", "3bye!-c");
    session.swaps("main.go", &[("size = 3", "size = 4")]);
    session.answers("d", "4bye!-d");
    session.restarts(
        "main.go",
        &[("\tn     int\n", "\tn     int\n\trow   [size]int\n")],
        "struct",
    );
    session.restarts("main.go", &[("size = 4", "size = 5")], "const");
    session.answers("e", "5bye!-e");
}

#[test]
fn variables_are_born_once() {
    let mut session = Session::start();
    session.swaps(
        "main.go",
        &[
            ("func reply(", "var seen, limit = first(), 10\n\nvar ready = len(seen)\n\nfunc first() map[string]int {\n\tfmt.Println(\"made once\")\n\treturn map[string]int{\"start\": 1}\n}\n\nfunc reply("),
            ("\treturn join(loud,", "\tseen[word]++\n\tlimit++\n\treturn join(fmt.Sprint(ready, len(seen), limit),"),
        ],
    );
    session.fire.prints("made once");
    session.answers("b", "1 2 11-b");
    session.answers("c", "1 3 12-c");
    // The next generation meets them as they are.
    assert_eq!(
        session.swaps("main.go", &[("len(seen), limit)", "len(seen), limit*2)")]),
        ["app.reply"]
    );
    session.answers("d", "1 4 26-d");
    // In another package, and through a pointer.
    session.swaps(
        "store/store.go",
        &[
            (
                "func New()",
                "var total int\n\nfunc count() *int { return &total }\n\nfunc New()",
            ),
            (
                "\treturn s.show()",
                "\t*count() += len(word)\n\treturn s.show() + string(rune('0'+total))",
            ),
        ],
    );
    session.answers("ee", "1 5 28-ee2");
    session.answers("f", "1 6 30-f3");
    session.restarts(
        "store/store.go",
        &[("var total int", "var total int = 1")],
        "var",
    );
    session.answers("g", "1 2 22-g2");
}

#[test]
fn the_default_policy_restarts_for_each_of_them() {
    let project = Project::new(&[("main.go", MAIN), ("store/store.go", STORE)]);
    let mut fire = project.fire(&[]);
    fire.expect("ready");
    for (file, edits, code) in [
        (
            "main.go",
            [("join(a, b string)", "join(a, b string, more ...int)")].as_slice(),
            "signature",
        ),
        (
            "store/store.go",
            &[("show() string", "show(...int) string")],
            "method-signature",
        ),
        ("main.go", &[("\"hello\"", "\"bye\"")], "const"),
        (
            "main.go",
            &[
                ("const loud", "var added = 1\n\nconst loud"),
                ("v.n++", "v.n += added"),
            ],
            "var",
        ),
        (
            "main.go",
            &[
                ("const loud", "func fresh() int { return 1 }\n\nconst loud"),
                ("v.n += added", "v.n += added * fresh()"),
            ],
            "added-used",
        ),
        (
            "main.go",
            &[
                ("func fresh() int { return 1 }\n\n", ""),
                (" * fresh()", ""),
            ],
            "removed-used",
        ),
    ] {
        let mut text = std::fs::read_to_string(project.path().join(file)).unwrap();
        for (from, to) in edits {
            assert!(text.contains(from), "{file} does not contain {from:?}");
            text = text.replace(from, to);
        }
        project.write(file, &text);
        let restarted = fire.expect("restarted");
        let codes: Vec<_> = restarted["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| reason["code"].as_str().unwrap())
            .collect();
        assert!(codes.contains(&code), "{restarted}");
    }
    // What was not used when it was added is as new when something uses it.
    project.replace(
        "main.go",
        "const loud",
        "func late() int { return 1 }\n\nconst loud",
    );
    fire.expect("nothing");
    project.replace("main.go", "v.n += added", "v.n += late()");
    let restarted = fire.expect("restarted");
    assert_eq!(restarted["reasons"][0]["code"], "added-used", "{restarted}");
    // A generic one too, though it could come along.
    project.replace(
        "main.go",
        "const loud",
        "func same[T any](t T) T { return t }\n\nconst loud",
    );
    fire.expect("nothing");
    project.replace("main.go", "v.n += late()", "v.n += same(late())");
    let restarted = fire.expect("restarted");
    assert_eq!(
        (
            &restarted["reasons"][0]["code"],
            &restarted["reasons"][0]["subject"]
        ),
        (&"added-used".into(), &"example.com/app.same".into()),
        "{restarted}"
    );
}
