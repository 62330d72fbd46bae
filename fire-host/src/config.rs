//! `fire.toml`: every key optional, every mistake told with its place and the nearest valid name.
//! `fire.toml.example` shows all of it.

mod choice;
mod dotenv;
mod layout;
mod mistake;

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::Signal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub use choice::Choice;
pub use dotenv::{EnvError, parse as parse_env};
pub use mistake::Mistake;

/// Name of the file.
pub const FILE: &str = "fire.toml";

/// A whole `fire.toml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What to build.
    pub package: Packages,
    /// The transport plugin.
    pub transport: Choice,
    /// The split strategy.
    pub split: Choice,
    /// The restart policy.
    pub policy: Choice,
    /// How to build.
    pub build: Build,
    /// How to run.
    pub run: Run,
    /// What to watch.
    pub watch: Watching,
    /// Commands for files that the Go build does not read.
    pub on_change: Vec<Rule>,
    /// Several apps of one project.
    pub app: Vec<AppTable>,
}

impl Config {
    /// The keys under which another one says something else, as the file writes them.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let keys = [
            ("package", self.package != other.package),
            ("transport", self.transport.plugin != other.transport.plugin),
            ("split", self.split.plugin != other.split.plugin),
            ("policy", self.policy.plugin != other.policy.plugin),
            ("[build]", self.build != other.build),
            ("[run]", self.run != other.run),
            ("[watch]", self.watch != other.watch),
            ("[[on_change]]", self.on_change != other.on_change),
            ("[[app]]", self.app != other.app),
        ];
        keys.into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(key, _)| key)
            .collect()
    }
}

/// `[build]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Build {
    /// `-tags`.
    pub tags: Vec<String>,
    /// `-race`.
    pub race: bool,
    /// `-ldflags`.
    pub ldflags: String,
    /// `-gcflags`.
    pub gcflags: String,
    /// Whether debuggers find what they need in the binary.
    pub debug: bool,
    /// More flags for `go build`.
    pub flags: Vec<String>,
    /// Environment of the go command.
    pub env: BTreeMap<String, String>,
    /// Commands before each build.
    pub before: Vec<String>,
    /// Commands after each build that succeeded.
    pub after: Vec<String>,
}

/// `[run]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// The app's arguments.
    pub args: Vec<String>,
    /// Its working directory.
    pub dir: String,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Files of `KEY=value` lines; those that do not exist are passed over.
    pub env_files: Vec<String>,
    /// What asks it to end.
    #[serde(deserialize_with = "signal")]
    pub stop_signal: Signal,
    /// How long it may take, in milliseconds.
    pub grace_ms: u64,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            args: Vec::new(),
            dir: ".".into(),
            env: BTreeMap::new(),
            env_files: vec![".env".into()],
            stop_signal: Signal::TERM,
            grace_ms: 5_000,
        }
    }
}

/// `[watch]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watching {
    /// More files that restart the app.
    pub include: Vec<String>,
    /// Files and directories that never matter.
    pub exclude: Vec<String>,
    /// Whether .gitignore is respected.
    pub gitignore: bool,
    /// How long nothing may happen before a batch is taken.
    pub lull_ms: u64,
    /// Look instead of being told.
    pub poll: bool,
    /// How often.
    pub poll_ms: u64,
}

impl Default for Watching {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            gitignore: true,
            lull_ms: 20,
            poll: false,
            poll_ms: 500,
        }
    }
}

/// `[[on_change]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Patterns as in .gitignore.
    pub files: Vec<String>,
    /// A command for the shell.
    pub run: String,
}

/// `[[app]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppTable {
    /// Shown before each of its lines.
    pub name: String,
    /// What to build.
    #[serde(default)]
    pub package: Packages,
    /// Instead of the common `[build]`.
    pub build: Option<Build>,
    /// Instead of the common `[run]`.
    pub run: Option<Run>,
}

/// One package, or Go files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages(pub Vec<String>);

impl<'de> Deserialize<'de> for Packages {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(from)? {
            toml::Value::String(one) => Ok(Self(vec![one])),
            toml::Value::Array(several) => several
                .into_iter()
                .map(|item| match item {
                    toml::Value::String(text) => Ok(text),
                    other => Err(D::Error::custom(format!(
                        "expected a string, found {other}"
                    ))),
                })
                .collect::<Result<_, _>>()
                .map(Self),
            other => Err(D::Error::custom(format!(
                "expected a package (\"./cmd/server\") or a list of Go files, found {other}"
            ))),
        }
    }
}

/// Signals that may ask an app to end.
const SIGNALS: [(&str, Signal); 6] = [
    ("SIGTERM", Signal::TERM),
    ("SIGINT", Signal::INT),
    ("SIGQUIT", Signal::QUIT),
    ("SIGHUP", Signal::HUP),
    ("SIGKILL", Signal::KILL),
    ("SIGUSR1", Signal::USR1),
];

fn signal<'de, D: Deserializer<'de>>(from: D) -> Result<Signal, D::Error> {
    const NAMES: [&str; 6] = [
        "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGKILL", "SIGUSR1",
    ];
    let name = String::deserialize(from)?;
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, signal)| *signal)
        .ok_or_else(|| D::Error::unknown_variant(&name, &NAMES))
}

/// Reads the text of a `fire.toml`; `path` is what mistakes are shown with.
pub fn parse(path: &Path, text: &str) -> Result<Config, Box<Mistake>> {
    let config: Config =
        toml::from_str(text).map_err(|error| Box::new(Mistake::of(path, text, &error)))?;
    let mut names: Vec<&str> = Vec::new();
    for app in &config.app {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if app.name.is_empty() || !app.name.chars().all(plain) {
            let message = format!(
                "an app's name is made of letters, digits, - and _, not {:?}",
                app.name
            );
            return Err(Box::new(Mistake::at(
                path,
                text,
                &quoted(&app.name),
                message,
            )));
        }
        if names.contains(&app.name.as_str()) {
            let message = format!("two apps are called {:?}", app.name);
            return Err(Box::new(Mistake::at_last(
                path,
                text,
                &quoted(&app.name),
                message,
            )));
        }
        names.push(&app.name);
    }
    Ok(config)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = parse(Path::new("fire.toml"), text).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        check(
            "[build]\nrace = true\ntag = [\"x\"]\n",
            "fire.toml:3:1: unknown key `tag`\n  3 | tag = [\"x\"]\n    | ^^^\n  did you mean `tags`?",
        );
        check(
            "[biuld]\n",
            "fire.toml:1:2: unknown key `biuld`\n  1 | [biuld]\n    |  ^^^^^\n  did you mean `build`?",
        );
        check(
            "[build]\nrace = \"yes\"\n",
            "fire.toml:2:8: string \"yes\", expected a boolean\n  2 | race = \"yes\"\n    |        ^^^^^",
        );
        check(
            "[run]\nstop_signal = \"SIGTREM\"\n",
            "fire.toml:2:15: `SIGTREM` is none of `SIGTERM`, `SIGINT`, `SIGQUIT`, `SIGHUP`, `SIGKILL`, `SIGUSR1`\n  2 | stop_signal = \"SIGTREM\"\n    |               ^^^^^^^^^\n  did you mean `SIGTERM`?",
        );
        check(
            "[[app]]\nname = \"a b\"\n",
            "fire.toml:2:8: an app's name is made of letters, digits, - and _, not \"a b\"\n  2 | name = \"a b\"\n    |        ^^^^^",
        );
        check(
            "[[app]]\nname = \"a\"\n[[app]]\nname = \"a\"\n",
            "fire.toml:4:8: two apps are called \"a\"\n  4 | name = \"a\"\n    |        ^^^",
        );
    }

    #[test]
    fn broken_toml_has_a_place_too() {
        for text in [
            "[build\n",
            "a = \n",
            "x",
            "\u{0}",
            "[run]\nargs = [\"a\", \n",
            "é = 1",
            "[[on_change]]\n",
        ] {
            let error = parse(Path::new("fire.toml"), text).unwrap_err().to_string();
            assert!(error.starts_with("fire.toml:"), "{text:?}: {error}");
        }
    }

    #[test]
    fn plugins_take_a_name_or_a_table() {
        let text = "transport = \"pipe\"\n[policy]\nname = \"mine\"\npath = \"p.so\"\nlimit = 3\n";
        let config = parse(Path::new("fire.toml"), text).unwrap();
        assert_eq!(config.transport.plugin(text, "shm").name, "pipe");
        assert_eq!(config.split.plugin(text, "on-edit").name, "on-edit");
        let policy = config.policy.plugin(text, "serious-changes");
        assert_eq!(policy.name, "mine");
        assert_eq!(policy.path.unwrap(), Path::new("p.so"));
        assert_eq!(
            policy.options, "\n\nlimit = 3\n",
            "on its own line after the header"
        );
        assert_eq!(policy.line, Some(2));
    }

    #[test]
    fn the_example_shows_every_key_with_its_default() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fire.toml.example"));
        let text = std::fs::read_to_string(path).unwrap();
        // Keys that have no default are commented out with `#: `, the others are set.
        let set = parse(Path::new("fire.toml.example"), &text).unwrap_or_else(|e| panic!("{e}"));
        let default = Config::default();
        assert_eq!(
            (&set.build, &set.run, &set.watch),
            (&default.build, &default.run, &default.watch)
        );
        assert_eq!(set.transport.plugin(&text, "").name, "shm");
        assert_eq!(set.split.plugin(&text, "").name, "on-edit");
        assert_eq!(set.policy.plugin(&text, "").name, "serious-changes");
        let all: String = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let all = parse(Path::new("fire.toml.example"), &all).unwrap_or_else(|e| panic!("{e}"));
        assert!(!all.on_change.is_empty() && !all.app.is_empty() && !all.package.0.is_empty());
    }

    #[test]
    fn nothing_panics() {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../fire.toml.example"))
                .unwrap();
        for cut in 0..text.len() {
            if text.is_char_boundary(cut) {
                let _ = parse(Path::new("x"), &text[..cut]).map_err(|error| error.to_string());
            }
        }
    }
}
