//! `fire plugin add`: gets a plugin's crate, builds it with cargo, installs its library and writes down
//! what it was.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::Args;
use fire_host::plugins::lock::{Digest, Entry, Lock, replace};
use fire_host::plugins::{image, places};

use super::api;
use super::manifest::{asks_a_registry, forget_foreign_path, patch};
use crate::args::Common;
use crate::output::say;

#[derive(Debug, Args)]
pub struct Add {
    /// A crate of the registry, with a version if it is not the newest: NAME or NAME@VERSION
    #[arg(
        value_name = "CRATE",
        required_unless_present_any = ["path", "git"],
        conflicts_with_all = ["path", "git"]
    )]
    package: Option<String>,
    /// A crate in a directory
    #[arg(long, value_name = "DIR", conflicts_with = "git")]
    path: Option<PathBuf>,
    /// A crate in a Git repository
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// Install for all of your projects, not only for this one
    #[arg(long)]
    user: bool,
}

pub fn run(common: &Common, add: &Add) -> anyhow::Result<u8> {
    let scratch = tempfile::tempdir().context("no temporary directory")?;
    let api = api::lay_out()?;
    let (manifest, target, source) = fetch(add, scratch.path(), &api)?;
    let library = build(&manifest, target.as_deref(), &api)?;
    let bytes =
        fs::read(&library).with_context(|| format!("{} cannot be read", library.display()))?;
    let about = image::read(&library, &bytes)?;
    let kind = about.kind.with_context(|| {
        format!(
            "plugin `{}` is of a kind that this fire does not know",
            about.name
        )
    })?;

    let directory = super::install_place(common, add.user)?.directory;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .with_context(|| format!("{} cannot be made", directory.display()))?;
    let mut lock = Lock::read(&directory)?;
    let path = directory.join(places::installed_name(&about.name));
    replace(&path, &bytes, 0o700)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    let [major, minor, patch] = about.api;
    let entry = Entry {
        kind: kind.key().to_owned(),
        version: about.version.clone(),
        api: format!("{major}.{minor}.{patch}"),
        source,
        sha256: Digest::of(&bytes),
    };
    lock.plugin.insert(about.name.clone(), entry);
    lock.write(&directory).with_context(|| {
        format!(
            "{} cannot be written",
            directory.join("lock.toml").display()
        )
    })?;
    say!(
        "installed the {kind} {} {} in {}",
        about.name,
        about.version,
        directory.display()
    )?;
    say!(
        "  use it      {} = \"{}\" in fire.toml",
        kind.key(),
        about.name
    )?;
    Ok(0)
}

/// The crate's manifest, where to build it if not in its own target directory, and what the lock file
/// says of its origin.
fn fetch(
    add: &Add,
    scratch: &Path,
    api: &Path,
) -> anyhow::Result<(PathBuf, Option<PathBuf>, String)> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(_) => None,
        None => Some(scratch.join("target")),
    };
    if let Some(path) = &add.path {
        let manifest = path.join("Cargo.toml");
        let manifest = manifest
            .canonicalize()
            .with_context(|| format!("{} cannot be read", manifest.display()))?;
        return Ok((manifest, None, format!("path {}", path.display())));
    }
    if let Some(url) = &add.git {
        let checkout = scratch.join("checkout");
        let status = Command::new("git")
            .args(["clone", "--quiet", "--depth", "1", "--"])
            .arg(url)
            .arg(&checkout)
            .status()
            .context("git does not run")?;
        if !status.success() {
            bail!("git could not clone {url}");
        }
        let manifest = checkout.join("Cargo.toml");
        forget_foreign_path(&manifest)?;
        return Ok((manifest, target, format!("git {url}")));
    }
    let package = add.package.as_deref().unwrap_or_default();
    let manifest = from_registry(package, scratch, api)?;
    Ok((manifest, target, format!("crate {package}")))
}

/// cargo downloads what a package depends on, so a package is made that depends on the plugin. The plugin's
/// source is copied out of cargo's cache, which nobody should build in.
fn from_registry(package: &str, scratch: &Path, api: &Path) -> anyhow::Result<PathBuf> {
    let (name, version) = package.split_once('@').unwrap_or((package, "*"));
    let asking = scratch.join("asking");
    fs::create_dir_all(asking.join("src"))?;
    fs::write(asking.join("src/lib.rs"), "")?;
    let wanted = match version {
        "*" => "*".to_owned(),
        exact => format!("={exact}"),
    };
    let manifest = format!(
        "[package]\nname = \"asking\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{name:?} = {wanted:?}\n\n[workspace]\n"
    );
    fs::write(asking.join("Cargo.toml"), manifest)?;
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--config"])
        .arg(patch(api))
        .arg("--manifest-path")
        .arg(asking.join("Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not run: a plugin is built with Rust, see https://rustup.rs")?;
    if !output.status.success() {
        bail!("cargo has no crate {package}");
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let found = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|found| found["name"] == name)
        .and_then(|found| found["manifest_path"].as_str())
        .with_context(|| format!("cargo does not say where {name} is"))?;
    let cached = Path::new(found)
        .parent()
        .with_context(|| format!("{found} has no directory"))?;
    let copy = scratch.join("source");
    copy_tree(cached, &copy)?;
    Ok(copy.join("Cargo.toml"))
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_tree(&entry.path(), &target)?,
            false => {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}

/// Builds the crate; gives its library. cargo's own messages go to the terminal.
fn build(manifest: &Path, target: Option<&Path>, api: &Path) -> anyhow::Result<PathBuf> {
    let mut command = Command::new("cargo");
    command
        .args([
            "build",
            "--release",
            "--lib",
            "--message-format=json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(manifest)
        // The crate's own toolchain file and cargo configuration count.
        .current_dir(manifest.parent().unwrap_or(Path::new(".")))
        .stderr(Stdio::inherit());
    if let Some(target) = target {
        command.arg("--target-dir").arg(target);
    }
    if asks_a_registry(manifest)? {
        command.arg("--config").arg(patch(api));
    }
    let output = command
        .output()
        .context("cargo does not run: a plugin is built with Rust, see https://rustup.rs")?;
    if !output.status.success() {
        bail!("the plugin does not build");
    }
    let manifest = manifest.canonicalize()?;
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|message| {
            message["reason"] == "compiler-artifact"
                && message["manifest_path"]
                    .as_str()
                    .is_some_and(|path| Path::new(path) == manifest)
        })
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| {
            file.to_string_lossy()
                .ends_with(std::env::consts::DLL_SUFFIX)
        })
        .context(
            "the crate builds no shared library: its Cargo.toml needs `crate-type = [\"cdylib\"]`",
        )
}
