//! `transport`, `split` and `policy`: a plugin and its options.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{layout, mistake};
use crate::project::PluginChoice;

/// `transport = "shm"`, or a table with `name`, `path` and the plugin's options.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    pub(super) plugin: Option<PluginChoice>,
    /// Bytes from the beginning of the file.
    span: std::ops::Range<usize>,
}

impl Choice {
    /// Where the file says what a complaint about the plugin is about: the first word that it quotes, or the name.
    pub fn mistaken(&self, text: &str, complaint: &str) -> std::ops::Range<usize> {
        let name = self.plugin.as_ref().map(|plugin| plugin.name.as_str());
        let quoted = complaint
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| Some(*word) != name);
        let from = self.span.start.min(text.len());
        quoted
            .chain(name)
            .find_map(|word| {
                let start = from + text.get(from..)?.find(word)?;
                Some(start..start + word.len())
            })
            .unwrap_or_else(|| self.span.clone())
    }

    /// The plugin, with the line of its table in the file, whose text this is.
    pub fn plugin(&self, text: &str, default: &str) -> PluginChoice {
        match &self.plugin {
            None => PluginChoice {
                name: default.into(),
                ..PluginChoice::default()
            },
            Some(plugin) => {
                let header = mistake::line_and_column(text, self.span.start).0;
                PluginChoice {
                    line: Some(header),
                    options: layout::laid_out(&plugin.options, text, header),
                    ..plugin.clone()
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = toml::Spanned::<toml::Value>::deserialize(from)?;
        let span = value.span();
        let plugin = match value.into_inner() {
            toml::Value::String(name) => PluginChoice {
                name,
                ..PluginChoice::default()
            },
            toml::Value::Table(mut table) => {
                let mut text = |key: &str| match table.remove(key) {
                    None => Ok(None),
                    Some(toml::Value::String(text)) => Ok(Some(text)),
                    Some(other) => Err(D::Error::custom(format!(
                        "`{key}` must be a string, not {other}"
                    ))),
                };
                let name = text("name")?;
                let path = text("path")?.map(Into::into);
                PluginChoice {
                    name: name.ok_or_else(|| D::Error::missing_field("name"))?,
                    path,
                    options: toml::to_string(&table).map_err(D::Error::custom)?,
                    line: None,
                }
            }
            other => {
                return Err(D::Error::custom(format!(
                    "expected a plugin's name or a table with `name`, found {other}"
                )));
            }
        };
        Ok(Self {
            plugin: Some(plugin),
            span,
        })
    }
}
