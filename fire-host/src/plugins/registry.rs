//! Finds the plugin that a configuration names, and makes an instance of it.

use std::sync::Arc;

use fire_plugin_api::{RestartPolicy, SplitStrategy, Transport};

use crate::project::PluginChoice;

use super::builtin;
use super::error::PluginError;
use super::kind::Kind;
use super::nearest::nearest;

/// Where plugins are found. Only what a configuration names is opened.
#[derive(Debug, Clone, Default)]
pub struct Registry {}

impl Registry {
    /// Nothing but the built-ins.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// An instance of the transport; an empty name is the default's.
    pub fn transport(&self, choice: &PluginChoice) -> Result<Arc<dyn Transport>, PluginError> {
        resolve(Kind::Transport, choice, builtin::transport)
    }

    /// An instance of the split strategy; an empty name is the default's.
    pub fn split(&self, choice: &PluginChoice) -> Result<Arc<dyn SplitStrategy>, PluginError> {
        resolve(Kind::Split, choice, builtin::split)
    }

    /// An instance of the restart policy; an empty name is the default's.
    pub fn policy(&self, choice: &PluginChoice) -> Result<Arc<dyn RestartPolicy>, PluginError> {
        resolve(Kind::Policy, choice, builtin::policy)
    }
}

fn resolve<T: ?Sized>(
    kind: Kind,
    choice: &PluginChoice,
    built_in: impl Fn(&str, &str) -> Option<Result<Arc<T>, fire_plugin_api::Error>>,
) -> Result<Arc<T>, PluginError> {
    let mut choice = choice.clone();
    if choice.name.is_empty() {
        choice.name = builtin::names(kind)[0].to_owned();
    }
    match built_in(&choice.name, &choice.options) {
        Some(made) => made.map_err(|error| PluginError::refused(kind, &choice, error)),
        None => Err(unknown(kind, &choice.name)),
    }
}

fn unknown(kind: Kind, name: &str) -> PluginError {
    let names = builtin::names(kind);
    let error = PluginError::new(format!("there is no {kind} `{name}`"));
    match nearest(name, names) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(format!("there are: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(name: &str, options: &str) -> PluginChoice {
        PluginChoice {
            name: name.to_owned(),
            options: options.to_owned(),
            line: Some(10),
            ..PluginChoice::default()
        }
    }

    #[test]
    fn every_built_in_is_found_and_the_default_needs_no_name() {
        let registry = Registry::builtin();
        for name in builtin::names(Kind::Split).iter().chain(&[""]) {
            assert!(registry.split(&choice(name, "")).is_ok(), "{name}");
        }
        for name in builtin::names(Kind::Policy).iter().chain(&[""]) {
            assert!(registry.policy(&choice(name, "")).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_valid_one() {
        let error = Registry::builtin()
            .split(&choice("per-functoin", ""))
            .err()
            .unwrap();
        assert_eq!(error.message, "there is no split strategy `per-functoin`");
        assert_eq!(error.hint.as_deref(), Some("did you mean `per-function`?"));
        let error = Registry::builtin()
            .transport(&choice("carrier-pigeon", ""))
            .err()
            .unwrap();
        assert_eq!(error.hint.as_deref(), Some("there are: shm, pipe, tcp"));
    }

    #[test]
    fn a_wrong_option_is_told_with_its_line_in_the_file() {
        let error = Registry::builtin()
            .policy(&choice("keep-state", "respawns = 1\nrespwan-after-ms = 4"))
            .err()
            .unwrap();
        assert_eq!(error.line, Some(12));
        assert!(
            error.message.starts_with(
                "fire.toml:12: restart policy `keep-state`: unknown field `respwan-after-ms`"
            ),
            "{error}"
        );
    }
}
