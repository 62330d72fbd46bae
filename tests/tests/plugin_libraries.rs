//! Plugins in libraries of their own: every built-in loads and answers as it does linked in, and a
//! library that does not fit is refused in one sentence.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use fire_host::plugins::{Kind, PluginError, Registry};
use fire_host::project::PluginChoice;
use fire_plugin_api::conformance;
use fire_plugin_api::policy::{Action, Edit, Ending, Process};
use fire_plugin_api::split::{Function, Program};
use fire_tests::plugin_libraries::{built_in, example};

fn linked_in(name: &str) -> PluginChoice {
    PluginChoice {
        name: name.to_owned(),
        ..PluginChoice::default()
    }
}

fn library(name: &str) -> PluginChoice {
    at(name, &built_in(name))
}

fn at(name: &str, path: &Path) -> PluginChoice {
    PluginChoice {
        path: Some(path.to_owned()),
        ..linked_in(name)
    }
}

#[test]
fn split_strategies_answer_alike_linked_in_and_loaded() {
    let function = |id: &str, package: &str, unmovable: Option<&str>| Function {
        id: id.to_owned(),
        package: package.to_owned(),
        uses: vec!["a.F".to_owned()],
        unmovable: unmovable.map(str::to_owned),
    };
    let program = Program {
        functions: vec![
            function("a.F", "a", None),
            function("a.G", "a", None),
            function("b.H", "b", None),
            function("b.U", "b", Some("linkname")),
        ],
    };
    let registry = Registry::builtin();
    for name in ["on-edit", "per-function", "per-package"] {
        let ours = registry.split(&linked_in(name)).unwrap();
        let theirs = registry.split(&library(name)).unwrap();
        assert_eq!(ours.initial(&program), theirs.initial(&program), "{name}");
        for edited in [vec!["a.F", "b.H"], vec![], vec!["b.U"], vec!["no.Such"]] {
            let edited: Vec<String> = edited.into_iter().map(str::to_owned).collect();
            assert_eq!(
                ours.on_edit(&program, &edited),
                theirs.on_edit(&program, &edited),
                "{name} {edited:?}"
            );
        }
    }
}

#[test]
fn policies_answer_alike_linked_in_and_loaded() {
    let codes = "nothing body method-body signature struct type added-used const var init test x";
    let edits: Vec<Edit> = codes
        .split(' ')
        .flat_map(|code| [true, false].map(|swappable| (code, swappable)))
        .map(|(code, swappable)| Edit {
            code: code.to_owned(),
            subject: "a.F".to_owned(),
            detail: "field Ünïcode".to_owned(),
            swappable,
        })
        .collect();
    let endings = [
        Ending::Exited(-1),
        Ending::Signalled(11),
        Ending::Hung(u64::MAX),
        Ending::Faulted("0xdead".to_owned()),
    ];
    let registry = Registry::builtin();
    for name in ["serious-changes", "keep-state"] {
        let ours = registry.policy(&linked_in(name)).unwrap();
        let theirs = registry.policy(&library(name)).unwrap();
        assert_eq!(ours.judge(&edits), theirs.judge(&edits), "{name}");
        assert_eq!(ours.drain_limits(), theirs.drain_limits(), "{name}");
        for ending in &endings {
            let mut processes = vec![Process::App];
            processes.extend((1..6).map(|failures| Process::Worker {
                generation: 7,
                functions: vec!["a.F".to_owned()],
                failures,
            }));
            for process in processes {
                assert_eq!(
                    ours.on_ending(&process, ending),
                    theirs.on_ending(&process, ending),
                    "{name} {process:?} {ending:?}"
                );
            }
        }
    }
}

#[test]
fn transports_carry_the_same_go_half_linked_in_and_loaded() {
    let registry = Registry::builtin();
    for name in ["shm", "pipe", "tcp"] {
        let ours = registry.transport(&linked_in(name)).unwrap();
        let theirs = registry.transport(&library(name)).unwrap();
        assert!(!ours.go_half().is_empty());
        assert_eq!(ours.go_half(), theirs.go_half(), "{name}");
    }
}

#[test]
fn every_built_in_conforms_linked_in_and_loaded() {
    let registry = Registry::builtin();
    for name in ["on-edit", "per-function", "per-package"] {
        for choice in [linked_in(name), library(name)] {
            conformance::split(&*registry.split(&choice).unwrap()).assert();
        }
    }
    for name in ["serious-changes", "keep-state"] {
        for choice in [linked_in(name), library(name)] {
            conformance::policy(&*registry.policy(&choice).unwrap()).assert();
        }
    }
    for name in ["shm", "pipe", "tcp"] {
        for choice in [linked_in(name), library(name)] {
            let directory = tempfile::tempdir().unwrap();
            let transport = registry.transport(&choice).unwrap();
            conformance::transport(&transport, directory.path()).assert();
        }
    }
}

#[test]
fn a_wrong_option_of_a_loaded_plugin_is_told_with_its_line() {
    let mut choice = library("keep-state");
    choice.options = "respawns = 2\nrespwans = 3".to_owned();
    choice.line = Some(7);
    let error = Registry::builtin().policy(&choice).err().unwrap();
    assert_eq!(error.line, Some(9));
    assert!(
        error
            .message
            .starts_with("fire.toml:9: restart policy `keep-state`: unknown field `respwans`"),
        "{error}"
    );
}

/// A copy of a good library, changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(built_in("keep-state")).unwrap();
    change(&mut bytes);
    let path = directory.path().join("keep-state.so");
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn refusal(path: &Path) -> PluginError {
    let error = Registry::builtin()
        .policy(&at("keep-state", path))
        .err()
        .unwrap();
    assert!(!error.message.contains('\n'), "one sentence: {error}");
    assert!(error.hint.is_some(), "a cure for: {error}");
    error
}

#[test]
fn a_truncated_library_is_refused_wherever_it_ends() {
    let whole = fs::metadata(built_in("keep-state")).unwrap().len() as usize;
    for eighths in 1..8 {
        let (_directory, path) = changed(|bytes| bytes.truncate(whole / 8 * eighths));
        let error = refusal(&path);
        assert!(error.message.contains("is not a plugin: it is "), "{error}");
        assert!(error.message.contains("truncated"), "{error}");
    }
    let (_directory, path) = changed(|bytes| bytes.truncate(whole - 1));
    assert!(refusal(&path).message.contains("truncated"));
}

/// Where the stamp begins, after its magic text.
fn stamp(bytes: &[u8]) -> usize {
    let magic = b"fire plugin 1\0\0\0\x01";
    let found = bytes
        .windows(magic.len())
        .rposition(|window| window == magic);
    found.unwrap() + 16
}

#[test]
fn a_plugin_for_a_later_major_version_is_refused_before_its_code_runs() {
    let (_directory, path) = changed(|bytes| {
        let at = stamp(bytes);
        bytes[at] = 2;
    });
    let error = refusal(&path);
    let begins = "plugin `keep-state` is built with fire-plugin-api 2.";
    assert!(error.message.starts_with(begins), "{error}");
    assert!(
        error.message.ends_with(", and this fire needs 1.x"),
        "{error}"
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("install a newer fire, or an older version of the plugin")
    );
}

#[test]
fn a_plugin_of_a_later_minor_version_is_loaded_if_its_types_fit() {
    let (_directory, path) = changed(|bytes| {
        let at = stamp(bytes);
        bytes[at + 4] = 9;
    });
    assert!(Registry::builtin().policy(&at("keep-state", &path)).is_ok());
}

#[test]
fn a_plugin_of_another_kind_or_name_is_refused() {
    let keep_state = built_in("keep-state");
    let registry = Registry::builtin();
    let error = registry
        .split(&at("keep-state", &keep_state))
        .err()
        .unwrap();
    assert_eq!(
        error.message,
        "plugin `keep-state` is a restart policy, and a split strategy is needed"
    );
    let error = registry.policy(&at("mine", &keep_state)).err().unwrap();
    assert_eq!(
        error.message,
        format!("the library of {} `mine` holds `keep-state`", Kind::Policy)
    );
}

#[test]
fn a_library_that_is_no_plugin_is_refused() {
    // The compiler's own driver is a shared library on every machine that builds this.
    let output = std::process::Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .unwrap();
    let directory = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let library = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|end| end == "so" || end == "dylib")
        })
        .unwrap();
    let own = tempfile::tempdir().unwrap();
    let copy = own.path().join("keep-state.so");
    fs::copy(library, &copy).unwrap();
    let error = refusal(&copy);
    assert!(
        error
            .message
            .ends_with("is not a plugin: it is a library without fire's stamp"),
        "{error}"
    );
}

#[test]
fn a_library_that_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_directory, path) = changed(|_| ());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let error = refusal(&path);
    assert!(error.message.contains("others than its owner"), "{error}");
}

fn edit(code: &str) -> Edit {
    Edit {
        code: code.to_owned(),
        subject: "a.F".to_owned(),
        detail: String::new(),
        swappable: true,
    }
}

#[test]
fn a_panic_in_a_library_is_an_error_and_the_default_decides() {
    let naughty = example("naughty");
    let registry = Registry::builtin();
    let mut choice = at("naughty", &naughty);
    let policy = registry.policy(&choice).unwrap();
    // It restarts at everything, and the default does not: that shows who decides.
    let body = [edit("body")];
    assert_eq!(policy.judge(&body), Ok(vec![Action::Restart]));
    let panicking = [edit("panic")];
    assert_eq!(policy.judge(&panicking), Ok(vec![Action::Restart]));
    assert_eq!(
        policy.judge(&body),
        Ok(vec![Action::Hot]),
        "it is not called again"
    );

    choice.options = "x = 1".to_owned();
    let error = registry.policy(&choice).err().unwrap();
    assert!(
        error
            .message
            .starts_with("restart policy `naughty`: `new` panicked at "),
        "{error}"
    );
    assert!(error.message.ends_with("naughty options"), "{error}");
}
