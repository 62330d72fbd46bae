//! `fire diff OLD_DIR NEW_DIR`: what a change would lead to, without running anything.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use fire_host::classify::{self, report::Report};
use fire_host::discover;
use fire_host::plugins::{Places, Registry};
use fire_host::project::PluginChoice;
use fire_host::source::{BuildContext, Snapshot, new_syntax_errors};

use crate::args::{Common, Diff};
use crate::failure::Usage;

/// Prints the edits and the action on stdout.
pub fn run(common: &Common, options: &Diff) -> anyhow::Result<u8> {
    let base = common.directory.clone().unwrap_or_default();
    let context = context(&options.tags);
    let old = tree(&base.join(&options.old), &context)?;
    let new = tree(&base.join(&options.new), &context)?;
    refuse_broken(&old, &new)?;
    // An empty name is the default's.
    let name = common.policy.clone().unwrap_or_default();
    let choice = PluginChoice {
        name,
        ..PluginChoice::default()
    };
    let registry = Registry::new(Places::of(&base.join(".fire")));
    let policy = registry.policy(&choice)?;
    let report = classify::report(&old, &new, policy.as_ref()).context("the policy failed")?;
    let text = if options.json {
        serde_json::to_string(&report)?
    } else {
        told(&report)
    };
    // A reader that has gone away has read enough.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
    Ok(0)
}

fn tree(directory: &Path, context: &BuildContext) -> anyhow::Result<Snapshot> {
    if !directory.is_dir() {
        return Err(Usage(format!("{} is not a directory", directory.display())).into());
    }
    Ok(discover::read(directory, context.clone())?)
}

/// What is not Go leads to nothing: the app keeps running what it has.
fn refuse_broken(old: &Snapshot, new: &Snapshot) -> anyhow::Result<()> {
    let mut told = Vec::new();
    for file in new.files().filter(|file| file.is_built()) {
        let before = old.file(file.path());
        if before.is_none_or(|before| before.bytes() != file.bytes()) {
            let errors = new_syntax_errors(before.map(|before| &**before), file);
            told.extend(errors.iter().map(|error| {
                format!(
                    "{}:{}:{}: {}",
                    error.file, error.line, error.col, error.message
                )
            }));
        }
    }
    if told.is_empty() {
        Ok(())
    } else {
        bail!("the new tree is not Go:\n{}", told.join("\n"))
    }
}

/// This machine's, or what GOOS and GOARCH say; `-tags` added.
fn context(tags: &[String]) -> BuildContext {
    let mut context = BuildContext::default();
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(os) = set("GOOS") {
        context.os = os;
    }
    if let Some(architecture) = set("GOARCH") {
        context.architecture = architecture;
    }
    if set("CGO_ENABLED").as_deref() == Some("0") {
        context.tags.clear();
    }
    context.tags.extend(tags.iter().cloned());
    context
}

/// One line an edit, aligned; the action last.
fn told(report: &Report) -> String {
    let width = report
        .edits
        .iter()
        .map(|edit| edit.code.len())
        .max()
        .unwrap_or_default();
    let mut lines: Vec<String> = report
        .edits
        .iter()
        .map(|edit| {
            let line = format!("{:width$}  {}", edit.code, edit.subject);
            // `body shop.Total: body` would say it twice.
            if edit.detail == "body" {
                line
            } else {
                format!("{line}: {}", edit.detail)
            }
        })
        .collect();
    lines.push(match report.action {
        "hot" => format!("hot: {}", report.functions.join(", ")),
        other => other.to_string(),
    });
    lines.join("\n")
}
