//! `fire plugin check`: the conformance suite of the plugin's kind, against its library.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use fire_host::plugins::{Kind, Library, PluginError, go_check, open};
use fire_plugin_api::conformance::{self, Report};
use fire_plugin_api::{Error, Transport};

use crate::failure::FAILED;
use crate::output::{put, say};

#[derive(Debug, Args)]
pub struct Check {
    /// The plugin's library
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Options for the plugin: a TOML table
    #[arg(long, value_name = "TOML", default_value = "")]
    options: String,
}

pub fn run(check: &Check) -> anyhow::Result<u8> {
    let library = open(&check.file, None)?;
    let about = &library.about;
    let kind = about.kind.with_context(|| {
        format!(
            "plugin `{}` is of a kind that this fire does not know",
            about.name
        )
    })?;
    say!("{kind} {} {}", about.name, about.version)?;
    let report = conform(&library, kind, &check.options)?;
    put!("{report}")?;
    if report.passed() {
        say!("passed {} checks", report.checks.len())?;
        return Ok(0);
    }
    let failures = report.checks.iter().filter(|check| check.failure.is_some());
    say!(
        "failed {} of {} checks",
        failures.count(),
        report.checks.len()
    )?;
    Ok(FAILED)
}

fn conform(library: &Library, kind: Kind, options: &str) -> anyhow::Result<Report> {
    let name = &library.about.name;
    let constructors = &library.constructors;
    Ok(match kind {
        Kind::Transport => {
            let transport = constructors.transport(name, options).map_err(told(name))?;
            transport_report(transport.into())?
        }
        Kind::Split => conformance::split(&*constructors.split(name, options).map_err(told(name))?),
        Kind::Policy => {
            conformance::policy(&*constructors.policy(name, options).map_err(told(name))?)
        }
    })
}

fn transport_report(transport: Arc<dyn Transport>) -> anyhow::Result<Report> {
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let mut report = conformance::transport(&transport, &directory.path().join("links"));
    report.checks.push(conformance::Check {
        rule: "the Go half builds and talks with the Rust half",
        failure: go_half(&*transport, directory.path()).err(),
    });
    Ok(report)
}

fn go_half(transport: &dyn Transport, directory: &Path) -> Result<(), String> {
    go_check::run(transport, &directory.join("go"))
}

fn told(name: &str) -> impl Fn(Error) -> PluginError + '_ {
    move |error| {
        let told = PluginError::new(format!("plugin `{name}`: {}", error.message));
        match error.hint {
            Some(hint) => told.with_hint(hint),
            None => told,
        }
    }
}
