//! The command line. fire's own options come first; from the first word that is none of them, and no
//! package, everything belongs to the app.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Hot reload for Go that keeps the process's state.
#[derive(Debug, Parser)]
#[command(
    name = "fire",
    version,
    about,
    after_help = "Exit codes: 0 ended with `q` or done; 1 failed; 2 wrong usage or fire.toml; \
                  3 no usable Go; 129, 130, 143 ended by SIGHUP, Ctrl-C, SIGTERM."
)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Work in DIR instead of the current directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Read FILE instead of fire.toml
    #[arg(short = 'c', value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How home and workers talk: shm, pipe, tcp, or a plugin's name
    #[arg(long, value_name = "NAME", global = true)]
    pub transport: Option<String>,
    /// Which functions move: on-edit, per-function, per-package, or a plugin's name
    #[arg(long, value_name = "NAME", global = true)]
    pub split: Option<String>,
    /// What an edit leads to: serious-changes, keep-state, or a plugin's name
    #[arg(long, value_name = "NAME", global = true)]
    pub policy: Option<String>,
    /// Write every event to FILE, one JSON object a line
    #[arg(long, value_name = "FILE", global = true)]
    pub events: Option<PathBuf>,
    /// Say more
    #[arg(short, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Say nothing but what went wrong
    #[arg(short, global = true)]
    pub quiet: bool,
    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    pub color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the program in this directory (the default)
    Run(Run),
    /// Write a commented fire.toml, with what an .air.toml says
    Init(Init),
    /// What could keep fire from working here, and the cure
    Doctor,
    /// The edits between two trees and the action they lead to; runs nothing
    Diff(Diff),
    /// Every function: whether it can move, or why not
    Plan(Plan),
    /// Where a function runs, whether it can move, and who uses it
    Explain(Explain),
    /// The module's own tests, plain and with its functions moved, compared
    Verify(Verify),
    /// Round trips, calls and operations, beside the machine's own floor; half a minute
    Bench(Bench),
    /// An example service: started, edited, shown to keep its state; a minute at the most
    Demo(Demo),
    /// How things are in the fire that runs in this directory
    Status(Status),
    /// Take the last swap of the fire that runs in this directory back; the next save goes on
    Undo,
    /// Make, install, show, remove and check plugins
    Plugin(crate::commands::plugin::Plugin),
}

#[derive(Debug, Args)]
pub struct Bench {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Plan {
    /// Packages, as `go list` takes them
    #[arg(value_name = "PACKAGES")]
    pub packages: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// Its id (import/path.(*T).Method), or the end of one
    #[arg(value_name = "FUNCTION")]
    pub function: String,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// Packages, as `go list` takes them
    #[arg(value_name = "PACKAGES")]
    pub packages: Vec<String>,
    /// Run only the tests that match, as in `go test -run`
    #[arg(long, value_name = "PATTERN")]
    pub run: Option<String>,
    /// Ask the tests to be short
    #[arg(long)]
    pub short: bool,
    /// Run each test this many times
    #[arg(long, value_name = "N")]
    pub count: Option<u32>,
    /// Move this function alone; may be given several times
    #[arg(long, value_name = "FUNCTION")]
    pub only: Vec<String>,
    /// Find the function that makes the first difference of each package
    #[arg(long)]
    pub bisect: bool,
    /// Run the benchmarks that match too, plain and moved
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = ".")]
    pub bench: Option<String>,
    /// Seconds that one package's plain tests may take; moved, they may be 60 times slower on top of it
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
    /// Seconds after which a package's busiest functions run at home again, so that its tests end; 0: never
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub budget: u64,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Write it even if there is one
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The tree as it was
    #[arg(value_name = "OLD_DIR")]
    pub old: PathBuf,
    /// The tree as it is
    #[arg(value_name = "NEW_DIR")]
    pub new: PathBuf,
    /// Build tags that hold
    #[arg(long, value_name = "TAG,...", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Run {
    /// Look for changes every MS milliseconds instead of being told
    #[arg(long, value_name = "MS", num_args = 0..=1, require_equals = true, default_missing_value = "500")]
    pub poll: Option<u64>,
    /// What to run: a directory (./cmd/server), Go files, or an import path of the module
    #[arg(long, hide = true)]
    pub package: Vec<String>,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// Words that are commands; everything else runs the program.
const COMMANDS: [&str; 13] = [
    "run", "help", "init", "doctor", "diff", "plugin", "plan", "explain", "verify", "bench",
    "demo", "status", "undo",
];
/// fire's options that take a value.
const VALUED: [&str; 7] = [
    "-C",
    "-c",
    "--transport",
    "--split",
    "--policy",
    "--events",
    "--color",
];
/// fire's options that take none.
const PLAIN: [&str; 8] = ["-v", "-vv", "-vvv", "-q", "-h", "--help", "-V", "--version"];

/// Parses, or ends with clap's message.
pub fn parse(words: Vec<OsString>) -> Arguments {
    Arguments::parse_from(sort(words))
}

/// Puts the words into the order that clap understands: options, `run`, packages, `--`, the app's.
fn sort(words: Vec<OsString>) -> Vec<OsString> {
    let mut words = words.into_iter();
    let mut sorted: Vec<OsString> = words.next().into_iter().collect();
    let mut rest = words.peekable();
    let mut directory = PathBuf::from(".");
    let mut running = false;
    let mut packages: Vec<OsString> = Vec::new();
    let mut pass: Vec<OsString> = Vec::new();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy().into_owned();
        if text == "--" {
            pass.extend(rest.by_ref());
        } else if VALUED.contains(&text.as_str()) {
            let value = rest.next();
            if text == "-C"
                && let Some(value) = &value
            {
                directory = PathBuf::from(value);
            }
            sorted.push(word);
            sorted.extend(value);
        } else if PLAIN.contains(&text.as_str())
            || VALUED
                .iter()
                .any(|option| text.starts_with(&format!("{option}=")))
            || text == "--poll"
            || text.starts_with("--poll=")
        {
            if text.starts_with("--poll") && !running {
                sorted.push("run".into());
                running = true;
            }
            sorted.push(word);
        } else if !running && packages.is_empty() && COMMANDS.contains(&text.as_str()) {
            sorted.push(word);
            if text != "run" {
                sorted.extend(rest.by_ref());
                return sorted;
            }
            running = true;
        } else if is_package(&directory, &text, !packages.is_empty()) {
            packages.push(word);
        } else {
            pass.push(word);
            pass.extend(rest.by_ref());
        }
    }
    if !running {
        sorted.push("run".into());
    }
    for package in packages {
        sorted.push("--package".into());
        sorted.push(package);
    }
    if !pass.is_empty() {
        sorted.push("--".into());
        sorted.extend(pass);
    }
    sorted
}

/// Whether a word says what to run, as `go run` would take it: a path that begins with a dot, a Go
/// file, or an import path.
fn is_package(directory: &Path, word: &str, after_first: bool) -> bool {
    if word.ends_with(".go") && !word.starts_with('-') {
        return directory.join(word).is_file();
    }
    if after_first {
        return false;
    }
    if word == "." || word.starts_with("./") || word.starts_with("../") {
        return true;
    }
    if Path::new(word).is_absolute() {
        return Path::new(word).is_dir();
    }
    // `example.com/shop/cmd/server`: the first element of a module's path holds a dot.
    !word.starts_with('-')
        && !word.contains("://")
        && word
            .split_once('/')
            .is_some_and(|(host, path)| host.contains('.') && !path.is_empty())
        && !directory.join(word).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, packages: &[&str], arguments: &[&str]) {
        let words = line.split(' ').map(OsString::from).collect();
        let parsed = Arguments::try_parse_from(sort(words)).unwrap();
        let Command::Run(run) = parsed.command else {
            panic!("{line}: not run")
        };
        assert_eq!(run.package, packages, "{line}");
        assert_eq!(run.arguments, arguments, "{line}");
    }

    #[test]
    fn what_is_not_fires_is_the_apps() {
        check("fire", &[], &[]);
        check("fire run", &[], &[]);
        check("fire ./cmd/server", &["./cmd/server"], &[]);
        check(
            "fire ./cmd/server -port 80",
            &["./cmd/server"],
            &["-port", "80"],
        );
        check("fire -port 80 -v", &[], &["-port", "80", "-v"]);
        check("fire -v serve --verbose", &[], &["serve", "--verbose"]);
        check("fire run . -- run", &["."], &["run"]);
        check("fire -- -v --help", &[], &["-v", "--help"]);
        check(
            "fire run -q --poll=100 example.com/a/cmd x",
            &["example.com/a/cmd"],
            &["x"],
        );
        check(
            "fire --poll http://example.com/x",
            &[],
            &["http://example.com/x"],
        );
        check(
            "fire -C /nowhere --events e.jsonl none.go",
            &[],
            &["none.go"],
        );
    }
}
