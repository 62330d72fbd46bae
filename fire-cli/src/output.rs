//! Where a session's tellings go: lines on stderr, objects in the `--events` file. And what the other commands print on
//! stdout.

use std::fs::File;
use std::io::{IsTerminal, Write};

use anyhow::Context;
use fire_host::event::{Level, Told};
use fire_host::supervise::Terminal;

use crate::args::{Color, Common};
use crate::render::{self, Paint, Verbosity};

/// One line on stdout.
macro_rules! say {
    ($($part:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($part)*))) };
}

/// Text on stdout.
macro_rules! put {
    ($($part:tt)*) => { $crate::output::write(format_args!($($part)*)) };
}

pub(crate) use {put, say};

/// What a command has to say could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the output cannot be written: {0}")]
pub struct Unsaid(std::io::Error);

impl Unsaid {
    /// Nobody reads any more, as with `| head`: no failure worth a word.
    pub fn is_unread(&self) -> bool {
        self.0.kind() == std::io::ErrorKind::BrokenPipe
    }
}

/// What `say!` and `put!` do.
pub fn write(text: std::fmt::Arguments<'_>) -> Result<(), Unsaid> {
    std::io::stdout().lock().write_fmt(text).map_err(Unsaid)
}

/// The user's terminal and the events file.
pub struct Output {
    events: Option<File>,
    verbosity: Verbosity,
    paint: Paint,
    terminal: Terminal,
}

impl Output {
    /// As the common options have it.
    pub fn open(common: &Common) -> anyhow::Result<Self> {
        let events = match &common.events {
            None => None,
            Some(path) => Some(
                File::create(path)
                    .with_context(|| format!("{} cannot be written", path.display()))?,
            ),
        };
        let verbosity = match (common.quiet, common.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        Ok(Self {
            events,
            verbosity,
            paint: paint(common.color),
            terminal: Terminal::none(),
        })
    }

    /// The terminal whose modes the lines must suit.
    pub fn on(&mut self, terminal: Terminal) {
        self.terminal = terminal;
    }

    /// Tells it. An events file that cannot be written any more is told once and closed.
    pub fn tell(&mut self, told: &Told) {
        if let Told::Event(record) = told
            && let Some(file) = &mut self.events
        {
            let written = serde_json::to_string(record)
                .map_err(std::io::Error::from)
                // One write a line: a reader that follows the file sees whole objects.
                .and_then(|line| file.write_all(format!("{line}\n").as_bytes()));
            if let Err(error) = written {
                self.events = None;
                self.say(&format!("the events file cannot be written: {error}"));
            }
        }
        if let Some(text) = render::render(told, self.verbosity, self.paint) {
            print(&text, self.terminal.is_raw());
        }
    }

    /// One line of fire's own.
    pub fn say(&mut self, text: &str) {
        self.tell(&Told::Note {
            level: Level::Warn,
            text: text.into(),
            hint: None,
            app: None,
        });
    }
}

fn print(text: &str, raw: bool) {
    let text = if raw {
        format!("\r{}\r", text.replace('\n', "\r\n"))
    } else {
        text.to_owned()
    };
    // Nobody reads stderr: there is nobody to tell.
    let _ = std::io::stderr()
        .lock()
        .write_all(format!("{text}\n").as_bytes());
}

fn paint(color: Color) -> Paint {
    let wanted = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
        }
    };
    if wanted { Paint::Colours } else { Paint::Plain }
}
