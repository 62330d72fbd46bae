//! The fire-plugin-api that this fire was built with, as source: embedded, and laid out on this machine where a
//! plugin's crate can depend on it. So a plugin builds without a checkout of fire, and before, or without, a
//! registry that has the crate.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use fire_host::agent;
use fire_host::plugins::lock::Digest;
use fire_host::plugins::places;
use include_dir::{Dir, include_dir};
use toml::{Table, Value};

/// The crate's name, here and in a registry.
pub const NAME: &str = "fire-plugin-api";

static SOURCE: Dir = include_dir!("$CARGO_MANIFEST_DIR/../fire-plugin-api");

/// The manifest that the crate's own takes some keys from.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// The directory with the crate. It is written once: the directory's name says what is in it.
pub fn lay_out() -> anyhow::Result<PathBuf> {
    let files = files()?;
    let mut all = Vec::new();
    for (path, text) in &files {
        all.extend(path.as_os_str().as_encoded_bytes());
        all.extend(text);
    }
    let [major, minor, patch] = fire_plugin_api::version::OWN;
    let digest = Digest::of(&all).to_string();
    let directory = base().join(format!("{NAME}-{major}.{minor}.{patch}-{}", &digest[..16]));
    if directory.join("Cargo.toml").is_file() {
        return Ok(directory);
    }
    write(&directory, &files)
        .with_context(|| format!("{NAME} cannot be written to {}", directory.display()))?;
    Ok(directory)
}

/// Beside the user's plugins. Not the cache: crates refer to it.
fn base() -> PathBuf {
    match places::user() {
        Some(place) => place.directory.with_file_name("api"),
        None => agent::cache().join("api"),
    }
}

/// All of it appears at once: another fire may be doing the same.
fn write(directory: &Path, files: &[(PathBuf, Vec<u8>)]) -> std::io::Result<()> {
    let base = directory.parent().unwrap_or(directory);
    fs::create_dir_all(base)?;
    let beside = tempfile::Builder::new().prefix(".new-").tempdir_in(base)?;
    for (path, text) in files {
        let path = beside.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::File::create(path)?.write_all(text)?;
    }
    let beside = beside.keep();
    match fs::rename(&beside, directory) {
        Err(_) if directory.join("Cargo.toml").is_file() => fs::remove_dir_all(beside),
        other => other,
    }
}

fn files() -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    collect(&SOURCE, &mut files);
    for (path, text) in &mut files {
        if path.as_path() == Path::new("Cargo.toml") {
            *text = standalone(&String::from_utf8_lossy(text), WORKSPACE)?.into_bytes();
        }
    }
    files.sort();
    Ok(files)
}

fn collect(directory: &Dir, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    for file in directory.files() {
        into.push((file.path().to_path_buf(), file.contents().to_vec()));
    }
    for inner in directory.dirs() {
        collect(inner, into);
    }
}

/// A manifest that needs no workspace around it: what it inherits is written out.
fn standalone(manifest: &str, workspace: &str) -> anyhow::Result<String> {
    let mut manifest: Table = manifest.parse()?;
    let workspace: Table = workspace.parse()?;
    let shared = |section: &str| {
        workspace["workspace"]
            .get(section)
            .and_then(Value::as_table)
    };
    for section in ["package", "dependencies"] {
        let Some(keys) = manifest.get_mut(section).and_then(Value::as_table_mut) else {
            bail!("{NAME} has no [{section}]");
        };
        for (key, value) in keys.iter_mut() {
            if value.get("workspace").is_some() {
                *value = shared(section)
                    .and_then(|shared| shared.get(key))
                    .with_context(|| format!("the workspace has no {key}"))?
                    .clone();
            }
        }
    }
    // How fire itself is linted is none of a plugin's business.
    manifest.remove("lints");
    manifest.insert("workspace".into(), Value::Table(Table::new()));
    Ok(toml::to_string(&manifest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_inherited_from_a_workspace() {
        let files = files().unwrap();
        let find = |name: &str| files.iter().find(|(path, _)| path == Path::new(name));
        let manifest = String::from_utf8(find("Cargo.toml").unwrap().1.clone()).unwrap();
        let table: Table = manifest.parse().unwrap();
        assert_eq!(table["package"]["name"].as_str(), Some(NAME));
        assert_eq!(table["package"]["edition"].as_str(), Some("2024"));
        assert_eq!(
            table["dependencies"]["abi_stable"]["version"].as_str(),
            Some("=0.11.3")
        );
        assert!(!manifest.contains("workspace = true"), "{manifest}");
        assert!(find("src/lib.rs").is_some());
    }
}
