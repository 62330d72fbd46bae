//! `fire plan` and `fire explain`: what can move, without running anything.

use std::collections::BTreeMap;

use fire_host::engine::Engine;
use fire_host::engine::trial::Reading;
use fire_host::facts::Function;
use fire_host::project::Project;
use fire_host::setup::{Request, settle_modules};
use serde_json::json;

use crate::args::{Common, Explain, Plan};
use crate::output::say;

/// Lists every function.
pub fn run(common: &Common, options: &Plan) -> anyhow::Result<u8> {
    let project = project(common, options.packages.clone())?;
    let (reading, groups) = with_engine(&project, async |engine, reading| {
        let groups = engine.initial_groups(&reading.functions)?;
        Ok((reading, groups))
    })?;
    let total = reading.functions.len();
    let movable = reading
        .functions
        .iter()
        .filter(|function| function.reason.is_none())
        .count();
    if options.json {
        let functions: Vec<_> = reading
            .functions
            .iter()
            .map(|function| {
                json!({
                    "id": function.id, "file": project.shown(&function.file), "line": function.line,
                    "movable": function.reason.is_none(), "reason": function.reason,
                })
            })
            .collect();
        say!(
            "{}",
            json!({ "functions": functions, "movable": movable, "total": total, "groups": groups })
        )?;
        return Ok(0);
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for function in &reading.functions {
        match &function.reason {
            None => say!("movable    {}", function.id)?,
            Some(code) => {
                *reasons.entry(code).or_default() += 1;
                say!(
                    "{code:<10} {}: {}",
                    function.id,
                    function.detail.as_deref().unwrap_or("")
                )?;
            }
        }
    }
    let share = if total == 0 {
        100.0
    } else {
        movable as f64 * 100.0 / total as f64
    };
    say!("{movable} of {total} functions can be moved ({share:.1}%)")?;
    for (code, count) in reasons {
        say!("  {code}: {count}")?;
    }
    Ok(0)
}

/// Tells all about one function.
pub fn explain(common: &Common, options: &Explain) -> anyhow::Result<u8> {
    let project = project(common, Vec::new())?;
    let wanted = options.function.clone();
    let (found, users) = with_engine(&project, async move |engine, reading| {
        let matching: Vec<Function> = reading
            .functions
            .into_iter()
            .filter(|function| {
                function.id == wanted
                    || function.id.ends_with(&format!(".{wanted}"))
                    || function.id.ends_with(&format!("/{wanted}"))
            })
            .collect();
        let users = match matching.as_slice() {
            [one] => engine.users_of(&one.id).await?,
            _ => Vec::new(),
        };
        Ok((matching, users))
    })?;
    let [function] = found.as_slice() else {
        let names: Vec<&str> = found.iter().map(|function| function.id.as_str()).collect();
        anyhow::bail!(
            "{}",
            if names.is_empty() {
                format!("there is no function `{}`", options.function)
            } else {
                format!("`{}` could be {}", options.function, names.join(" or "))
            }
        );
    };
    say!("{}", function.id)?;
    say!("  at {}:{}", project.shown(&function.file), function.line)?;
    match (&function.reason, &function.detail) {
        (None, _) => {
            say!("  can be moved: an edit of its body is swapped, the process keeps its state")?
        }
        (Some(code), detail) => say!(
            "  cannot be moved ({code}: {}): an edit of its body restarts the program",
            detail.as_deref().unwrap_or("")
        )?,
    }
    say!("  an edit of its parameters or results restarts the program")?;
    if users.is_empty() {
        say!("  no other function of the program names it")?;
    } else {
        say!("  used by {}", users.join(", "))?;
    }
    Ok(0)
}

fn project(common: &Common, packages: Vec<String>) -> anyhow::Result<Project> {
    Ok(settle_modules(Request {
        root: super::run::root(common)?,
        packages,
        transport: common.transport.clone(),
        split: common.split.clone(),
        policy: common.policy.clone(),
        ..Request::default()
    })?)
}

fn with_engine<T>(
    project: &Project,
    work: impl AsyncFnOnce(&mut Engine, Reading) -> Result<T, String>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime
        .block_on(async {
            let mut engine = Engine::new(project).map_err(|degraded| degraded.message)?;
            let outcome = match engine.read().await? {
                Ok(reading) => work(&mut engine, reading).await,
                Err(findings) => Err(findings
                    .iter()
                    .map(|finding| {
                        format!(
                            "{}:{}:{}: {}",
                            finding.file, finding.line, finding.col, finding.message
                        )
                    })
                    .collect::<Vec<_>>()
                    .join("\n")),
            };
            engine.finish().await;
            outcome
        })
        .map_err(anyhow::Error::msg)
}
