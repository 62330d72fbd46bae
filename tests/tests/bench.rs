//! `fire bench`: every figure is there, and nothing is left behind. How large they are is for people to judge.

use fire_tests::driver::Project;

#[test]
fn every_figure_is_measured_and_nothing_is_left_behind() {
    // No program, no module: it needs neither.
    let project = Project::empty();
    let temporary = tempfile::tempdir().unwrap();
    let (code, out, err) =
        project.fire_once_with(&["bench", "--json"], &[("TMPDIR", temporary.path())]);
    assert_eq!(code, 0, "{out}{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    for transport in ["shm", "pipe", "tcp"] {
        let figures = &report["transports"][transport];
        for key in ["p50_ns", "p99_ns", "p999_ns", "floor_p50_ns", "ratio"] {
            assert!(figures[key].as_f64().unwrap() > 0.0, "{transport} {key}");
        }
        let of = |key: &str| figures[key].as_f64().unwrap();
        assert!((of("ratio") - of("p50_ns") / of("floor_p50_ns")).abs() < 0.01);
        assert!(of("p50_ns") <= of("p999_ns"));
    }
    for key in ["null_call_ns", "load_ns", "map_get_ns", "ping_pong_ns"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert!(report["native_check_ns"].as_f64().unwrap() >= 0.0);
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let left: Vec<_> = std::fs::read_dir(project.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
