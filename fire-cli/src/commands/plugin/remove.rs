//! `fire plugin remove`.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, bail};
use clap::Args;
use fire_host::plugins::lock::Lock;
use fire_host::plugins::{nearest, places};

use crate::args::Common;
use crate::output::say;

#[derive(Debug, Args)]
pub struct Remove {
    /// The plugin's name
    name: String,
    /// Remove it from what is installed for all of your projects
    #[arg(long)]
    user: bool,
}

pub fn run(common: &Common, remove: &Remove) -> anyhow::Result<u8> {
    let directory = super::install_place(common, remove.user)?.directory;
    let mut lock = Lock::read(&directory)?;
    if lock.plugin.remove(&remove.name).is_none() {
        let names: Vec<&str> = lock.plugin.keys().map(String::as_str).collect();
        match nearest(&remove.name, &names) {
            Some(near) => bail!("no plugin `{}` is installed; is it `{near}`?", remove.name),
            None => bail!(
                "no plugin `{}` is installed in {}",
                remove.name,
                directory.display()
            ),
        }
    }
    let path = directory.join(places::installed_name(&remove.name));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
        }
        _ => {}
    }
    lock.write(&directory).with_context(|| {
        format!(
            "{} cannot be written",
            directory.join("lock.toml").display()
        )
    })?;
    say!("removed {}", remove.name)?;
    Ok(0)
}
