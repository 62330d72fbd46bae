//! `fire plugin …`: makes, installs, shows, removes and checks plugins.

mod add;
mod api;
mod check;
mod list;
mod manifest;
mod new;
mod remove;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use fire_host::plugins::{Place, Places, places};
use fire_host::state::DIRECTORY;

use crate::args::Common;

/// Makes, installs, shows, removes and checks plugins. A plugin runs with your rights: install only what
/// you trust.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a crate for a new plugin, which builds and works as it is
    New(new::New),
    /// Build a plugin with cargo and install it
    Add(add::Add),
    /// Show the plugins that fire would find
    List,
    /// Remove an installed plugin
    Remove(remove::Remove),
    /// Run the conformance suite against a plugin's library
    Check(check::Check),
}

/// Runs the command; gives the exit code.
pub fn run(common: &Common, plugin: Plugin) -> anyhow::Result<u8> {
    match plugin.command {
        Command::New(new) => new::run(common, &new),
        Command::Add(add) => add::run(common, &add),
        Command::List => list::run(common),
        Command::Remove(remove) => remove::run(common, &remove),
        Command::Check(check) => check::run(&check),
    }
}

fn root(common: &Common) -> anyhow::Result<PathBuf> {
    let directory = common.directory.clone().unwrap_or_else(|| ".".into());
    std::path::absolute(&directory).with_context(|| format!("{}", directory.display()))
}

fn project_places(common: &Common) -> anyhow::Result<Places> {
    Ok(Places::of(&root(common)?.join(DIRECTORY)))
}

/// Where a plugin is installed: for this project, or for all of the user's.
fn install_place(common: &Common, user: bool) -> anyhow::Result<Place> {
    if user {
        return places::user().context("neither XDG_DATA_HOME nor HOME is set");
    }
    Ok(places::project(&root(common)?.join(DIRECTORY)))
}
