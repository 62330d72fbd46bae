//! Plugins that misbehave at each call of each trait.

use std::sync::Arc;
use std::time::Duration;

use fire_plugin_api::policy::{Action, DrainLimits, Edit, Ending, Process, Response};
use fire_plugin_api::split::{Function, Group, Plan, Program};
use fire_plugin_api::transport::{Endpoint, GoFile, Link, LinkRequest, Side};
use fire_plugin_api::{Error, RestartPolicy, SplitStrategy, Transport};

use super::Kind;
use super::guard::{Guarded, GuardedPolicy, GuardedSplit, GuardedTransport, Watch};

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Way {
    Panics,
    Fails,
    Hangs,
    Nonsense,
}
use Way::{Fails, Hangs, Nonsense, Panics};

const WAYS: [Way; 4] = [Panics, Fails, Hangs, Nonsense];

struct Naughty(Way);

impl Naughty {
    /// Never returns a sensible answer.
    fn answer<T>(&self, nonsense: T) -> Result<T, Error> {
        match self.0 {
            Panics => panic!("naughty"),
            Fails => Err(Error::new("naughty").with_hint("be good")),
            Hangs => loop {
                std::thread::park();
            },
            Nonsense => Ok(nonsense),
        }
    }
}

/// On a busy machine the start of a thread takes a while: only what hangs is not waited for.
fn guarded<T: ?Sized + Send + Sync + 'static>(way: Way, kind: Kind, inner: Arc<T>) -> Guarded<T> {
    let patience = match way {
        Hangs => Duration::from_secs(1),
        Panics | Fails | Nonsense => Duration::from_secs(60),
    };
    Guarded::new(inner, Watch::new(kind, "naughty", patience))
}

impl SplitStrategy for Naughty {
    fn initial(&self, _: &Program) -> Result<Plan, Error> {
        let functions = vec!["no.Such".to_owned()];
        self.answer(Plan {
            groups: vec![Group { functions }],
        })
    }

    fn on_edit(&self, _: &Program, _: &[String]) -> Result<Plan, Error> {
        self.answer(Plan::default())
    }
}

#[test]
fn on_edit_decides_when_a_split_strategy_cannot() {
    let program = Program {
        functions: vec![Function {
            id: "a.F".to_owned(),
            package: "a".to_owned(),
            uses: Vec::new(),
            unmovable: None,
        }],
    };
    let edited = ["a.F".to_owned()];
    for way in WAYS {
        let make = || {
            GuardedSplit(guarded::<dyn SplitStrategy>(
                way,
                Kind::Split,
                Arc::new(Naughty(way)),
            ))
        };
        assert_eq!(make().initial(&program), Ok(Plan::default()), "{way:?}");
        let strategy = make();
        for _ in 0..2 {
            let plan = strategy.on_edit(&program, &edited).unwrap();
            assert_eq!(plan.check_edit(&program, &edited), Ok(()), "{way:?}");
        }
    }
}

impl RestartPolicy for Naughty {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        self.answer(vec![Action::Hot; edits.len()])
    }

    fn on_ending(&self, _: &Process, _: &Ending) -> Result<Response, Error> {
        self.answer(Response::RollBack)
    }

    fn drain_limits(&self) -> DrainLimits {
        let nonsense = DrainLimits {
            after_ms: None,
            generations: 0,
        };
        // The plain method has no error to return.
        self.answer(nonsense).unwrap_or(nonsense)
    }
}

#[test]
fn serious_changes_decides_when_a_policy_cannot() {
    let edit = |code: &str, swappable| Edit {
        code: code.to_owned(),
        subject: "a.F".to_owned(),
        detail: String::new(),
        swappable,
    };
    let edits = [edit("struct", false), edit("body", true)];
    for way in WAYS {
        let make = || {
            let inner: Arc<dyn RestartPolicy> = Arc::new(Naughty(way));
            GuardedPolicy::new(guarded(way, Kind::Policy, inner)).unwrap()
        };
        let policy = make();
        for _ in 0..2 {
            let actions = policy.judge(&edits).unwrap();
            assert_eq!(actions, [Action::Restart, Action::Hot], "{way:?}");
        }
        let response = make().on_ending(&Process::App, &Ending::Exited(1));
        assert_eq!(response, Ok(Response::Stop), "{way:?}");
        assert!(make().drain_limits().generations > 0, "{way:?}");
    }
}

/// A transport whose links misbehave.
struct Links(Way);

impl Transport for Links {
    fn go_half(&self) -> Vec<GoFile> {
        vec![GoFile {
            name: "lane.go".to_owned(),
            source: "package lane".to_owned(),
        }]
    }

    fn create(&self, _: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        Ok(Box::new(Naughty(self.0)))
    }
}

impl Transport for Naughty {
    fn go_half(&self) -> Vec<GoFile> {
        self.answer(Vec::new()).unwrap_or_default()
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        self.answer(())?;
        Links(Nonsense).create(request)
    }
}

impl Link for Naughty {
    fn descriptor(&self, _: Side) -> String {
        self.answer("two\nlines".to_owned()).unwrap_or_default()
    }

    fn attached(&self) -> Result<(), Error> {
        self.answer(())
    }

    fn close(&self, _: &str) {
        let _ = self.answer(());
    }

    fn attach(&self, _: Side) -> Result<Box<dyn Endpoint>, Error> {
        Err(Error::new("naughty"))
    }
}

#[test]
fn a_transports_failure_names_it_and_the_call() {
    let request = LinkRequest {
        generation: 1,
        directory: "/nowhere".into(),
    };
    for way in WAYS {
        let inner: Arc<dyn Transport> = Arc::new(Naughty(way));
        let error = GuardedTransport::new(guarded(way, Kind::Transport, inner))
            .err()
            .unwrap();
        assert!(
            error
                .message
                .starts_with("transport `naughty`: `go_half`: "),
            "{way:?}: {error}"
        );
        let inner: Arc<dyn Transport> = Arc::new(Links(way));
        let transport = GuardedTransport::new(guarded(way, Kind::Transport, inner)).unwrap();
        let error = transport.create(&request).err().unwrap();
        assert!(
            error
                .message
                .starts_with("transport `naughty`: `descriptor`: "),
            "{way:?}: {error}"
        );
    }
}

#[test]
fn what_did_not_answer_is_not_asked_again() {
    let watch = Watch::new(Kind::Policy, "naughty", Duration::from_millis(20));
    let error = watch
        .call("judge", || Naughty(Hangs).answer(()))
        .unwrap_err();
    assert_eq!(
        error.message,
        "restart policy `naughty`: `judge`: did not answer within 0.02 s"
    );
    let error = watch.call("judge", || Ok(())).unwrap_err();
    assert!(error.message.ends_with("is not called: it failed before"));
}
