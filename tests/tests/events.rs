//! Every event there is, held against `schema/events.json`. (The driver does the same with every event
//! that a real fire emits.)

use fire_host::event::{Event, Record};
use fire_host::swap::{Diagnostic, Reason, Stage, WorkerAction};
use fire_tests::schema;

fn every() -> Vec<Event> {
    let functions = || vec!["example.com/app.(*T).M".to_owned()];
    let reasons = vec![Reason {
        code: "struct".into(),
        subject: "example.com/app.T".into(),
        detail: "field A added".into(),
    }];
    let failed = |stage, generation| Event::Failed {
        stage,
        diagnostics: vec![Diagnostic {
            file: "a.go".into(),
            line: 1,
            col: 2,
            message: "undefined: x".into(),
        }],
        running: generation != Some(0),
        generation,
        ms: 1,
    };
    let exited = |action| Event::WorkerExited {
        functions: functions(),
        generation: 1,
        cause: "signal: killed".into(),
        action,
    };
    vec![
        Event::Ready {
            pid: 1,
            functions: 2,
            movable: 1,
            ms: 3,
        },
        Event::Batch {
            files: vec!["a.go".into()],
        },
        Event::Swapped {
            functions: functions(),
            generation: 1,
            worker_pid: 2,
            ms: 3,
            stages: [("compile".to_owned(), 2)].into(),
        },
        Event::Reverted {
            functions: functions(),
            ms: 1,
        },
        Event::Restarted {
            pid: 1,
            ms: 2,
            reasons,
            stages: [].into(),
        },
        Event::Nothing {
            codes: vec!["test".into()],
            ms: 1,
        },
        failed(Stage::Parse, None),
        failed(Stage::Typecheck, Some(3)),
        failed(Stage::Build, None),
        failed(Stage::Start, Some(0)),
        exited(WorkerAction::Respawned),
        exited(WorkerAction::RolledBack),
        exited(WorkerAction::Restart),
        exited(WorkerAction::LeftEnded),
        Event::Draining {
            functions: vec!["app.F".into()],
            generation: 1,
            worker_pid: 3,
            calls: 1,
            goroutines: 0,
            closures: 2,
        },
        Event::Drained { generation: 1 },
        Event::AppExited {
            code: -1,
            again_ms: None,
        },
        Event::Stopped,
    ]
}

#[test]
fn every_event_is_as_the_schema_says() {
    let schema = schema::events();
    for app in [None, Some("api".to_owned())] {
        for event in every() {
            let record = Record {
                event,
                at_ms: 7,
                app: app.clone(),
            };
            let value = serde_json::to_value(&record).unwrap();
            schema::check(&schema, &value).unwrap_or_else(|wrong| panic!("{value}: {wrong}"));
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_event() {
    let schema = schema::events();
    for text in [
        "{}",
        r#"{"event":"stopped"}"#,
        r#"{"event":"gone","at_ms":1}"#,
        r#"{"event":"stopped","at_ms":1,"more":2}"#,
        r#"{"event":"app_exited","at_ms":1,"code":"0"}"#,
        r#"{"event":"failed","at_ms":1,"ms":1,"stage":"build","diagnostics":[],"running":true}"#,
        r#"{"event":"batch","at_ms":-1,"files":["a"]}"#,
    ] {
        let value = serde_json::from_str(text).unwrap();
        assert!(schema::check(&schema, &value).is_err(), "{text}");
    }
}
