//! What a plugin's Cargo.toml says of fire-plugin-api, and where cargo is to find that instead.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::api;

/// For cargo's `--config`: what asks a registry for fire-plugin-api gets the copy that fire carries, if the version fits.
pub fn patch(api: &Path) -> String {
    let path = toml::Value::from(api.display().to_string());
    format!("patch.crates-io.{}.path={path}", api::NAME)
}

/// How a crate depends on fire-plugin-api.
fn dependency(manifest: &toml::Table) -> Option<&toml::Value> {
    manifest.get("dependencies")?.get(api::NAME)
}

/// Whether its fire-plugin-api is to come from a registry. cargo would warn of a patch without use.
pub fn asks_a_registry(manifest: &Path) -> anyhow::Result<bool> {
    let said = || format!("{} cannot be read", manifest.display());
    let table: toml::Table = fs::read_to_string(manifest)
        .with_context(said)?
        .parse()
        .with_context(said)?;
    Ok(dependency(&table).is_some_and(|dependency| {
        ["path", "git"]
            .iter()
            .all(|key| dependency.get(key).is_none())
    }))
}

/// A crate that `fire plugin new` made names the copy of fire-plugin-api on its author's machine. In a checkout of
/// our own, on another machine, the version beside it counts.
pub fn forget_foreign_path(manifest: &Path) -> anyhow::Result<()> {
    let said = || format!("{} cannot be read", manifest.display());
    let text = fs::read_to_string(manifest).with_context(said)?;
    let mut table: toml::Table = text.parse().with_context(said)?;
    let directory = manifest.parent().unwrap_or(Path::new("."));
    let foreign = dependency(&table)
        .and_then(|dependency| dependency.get("path")?.as_str())
        .is_some_and(|path| !directory.join(path).is_dir());
    if !foreign {
        return Ok(());
    }
    for section in ["dependencies", "dev-dependencies"] {
        let keys = table
            .get_mut(section)
            .and_then(|section| section.get_mut(api::NAME))
            .and_then(toml::Value::as_table_mut);
        if let Some(keys) = keys {
            keys.remove("path");
            keys.entry("version").or_insert_with(|| "1".into());
        }
    }
    fs::write(manifest, toml::to_string(&table)?)
        .with_context(|| format!("{} cannot be written", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(dependency: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("Cargo.toml");
        let text = format!(
            "[package]\nname = \"x\"\n[dependencies]\nfire-plugin-api = {dependency}\n\
             [dev-dependencies]\nfire-plugin-api = {dependency}\n"
        );
        fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[test]
    fn only_a_version_asks_a_registry() {
        for (dependency, asks) in [
            ("\"1\"", true),
            ("{ version = \"1\", features = [\"conformance\"] }", true),
            ("{ path = \"../api\" }", false),
            ("{ git = \"https://example.com/fire\" }", false),
        ] {
            let (_directory, path) = manifest(dependency);
            assert_eq!(asks_a_registry(&path).unwrap(), asks, "{dependency}");
        }
    }

    #[test]
    fn a_path_of_another_machine_is_forgotten_and_one_of_this_stays() {
        let (directory, path) = manifest("{ version = \"1.2\", path = \"/nowhere/at/all\" }");
        forget_foreign_path(&path).unwrap();
        let said = fs::read_to_string(&path).unwrap();
        assert!(!said.contains("nowhere") && said.contains("1.2"), "{said}");
        assert!(asks_a_registry(&path).unwrap());

        let own = format!("{{ path = {:?} }}", directory.path().display().to_string());
        let (_directory, path) = manifest(&own);
        let before = fs::read_to_string(&path).unwrap();
        forget_foreign_path(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }
}
