//! `fire init`: writes a commented `fire.toml`, with what an `.air.toml` says.

mod air;

use anyhow::Context;

use crate::args::{Common, Init};
use crate::output::say;

const EXAMPLE: &str = include_str!("../../../fire.toml.example");

/// Writes the file and says what was taken over.
pub fn run(common: &Common, options: &Init) -> anyhow::Result<u8> {
    let root = super::run::root(common)?;
    let path = common
        .config
        .clone()
        .unwrap_or_else(|| root.join("fire.toml"));
    if path.exists() && !options.force {
        anyhow::bail!(
            "{} exists already; `fire init --force` writes it anew",
            path.display()
        );
    }
    let air = root.join(".air.toml");
    let taken = match std::fs::read_to_string(&air) {
        Ok(text) => Some(air::read(&text).with_context(|| air.display().to_string())?),
        Err(_) => None,
    };
    let settings = taken.as_ref().map_or(&[][..], |taken| &taken.settings);
    std::fs::write(&path, compose(settings))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    say!("wrote {}", path.display())?;
    if let Some(taken) = taken {
        for setting in &taken.settings {
            say!("  from .air.toml: {}", setting.shown())?;
        }
        for left in &taken.left_out {
            say!("  not taken over: {left}")?;
        }
    }
    Ok(0)
}

/// One key that differs from the default.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    table: &'static str,
    key: &'static str,
    value: toml::Value,
}

impl Setting {
    fn shown(&self) -> String {
        let table = if self.table.is_empty() {
            String::new()
        } else {
            format!("{}.", self.table)
        };
        format!("{table}{} = {}", self.key, self.value)
    }
}

/// The example, with these settings in place of the defaults.
fn compose(settings: &[Setting]) -> String {
    let mut composed = String::from(
        "# Made by `fire init`. Every key is optional; those below have their defaults.\n",
    );
    let mut table = String::new();
    let mut skipping = true;
    for line in EXAMPLE.lines() {
        // The example's own heading says what is no longer so.
        if skipping {
            skipping = !line.is_empty();
            if !skipping {
                composed.push('\n');
            }
            continue;
        }
        let bare = line.strip_prefix("#: ").unwrap_or(line);
        if let Some(name) = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            table = name.to_owned();
        }
        let key = bare.split_once(" = ").map(|(key, _)| key);
        let setting = settings
            .iter()
            .find(|setting| setting.table == table && Some(setting.key) == key);
        match setting {
            Some(setting) => composed.push_str(&format!("{} = {}", setting.key, setting.value)),
            None if bare != line => composed.push_str(&format!("# {bare}")),
            None => composed.push_str(line),
        }
        composed.push('\n');
    }
    composed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let path = std::path::Path::new("fire.toml");
        let plain = fire_host::config::parse(path, &compose(&[])).unwrap();
        assert_eq!(plain.build, fire_host::config::Build::default());
        let settings = [
            Setting {
                table: "",
                key: "package",
                value: "./cmd/x".into(),
            },
            Setting {
                table: "build",
                key: "race",
                value: true.into(),
            },
            Setting {
                table: "run",
                key: "args",
                value: vec!["a \"b\""].into(),
            },
        ];
        let text = compose(&settings);
        let set = fire_host::config::parse(path, &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(set.package.0, ["./cmd/x"]);
        assert!(set.build.race);
        assert_eq!(set.run.args, ["a \"b\""]);
    }
}
