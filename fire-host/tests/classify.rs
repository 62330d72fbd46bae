//! Runs the cases in `tests/classify`: two trees, the edits between them, and what both policies do.
//!
//! A case is a txtar file: prose first, then `both/…`, `old/…` and `new/…` files of the module `shop`, then
//! `edits` (`code subject: detail`, one a line) and `actions` (`policy: action`). `UPDATE_CASES=1` rewrites the
//! last two with what is, to be read before it is committed.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fire_host::classify;
use fire_host::source::{BuildContext, Entry, Snapshot};
use fire_plugin_api::RestartPolicy;
use fire_policy::{KeepState, SeriousChanges};

struct Case {
    prose: String,
    files: Vec<(String, String)>,
}

impl Case {
    fn parse(text: &str) -> Self {
        let mut case = Self {
            prose: String::new(),
            files: Vec::new(),
        };
        for line in text.split_inclusive('\n') {
            let name = line
                .trim_end()
                .strip_prefix("-- ")
                .and_then(|rest| rest.strip_suffix(" --"));
            match (name, case.files.last_mut()) {
                (Some(name), _) => case.files.push((name.to_string(), String::new())),
                (None, Some((_, content))) => content.push_str(line),
                (None, None) => case.prose.push_str(line),
            }
        }
        case
    }

    fn tree(&self, side: &str) -> Snapshot {
        let context = BuildContext {
            os: "linux".into(),
            architecture: "amd64".into(),
            tags: vec!["cgo".into()],
            go_minor: 26,
            ..BuildContext::default()
        };
        let mut entries = Vec::new();
        for (name, content) in &self.files {
            let Some((of, path)) = name.split_once('/') else {
                continue;
            };
            if of != side && of != "both" {
                continue;
            }
            let package = match path.rsplit_once('/') {
                Some((directory, _)) => format!("shop/{directory}"),
                None => "shop".to_string(),
            };
            // `␍` stands for a carriage return, which editors like to take out.
            entries.push(Entry::new(package, path, content.replace('␍', "\r")));
        }
        Snapshot::new(context, entries)
    }

    fn expected(&self, name: &str) -> String {
        let file = self.files.iter().find(|(own, _)| own == name);
        file.map(|(_, content)| content.clone()).unwrap_or_default()
    }

    /// The same case with other expectations.
    fn with(&self, edits: &str, actions: &str) -> String {
        let mut text = self.prose.clone();
        for (name, content) in self.files.iter().filter(|(name, _)| name.contains('/')) {
            write!(text, "-- {name} --\n{content}").unwrap();
        }
        write!(text, "-- edits --\n{edits}-- actions --\n{actions}").unwrap();
        text
    }
}

fn edits(old: &Snapshot, new: &Snapshot) -> String {
    let mut text = String::new();
    for edit in classify::diff(old, new) {
        writeln!(text, "{} {}: {}", edit.code, edit.subject, edit.detail).unwrap();
    }
    text
}

fn actions(old: &Snapshot, new: &Snapshot) -> String {
    let policies: [(&str, Box<dyn RestartPolicy>); 2] = [
        (
            "serious-changes",
            Box::new(SeriousChanges::new("").unwrap()),
        ),
        ("keep-state", Box::new(KeepState::new("").unwrap())),
    ];
    let mut text = String::new();
    for (name, policy) in policies {
        let report = classify::report(old, new, policy.as_ref()).unwrap();
        let functions = report.functions.join(" ");
        writeln!(
            text,
            "{}",
            format!("{name}: {} {functions}", report.action).trim_end()
        )
        .unwrap();
    }
    text
}

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/classify");
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "txtar")
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_case_has_its_edits_and_actions() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut failures = String::new();
    for path in cases() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let case = Case::parse(&std::fs::read_to_string(&path).unwrap());
        assert!(
            !case.prose.trim().is_empty(),
            "{name} says nothing about itself"
        );
        let (old, new) = (case.tree("old"), case.tree("new"));
        let (edits, actions) = (edits(&old, &new), actions(&old, &new));
        let (wanted_edits, wanted_actions) = (case.expected("edits"), case.expected("actions"));
        if update {
            std::fs::write(&path, case.with(&edits, &actions)).unwrap();
        } else if (&edits, &actions) != (&wanted_edits, &wanted_actions) {
            write!(
                failures,
                "{name}\nwanted:\n{wanted_edits}{wanted_actions}got:\n{edits}{actions}\n"
            )
            .unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn there_are_enough_cases_and_each_code_has_one() {
    let texts: Vec<_> = cases()
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(texts.len() >= 120, "{} cases", texts.len());
    let edits: String = texts
        .iter()
        .map(|text| Case::parse(text).expected("edits"))
        .collect();
    for code in [
        "nothing",
        "body",
        "method-body",
        "signature",
        "method-signature",
        "struct",
        "type",
        "added-used",
        "added-unused",
        "removed-used",
        "removed-unused",
        "renamed",
        "const",
        "var",
        "init",
        "imports",
        "build",
        "embedded",
        "env",
        "test",
    ] {
        assert!(
            edits
                .lines()
                .any(|line| line.split(' ').next() == Some(code)),
            "no case for {code}"
        );
    }
}

#[test]
fn a_tree_compared_with_itself_has_no_edits() {
    for path in cases() {
        let case = Case::parse(&std::fs::read_to_string(&path).unwrap());
        for side in ["old", "new"] {
            let tree = case.tree(side);
            let again = case.tree(side);
            assert_eq!(edits(&tree, &again), "", "{}", path.display());
        }
    }
}

/// What is added one way is removed the other way, and what changes one way changes the other way.
#[test]
fn differences_mirror_each_other() {
    let mirrored = |code: &str| -> String {
        match code {
            "added-used" | "removed-used" | "added-unused" | "removed-unused" => {
                code.replace("added", "removed")
            }
            _ => code.to_string(),
        }
    };
    for path in cases() {
        let case = Case::parse(&std::fs::read_to_string(&path).unwrap());
        let (old, new) = (case.tree("old"), case.tree("new"));
        let codes = |one: &Snapshot, other: &Snapshot| {
            let mut codes: Vec<_> = classify::diff(one, other)
                .iter()
                .map(|edit| mirrored(edit.code))
                .collect();
            codes.sort();
            codes
        };
        assert_eq!(codes(&old, &new), codes(&new, &old), "{}", path.display());
    }
}
