//! `fire verify` on modules made for it: every kind of test, and everything that can go wrong with one.

mod sources;

use fire_tests::driver::Project;
use serde_json::{Value, json};

use sources::{EACH, EACH_TESTS, LIBRARY, OUTSIDE, TESTS};

fn verify(project: &Project, arguments: &[&str]) -> (i32, Value, String) {
    let mut all = vec!["verify", "--json"];
    all.extend(arguments);
    let (code, stdout, stderr) = project.fire_once(&all);
    let report =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
    (code, report, stderr)
}

fn each(when_moved: &str) -> String {
    EACH_TESTS.replace("MOVED", when_moved)
}

#[test]
fn every_kind_of_test_is_compared() {
    let project = Project::new(&[
        ("shop/shop.go", LIBRARY),
        ("shop/shop_test.go", TESTS),
        ("shop/outside_test.go", OUTSIDE),
        ("shop/testdata/golden", "GOLD!"),
        (
            "shop/testdata/fuzz/FuzzShout/one",
            "go test fuzz v1\nstring(\"corpus\")\n",
        ),
        ("untested/untested.go", "package untested\n\nfunc F() {}\n"),
        (
            "tests/alone_test.go",
            "package tests\n\nimport (\n\t\"testing\"\n\n\t\"example.com/app/shop\"\n)\n\nfunc TestAlone(t *testing.T) {\n\tif shop.Shout(\"\") != \"!\" {\n\t\tt.Error()\n\t}\n}\n",
        ),
    ]);
    let (code, report, stderr) = verify(&project, &["--bench", "Shout"]);
    assert_eq!(code, 0, "{report}\n{stderr}");
    let calls = report["calls_moved"].as_u64().unwrap();
    assert!(calls > 10, "{calls}");
    assert_eq!(
        report,
        json!({
            "packages": [{
                "package": "example.com/app/shop",
                "plain": { "passed": 15, "failed": 1 },
                "moved": { "passed": 15, "failed": 1 },
                "differences": [],
            }, {
                "package": "example.com/app/tests",
                "plain": { "passed": 1, "failed": 0 },
                "moved": { "passed": 1, "failed": 0 },
                "differences": [],
            }],
            "calls_moved": calls,
            "functions_moved": 9,
            "movable": 10,
            "total": 10,
            "equal": true,
        })
    );
    assert!(stderr.contains("BenchmarkShout: "), "{stderr}");

    let (code, report, _) = verify(
        &project,
        &["--run", "TestAdd/nail", "--short", "--count", "2"],
    );
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["packages"][0]["moved"]["passed"], 4, "{report}");

    // Instances that only the tests lead to.
    let (code, report, _) = verify(&project, &["./shop", "--run", "TestPile"]);
    assert_eq!((code, &report["calls_moved"]), (0, &json!(5)), "{report}");
}

#[test]
fn a_difference_is_traced_to_the_function_that_makes_it() {
    let project = Project::new(&[
        ("each/each.go", EACH),
        ("each/each_test.go", &each("t.Error(\"moved\")")),
    ]);
    let (code, stdout, stderr) = project.fire_once(&["verify", "--bisect"]);
    assert_eq!(code, 1, "{stdout}\n{stderr}");
    for part in [
        "1 difference",
        "example.com/app/each TestTells",
        "plain: pass",
        "each_test.go:25: moved",
        "made by: example.com/app/each.Each\n",
        "alone: fire verify example.com/app/each --run '^TestTells$' --only 'example.com/app/each.Each'",
        "NOT equal: 3 of 3 functions movable, 3 moved",
    ] {
        assert!(stdout.contains(part), "no {part:?} in\n{stdout}\n{stderr}");
    }
    let (code, report, _) = verify(
        &project,
        &[
            "--only",
            "example.com/app/each.Other",
            "--only",
            "example.com/app/each.Twice",
        ],
    );
    assert_eq!(
        (code, &report["functions_moved"]),
        (0, &json!(2)),
        "{report}"
    );
    let (code, _, stderr) = project.fire_once(&["verify", "--only", "example.com/app/each.Eech"]);
    assert_ne!(code, 0);
    assert!(
        stderr.contains("the nearest is example.com/app/each.Each"),
        "{stderr}"
    );
}

#[test]
fn what_ends_one_package_does_not_end_the_run() {
    let project = Project::new(&[
        ("crash/each.go", EACH),
        ("crash/each_test.go", &each("go panic(\"gone\"); select {}")),
        ("flaky/each.go", EACH),
        (
            "flaky/each_test.go",
            &each("if Other(1) != 2 { t.Error() }").replace(
                "if Other(1) != 2",
                "data, _ := os.ReadFile(\"count\")\n\tos.WriteFile(\"count\", append(data, 'x'), 0o600)\n\tif len(data)%2 == 1",
            ).replace("import (", "import (\n\t\"os\""),
        ),
        ("hang/each.go", EACH),
        ("hang/each_test.go", &each("time.Sleep(time.Hour)").replace("import (", "import (\n\t\"time\"")),
        ("odd/odd.go", "package odd\n\nfunc F() int { return nothing }\n"),
        ("odd/odd_test.go", "package odd\n"),
        ("well/each.go", EACH),
        ("well/each_test.go", &each("")),
    ]);
    let (code, report, stderr) = verify(&project, &["--timeout", "5"]);
    assert_eq!(code, 1, "{report}\n{stderr}");
    let packages = report["packages"].as_array().unwrap();
    let of = |name: &str| {
        packages
            .iter()
            .find(|one| one["package"] == format!("example.com/app/{name}"))
            .unwrap_or_else(|| panic!("no {name} in {report}"))
    };
    let crash = &of("crash")["differences"];
    assert_eq!(crash[0]["test"], "TestTells", "{report}");
    let moved = crash[0]["moved"].as_str().unwrap();
    assert!(moved.contains("panic: gone"), "{moved}");
    assert!(moved.contains("exit status 2"), "{moved}");
    let hang = &of("hang")["differences"];
    assert_eq!(hang[0]["test"], "TestTells", "{report}");
    assert_eq!(of("flaky")["differences"], json!([]), "{report}\n{stderr}");
    assert!(
        stderr.contains("from one plain run to the next: TestFine"),
        "{stderr}"
    );
    assert_eq!(of("well")["differences"], json!([]));
    assert_eq!(of("well")["moved"]["passed"], 2);
    assert!(
        stderr.contains("left aside: example.com/app/odd"),
        "{stderr}"
    );
}

#[test]
fn a_module_of_an_old_language_version_may_hold_newer_files() {
    let project = Project::new(&[
        ("go.mod", "module example.com/app\n\ngo 1.16\n"),
        (
            "newer.go",
            "//go:build go1.23\n\npackage app\n\nimport \"iter\"\n\nfunc Up(n int) iter.Seq[int] {\n\treturn func(yield func(int) bool) {\n\t\tfor i := 0; i < n && yield(i); i++ {\n\t\t}\n\t}\n}\n",
        ),
        (
            "app_test.go",
            "//go:build go1.23\n\npackage app\n\nimport \"testing\"\n\nfunc TestUp(t *testing.T) {\n\tsum := 0\n\tfor i := range Up(4) {\n\t\tsum += i\n\t}\n\tif sum != 6 {\n\t\tt.Error(sum)\n\t}\n}\n",
        ),
    ]);
    let (code, report, stderr) = verify(&project, &[]);
    assert_eq!(code, 0, "{report}\n{stderr}");
    assert_eq!(report["functions_moved"], 1, "{report}");
}

#[test]
fn a_panic_with_nil_of_an_old_module_is_no_end_of_a_goroutine() {
    let project = Project::new(&[
        ("go.mod", "module example.com/app\n\ngo 1.17\n"),
        (
            "app.go",
            "package app\n\nfunc Panics(f func()) (panics bool, value interface{}) {\n\tpanics = true\n\tdefer func() { value = recover() }()\n\tf()\n\treturn false, nil\n}\n\nfunc Nothing() { panic(nil) }\n",
        ),
        (
            "app_test.go",
            "package app\n\nimport \"testing\"\n\nfunc TestThere(t *testing.T) {\n\tif panics, value := Panics(func() { panic(nil) }); !panics || value != nil {\n\t\tt.Error(panics, value)\n\t}\n}\n\nfunc TestHere(t *testing.T) {\n\tdefer func() {\n\t\tif r := recover(); r != nil {\n\t\t\tt.Error(r)\n\t\t}\n\t}()\n\tNothing()\n\tt.Error(\"it returned\")\n}\n\nfunc TestGoexit(t *testing.T) {\n\tPanics(t.SkipNow)\n\tt.Error(\"it returned\")\n}\n",
        ),
    ]);
    let (code, report, stderr) = verify(&project, &[]);
    assert_eq!(code, 0, "{report}\n{stderr}");
    assert_eq!(report["functions_moved"], 2, "{report}");
    assert_eq!(report["packages"][0]["moved"]["passed"], 2, "{report}");
}

#[test]
fn a_test_that_fails_because_it_is_slow_is_told_from_a_difference() {
    let tests = each("busy(900 * time.Millisecond)").replace("import (", "import (\n\t\"time\"\n")
        + "
// Several milliseconds wherever it runs.
func work() (sum int) {
	for i := range 5_000_000 {
		sum += i & 3
	}
	return sum
}

func busy(long time.Duration) {
	for begin := time.Now(); time.Since(begin) < long; {
		work()
	}
}

func TestSoon(t *testing.T) {
	begin, slow := time.Now(), moved
	Each(1, func(int) {
		work()
		if slow() {
			busy(900 * time.Millisecond)
		}
	})
	if took := time.Since(begin); took > 150*time.Millisecond {
		t.Error(took)
	}
}

func TestWrong(t *testing.T) {
	Each(1, func(int) {
		if moved() {
			t.Error(\"it has moved\")
		}
	})
}
";
    let project = Project::new(&[
        ("go.mod", "module example.com/each\n\ngo 1.24\n"),
        ("each.go", EACH),
        ("each_test.go", &tests),
    ]);
    let (code, report, stderr) = verify(&project, &["--run", "TestSoon|TestWrong"]);
    assert_eq!(code, 1, "{report}\n{stderr}");
    assert!(stderr.contains("slow: TestSoon fails moved"), "{stderr}");
    let differences = report["packages"][0]["differences"].as_array();
    let tests: Vec<_> = differences
        .into_iter()
        .flatten()
        .map(|one| &one["test"])
        .collect();
    assert_eq!(tests, ["TestWrong"], "{report}");
}
