use super::*;
use crate::source::{BuildContext, Entry};

fn snapshot(text: &str) -> Snapshot {
    Snapshot::new(
        BuildContext::default(),
        vec![Entry::new("shop", "main.go", text)],
    )
}

#[test]
fn equal_snapshots_have_no_edits() {
    let old = snapshot("package main\nfunc main() {}\n");
    assert_eq!(diff(&old, &old.clone()), []);
}

#[test]
fn a_body() {
    let old = snapshot("package main\nfunc f() { g() }\n");
    let new = snapshot("package main\nfunc f() { h() }\n");
    let edits = diff(&old, &new);
    assert_eq!(edits.len(), 1);
    assert_eq!(
        (edits[0].code, edits[0].subject.as_str()),
        ("body", "shop.f")
    );
    assert_eq!(edits[0].functions, ["shop.f"]);
}
