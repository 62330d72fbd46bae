//! Reads a plugin's options: the text of its table in `fire.toml`.
//!
//! ```
//! use fire_plugin_api::{options, serde::Deserialize};
//!
//! #[derive(Deserialize)]
//! #[serde(crate = "fire_plugin_api::serde", deny_unknown_fields, default)]
//! struct Options {
//!     port: u16,
//! }
//!
//! impl Default for Options {
//!     fn default() -> Self {
//!         Self { port: 4000 }
//!     }
//! }
//!
//! let read: Options = options::read("port = 80").unwrap();
//! assert_eq!(read.port, 80);
//! let error = options::read::<Options>("\nprot = 80").err().unwrap();
//! assert_eq!(error.line, Some(2));
//! ```
//!
//! `deny_unknown_fields` is what makes a misspelt key an error; leave it in.

use serde::de::DeserializeOwned;

use crate::Error;

/// The options as the plugin's own type, or an error that quotes the key and knows its line.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| located(text, &error))
}

/// For a plugin without options: any key is an error.
pub fn none(text: &str) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct None {}
    read::<None>(text).map(drop)
}

fn located(text: &str, error: &toml::de::Error) -> Error {
    let Some(span) = error.span() else {
        return Error::new(error.message().trim().to_owned());
    };
    let before = text.get(..span.start).unwrap_or(text);
    let number = before.matches('\n').count();
    let key = text
        .lines()
        .nth(number)
        .and_then(|line| line.split_once('='))
        .map(|(key, _)| key.trim())
        .unwrap_or_default();
    let message = error.message().trim();
    let said = if key.is_empty() || message.contains(&format!("`{key}`")) {
        message.to_owned()
    } else {
        format!("`{key}`: {message}")
    };
    Error::new(said).at_line(u32::try_from(number + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        #[serde(default)]
        size: u8,
    }

    #[test]
    fn a_wrong_key_or_value_is_named_with_its_line() {
        for (text, line, expected) in [
            (
                "\n\nsise = 3",
                Some(3),
                "unknown field `sise`, expected `size`",
            ),
            (
                "size = 'x'",
                Some(1),
                "`size`: invalid type: string \"x\", expected u8",
            ),
            (
                "size = 300",
                Some(1),
                "`size`: invalid value: integer `300`, expected u8",
            ),
        ] {
            let error = read::<Options>(text).unwrap_err();
            assert_eq!(
                (error.line, error.message.as_str()),
                (line, expected),
                "{text}"
            );
        }
        assert_eq!(none(""), Ok(()));
        assert_eq!(none("\nx = 1").unwrap_err().line, Some(2));
        assert_eq!(read::<Options>("").unwrap().size, 0);
        assert!(read::<Options>("size = ").unwrap_err().line.is_some());
    }
}
