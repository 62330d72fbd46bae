//! `fire plugin new`: the smallest plugin of a kind, as a crate of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use fire_host::plugins::Kind;

use crate::args::Common;
use crate::output::say;

#[derive(Debug, Args)]
pub struct New {
    /// The plugin's name: a directory of that name is made
    name: String,
    #[command(flatten)]
    kind: KindFlag,
    /// Use the copy of fire-plugin-api in DIR instead of the one that fire carries
    #[arg(long, value_name = "DIR")]
    api: Option<PathBuf>,
}

/// These hide the common options of the same names, which take a value: for clap they must then have the
/// same type.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct KindFlag {
    /// How home and workers talk
    #[arg(long, num_args = 0, default_missing_value = "")]
    transport: Option<String>,
    /// Which functions move, and which share a worker
    #[arg(long, num_args = 0, default_missing_value = "")]
    split: Option<String>,
    /// What a batch of edits leads to
    #[arg(long, num_args = 0, default_missing_value = "")]
    policy: Option<String>,
}

impl KindFlag {
    fn kind(&self) -> Kind {
        match (&self.transport, &self.split) {
            (Some(_), _) => Kind::Transport,
            (None, Some(_)) => Kind::Split,
            (None, None) => Kind::Policy,
        }
    }
}

pub fn run(common: &Common, new: &New) -> anyhow::Result<u8> {
    check_name(&new.name)?;
    let kind = new.kind.kind();
    let directory = super::root(common)?.join(&new.name);
    if directory.exists() {
        bail!("{} exists already", directory.display());
    }
    for (path, text) in files(&new.name, kind, &api(new.api.as_deref())?) {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    say!("made the {kind} {name} in ./{name}", name = new.name)?;
    say!("  test it     cd {} && cargo test", new.name)?;
    say!("  install it  fire plugin add --path {}", new.name)?;
    say!(
        "  use it      {} = \"{}\" in fire.toml",
        kind.key(),
        new.name
    )?;
    Ok(0)
}

/// Names are file names, crate names and words in `fire.toml`.
fn check_name(name: &str) -> anyhow::Result<()> {
    let good = name.len() < 60
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !good {
        bail!("`{name}` is no name for a plugin: use a to z, digits and `-`, a letter first");
    }
    Ok(())
}

/// How the crate depends on fire-plugin-api: by version once it is published, and here by the copy that fire carries.
fn api(given: Option<&Path>) -> anyhow::Result<String> {
    let path = match given {
        Some(path) => path
            .canonicalize()
            .with_context(|| format!("--api {}", path.display()))?,
        None => super::api::lay_out()?,
    };
    let [major, minor, _] = fire_host::plugins::API;
    Ok(format!(
        "version = \"{major}.{minor}\", path = {:?}",
        path.display().to_string()
    ))
}

/// Paths inside the new directory, and texts.
fn files(name: &str, kind: Kind, api: &str) -> Vec<(&'static str, String)> {
    let type_name: String = name
        .split('-')
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?.to_ascii_uppercase();
            Some(std::iter::once(first).chain(letters).collect::<String>())
        })
        .collect();
    let filled = |template: &str| {
        template
            .replace("NAME", name)
            .replace("TYPE", &type_name)
            .replace("KIND", &kind.to_string())
            .replace("API", api)
    };
    let library = match kind {
        Kind::Transport => include_str!("../../../templates/transport/lib.rs.in"),
        Kind::Split => include_str!("../../../templates/split/lib.rs.in"),
        Kind::Policy => include_str!("../../../templates/policy/lib.rs.in"),
    };
    let mut files = vec![
        (
            "Cargo.toml",
            filled(include_str!("../../../templates/Cargo.toml.in")),
        ),
        (".gitignore", "/target\n/Cargo.lock\n".to_owned()),
        ("src/lib.rs", filled(library)),
    ];
    if kind == Kind::Transport {
        let attach = include_str!("../../../templates/transport/go/attach.go.in");
        files.push(("go/attach.go", attach.to_owned()));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_party_plugins_are_what_new_makes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/third-party");
        for (name, kind) in [
            ("pigeon", Kind::Transport),
            ("in-company", Kind::Split),
            ("careful", Kind::Policy),
        ] {
            for (path, text) in files(
                name,
                kind,
                "version = \"1.1\", path = \"../../../fire-plugin-api\"",
            ) {
                let found = fs::read_to_string(root.join(name).join(path)).unwrap();
                assert_eq!(found, text, "{name}/{path}");
            }
        }
    }

    #[test]
    fn the_pages_for_authors_show_what_new_makes() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plugins");
        for (page, name, kind) in [
            ("transport.md", "pigeon", Kind::Transport),
            ("split.md", "in-company", Kind::Split),
            ("policy.md", "careful", Kind::Policy),
        ] {
            let text = fs::read_to_string(docs.join(page)).unwrap();
            for (path, code) in files(name, kind, "") {
                if path.ends_with(".rs") || path.ends_with(".go") {
                    assert!(text.contains(code.trim_end()), "{page}: {path} has changed");
                }
            }
        }
    }

    #[test]
    fn the_smallest_plugins_are_small_and_without_unsafe() {
        for kind in Kind::ALL {
            for (path, text) in files("x", kind, "version = \"1\"") {
                let most = match path {
                    "src/lib.rs" => 40,
                    "go/attach.go" => 60,
                    _ => continue,
                };
                let lines = text.lines().count();
                assert!(lines < most, "{kind} {path}: {lines} lines");
                assert!(!text.contains("unsafe"), "{kind} {path}");
            }
        }
    }

    #[test]
    fn names() {
        for good in ["a", "in-company", "x2"] {
            check_name(good).unwrap();
        }
        for bad in ["", "-a", "2x", "A", "a_b", "../a", "a/b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
