//! Reasons and codes in words.

use std::fmt::Write;

use fire_host::swap::Reason;

pub(super) fn why(reasons: &[Reason]) -> String {
    match reasons {
        [] => String::new(),
        [only] => format!(": {}", reason_text(only)),
        [first, rest @ ..] => format!(": {} (and {} more)", reason_text(first), rest.len()),
    }
}

pub(super) fn reason_text(reason: &Reason) -> String {
    let subject = &reason.subject;
    match reason.code.as_str() {
        "changed" => format!("{subject} changed"),
        "asked" => "asked for".into(),
        "exited" => "it had exited".into(),
        "started" => "it had not started".into(),
        "config" => format!("{subject} changed: {}", reason.detail),
        "env" => format!("{subject} changed"),
        "embedded" => format!("the embedded file {subject} changed"),
        "build" if matches!(reason.detail.as_str(), "added" | "removed" | "changed") => {
            format!("{subject} {}", reason.detail)
        }
        "unmovable-body" => format!("{subject} cannot be moved: {}", reason.detail),
        // fire's own affairs: the code is of no use to the reader.
        "engine" | "compile" | "start" | "split" | "policy" if !reason.detail.is_empty() => {
            if subject.is_empty() {
                reason.detail.clone()
            } else {
                format!("{subject}: {}", reason.detail)
            }
        }
        code => {
            let mut text = code.to_owned();
            if !subject.is_empty() {
                let _ = write!(text, " {subject}");
            }
            if !reason.detail.is_empty() {
                let _ = write!(text, ": {}", reason.detail);
            }
            text
        }
    }
}

pub(super) fn nothing(codes: &[String]) -> String {
    let mut words: Vec<&str> = codes
        .iter()
        .map(|code| match code.as_str() {
            "nothing" => "comments or layout only",
            "test" => "tests only",
            "added-unused" => "added, not used yet",
            "removed-unused" => "removed, was not used",
            "elsewhere" => "not part of this program",
            "on_change" => "ran the commands for these files",
            "config" => "fire.toml is read again",
            other => other,
        })
        .collect();
    words.dedup();
    if words.is_empty() {
        words.push("no effect");
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sentences() {
        for (code, subject, detail, expected) in [
            ("build", "go.mod", "changed", "go.mod changed"),
            (
                "build",
                "c.go",
                "its C code changed",
                "build c.go: its C code changed",
            ),
            ("env", ".env", "", ".env changed"),
            (
                "embedded",
                "web/a.css",
                "",
                "the embedded file web/a.css changed",
            ),
            ("config", "fire.toml", "[run]", "fire.toml changed: [run]"),
            ("asked", "", "", "asked for"),
            (
                "signature",
                "shop.Total",
                "a parameter added",
                "signature shop.Total: a parameter added",
            ),
            (
                "unmovable-body",
                "shop.Sum",
                "it names cgo (cgo)",
                "shop.Sum cannot be moved: it names cgo (cgo)",
            ),
            (
                "engine",
                "",
                "the facts helper has ended",
                "the facts helper has ended",
            ),
        ] {
            let reason = Reason {
                code: code.into(),
                subject: subject.into(),
                detail: detail.into(),
            };
            assert_eq!(reason_text(&reason), expected);
        }
    }
}
