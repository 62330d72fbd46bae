//! A mistake in a file of the user's: where, what, the offending text, the nearest valid name.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::swap::Diagnostic;

/// A mistake, told with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as the user would type it.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The nearest valid name, if one is near.
    pub nearest: Option<String>,
    source: String,
    length: usize,
}

impl std::error::Error for Mistake {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, .. } = self;
        write!(
            f,
            "{}:{line}:{column}: {}",
            self.file.display(),
            self.message
        )?;
        let number = line.to_string();
        let gap = " ".repeat(number.len());
        let before: String = self
            .source
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        write!(
            f,
            "\n  {number} | {}\n  {gap} | {before}{}",
            self.source,
            "^".repeat(self.length)
        )?;
        if let Some(nearest) = &self.nearest {
            write!(f, "\n  did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}

impl Mistake {
    /// As a `failed` event tells it: in one line.
    pub fn diagnostic(&self) -> Diagnostic {
        let number = |number: usize| u32::try_from(number).unwrap_or(0);
        let nearest = self.nearest.as_ref();
        let nearest = nearest.map(|name| format!(" (did you mean `{name}`?)"));
        Diagnostic {
            file: self.file.display().to_string(),
            line: number(self.line),
            col: number(self.column),
            message: format!("{}{}", self.message, nearest.unwrap_or_default()),
        }
    }

    /// What the TOML parser found.
    pub fn of(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let (message, nearest) = explain(error.message());
        Self::spanned(file, text, span, message, nearest)
    }

    /// A mistake at the first place where the file says this.
    pub fn at(file: &Path, text: &str, needle: &str, message: String) -> Self {
        let start = text.find(needle).unwrap_or(0);
        Self::spanned(file, text, start..start + needle.len(), message, None)
    }

    /// A mistake at the last place where the file says this.
    pub fn at_last(file: &Path, text: &str, needle: &str, message: String) -> Self {
        let start = text.rfind(needle).unwrap_or(0);
        Self::spanned(file, text, start..start + needle.len(), message, None)
    }

    /// A mistake at this place.
    pub fn spanned(
        file: &Path,
        text: &str,
        span: std::ops::Range<usize>,
        message: String,
        nearest: Option<String>,
    ) -> Self {
        let (line, column) = line_and_column(text, span.start);
        let source = text.lines().nth(line - 1).unwrap_or_default();
        let left = source.chars().count().saturating_sub(column - 1);
        let length = text.get(span).map_or(1, |marked| marked.chars().count());
        Self {
            file: file.to_owned(),
            line,
            column,
            message,
            nearest,
            source: source.to_owned(),
            length: length.min(left).max(1),
        }
    }
}

/// Both counted from 1, the column in characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// In the words of fire, with the nearest of the names that would have been right.
fn explain(message: &str) -> (String, Option<String>) {
    let message = message.trim_end().replace('\n', ": ");
    let unknown = |kind: &str| {
        let (name, rest) = message
            .strip_prefix(kind)?
            .strip_prefix(" `")?
            .split_once('`')?;
        let valid: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        Some((
            name.to_owned(),
            valid.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        ))
    };
    if let Some((name, valid)) = unknown("unknown field") {
        let nearest = nearest(&name, &valid);
        let mut told = format!("unknown key `{name}`");
        if nearest.is_none() && !valid.is_empty() {
            told = format!("{told}; there are `{}`", valid.join("`, `"));
        }
        return (told, nearest);
    }
    if let Some((name, valid)) = unknown("unknown variant") {
        let nearest = nearest(&name, &valid);
        return (
            format!("`{name}` is none of `{}`", valid.join("`, `")),
            nearest,
        );
    }
    (plain(&message), None)
}

/// Rust's words for types, in the user's.
fn plain(message: &str) -> String {
    [
        ("a sequence", "a list, as in [\"one\", \"two\"]"),
        ("a map", "a table"),
        ("u64", "a whole number, 0 or more"),
        ("invalid type: ", ""),
        ("invalid value: ", ""),
    ]
    .into_iter()
    .fold(message.to_owned(), |text, (from, to)| {
        text.replace(from, to)
    })
}

/// The nearest of the names, if it is near enough to be meant.
pub fn nearest<S: AsRef<str>>(name: &str, valid: &[S]) -> Option<String> {
    valid
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(name, candidate.as_ref()),
                candidate.as_ref(),
            )
        })
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
