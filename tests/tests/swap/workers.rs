//! Workers that are killed, hang, or use too much memory, and what their functions do then.

use rustix::process::Signal;
use serde_json::Value;

use crate::{started, started_with};

fn kill(worker: &Value) {
    let number = worker.as_i64().and_then(|pid| i32::try_from(pid).ok());
    let worker = number.and_then(rustix::process::Pid::from_raw);
    let worker = worker.expect("a worker has a process id");
    rustix::process::kill_process(worker, Signal::KILL).expect("the worker runs");
}

#[test]
fn a_killed_worker_is_replaced() {
    let (project, mut fire, _) = started();
    project.replace("main.go", "\"/\"", "\"|\"");
    let swapped = fire.expect("swapped");
    fire.types("b\n").prints("answer 0 B|b");
    kill(&swapped["worker_pid"]);
    let exited = fire.until(|event| event["event"] == "worker_exited");
    assert_eq!(exited["action"], "respawned", "{exited}");
    fire.types("c\n").prints("answer 1 C|b,c");
    project.replace("main.go", "\"|\"", "\"+\"");
    fire.until(|event| event["event"] == "swapped");
    fire.types("d\n").prints("answer 2 D+b,c,d");
}

#[test]
fn a_worker_that_is_not_replaced_leaves_its_functions_to_the_generation_before() {
    let (project, mut fire, _) =
        started_with("policy = { name = \"serious-changes\", respawns = 0 }\n");
    fire.types("b\n").prints("answer 0 B/b");
    project.replace("main.go", "\"/\"", "\"|\"");
    let first = fire.expect("swapped");
    project.replace("main.go", "\"|\"", "\"+\"");
    let second = fire.expect("swapped");
    fire.types("c\n").prints("answer 1 C+b,c");
    kill(&second["worker_pid"]);
    let exited = fire.expect("worker_exited");
    assert_eq!(exited["action"], "rolled-back", "{exited}");
    fire.types("d\n").prints("answer 2 D|b,c,d");
    kill(&first["worker_pid"]);
    fire.expect("worker_exited");
    fire.types("e\n").prints("answer 3 E/b,c,d,e");
    // The next save tries again, whatever it is about.
    project.replace("main.go", "v.n++", "v.n++ // counted");
    fire.expect("swapped");
    fire.types("f\n").prints("answer 4 F+b,c,d,e,f");
}

#[test]
fn a_worker_that_hangs_or_takes_too_much_memory_is_ended() {
    let (project, mut fire, _) = started_with(
        "[policy]\nname = \"serious-changes\"\nrespawns = 0\nhang-after-ms = 600\nmemory-mb = 100\n",
    );
    fire.types("b\n").prints("answer 0 B/b");
    let begin = "\treturn strings.ToUpper(word)";
    let hang = format!("\tfor word == \"loop\" {{\n\t}}\n{begin}");
    project.replace("main.go", begin, &hang);
    fire.expect("swapped");
    fire.types("loop\n").prints(
        "answer 1 panicked: fire: the worker running example.com/app.describe died (hung for ",
    );
    assert_eq!(fire.expect("worker_exited")["action"], "rolled-back");
    fire.types("c\n").prints("answer 2 C/b,c,loop");
    let grow = "\tfor text := \"\"; len(text) < 1<<28 && word == \"grow\"; {\n\t\ttext += strings.Repeat(word, 1<<18)\n\t}\n";
    project.replace("main.go", &hang, &format!("{grow}{begin}"));
    fire.expect("swapped");
    fire.types("grow\n")
        .prints("died (it used more than 100 MB of memory)");
    assert_eq!(fire.expect("worker_exited")["action"], "rolled-back");
    fire.types("d\n").prints("answer 4 D/b,c,d,grow,loop");
}

#[test]
fn an_endless_loop_is_cured_by_the_next_save() {
    let policy =
        "[policy]\nname = \"serious-changes\"\nhang-after-ms = 0\nold-hang-after-ms = 500\n";
    let (project, mut fire, _) = started_with(policy);
    let begin = "\treturn strings.ToUpper(word)";
    let hang = format!("\tfor word == \"loop\" {{\n\t}}\n{begin}");
    project.replace("main.go", begin, &hang);
    let looping = fire.expect("swapped");
    fire.types("loop\n");
    project.replace("main.go", &hang, "\treturn strings.ToLower(word)");
    fire.expect("swapped");
    fire.prints("answer 0 panicked: fire: the worker running example.com/app.describe died (superseded, and hung for ");
    let exited = fire.expect("worker_exited");
    assert_eq!(
        (&exited["generation"], &exited["action"]),
        (&looping["generation"], &"left-ended".into())
    );
    fire.types("B\n").prints("answer 1 b/B,loop");
}
