//! Finds the plugin that a configuration names, and makes an instance of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fire_plugin_api::host::Constructors;
use fire_plugin_api::{Error, RestartPolicy, SplitStrategy, Transport};

use crate::project::{PluginChoice, Project};

use super::error::PluginError;
use super::guard::{self, Guarded, GuardedPolicy, GuardedSplit, GuardedTransport, Watch};
use super::load::{self, Library};
use super::lock::{Digest, Lock};
use super::nearest::nearest;
use super::places::{Origin, Place, Places};
use super::{Kind, builtin};

/// Where plugins are found. Only what a configuration names is opened.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    places: Places,
    /// What a relative path in `fire.toml` is relative to.
    root: PathBuf,
}

/// What the three kinds have in common.
struct Source<T: ?Sized> {
    kind: Kind,
    built_in: fn(&str, &str) -> builtin::Built<T>,
    from_library: fn(&Constructors, &str, &str) -> Result<Box<T>, Error>,
    guarded: fn(Guarded<T>) -> Result<Arc<T>, Error>,
}

impl Registry {
    /// Nothing but the built-ins and what has an explicit path.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Everything that the project can see.
    pub fn for_project(project: &Project) -> Self {
        Self {
            places: Places::of(&project.state),
            root: project.root.clone(),
        }
    }

    /// With these directories.
    pub fn new(places: Places) -> Self {
        Self {
            places,
            root: PathBuf::new(),
        }
    }

    /// Whether everything that the project names can be used: asked once, before anything is built.
    pub fn check(&self, project: &Project) -> Result<(), PluginError> {
        self.transport(&project.transport)?;
        self.split(&project.split)?;
        self.policy(&project.policy)?;
        Ok(())
    }

    /// An instance of the transport; an empty name is the default's.
    pub fn transport(&self, choice: &PluginChoice) -> Result<Arc<dyn Transport>, PluginError> {
        self.resolve(
            choice,
            &Source {
                kind: Kind::Transport,
                built_in: builtin::transport,
                from_library: Constructors::transport,
                guarded: |inner| GuardedTransport::new(inner).map(|it| Arc::new(it) as _),
            },
        )
    }

    /// An instance of the split strategy; an empty name is the default's.
    pub fn split(&self, choice: &PluginChoice) -> Result<Arc<dyn SplitStrategy>, PluginError> {
        self.resolve(
            choice,
            &Source {
                kind: Kind::Split,
                built_in: builtin::split,
                from_library: Constructors::split,
                guarded: |inner| Ok(Arc::new(GuardedSplit(inner))),
            },
        )
    }

    /// An instance of the restart policy; an empty name is the default's.
    pub fn policy(&self, choice: &PluginChoice) -> Result<Arc<dyn RestartPolicy>, PluginError> {
        self.resolve(
            choice,
            &Source {
                kind: Kind::Policy,
                built_in: builtin::policy,
                from_library: Constructors::policy,
                guarded: |inner| GuardedPolicy::new(inner).map(|it| Arc::new(it) as _),
            },
        )
    }

    fn resolve<T: ?Sized + Send + Sync + 'static>(
        &self,
        choice: &PluginChoice,
        source: &Source<T>,
    ) -> Result<Arc<T>, PluginError> {
        let kind = source.kind;
        let mut choice = choice.clone();
        if choice.name.is_empty() {
            choice.name = builtin::names(kind)[0].to_owned();
        }
        let Some(library) = self.library(kind, &choice)? else {
            return (source.built_in)(&choice.name, &choice.options)
                .ok_or_else(|| self.unknown(kind, &choice.name))?
                .map_err(|error| PluginError::refused(kind, &choice, error));
        };
        let watch = Watch::new(kind, &choice.name, guard::PATIENCE);
        let (make, constructors) = (source.from_library, library.constructors);
        let (name, options) = (choice.name.clone(), choice.options.clone());
        watch
            .call("new", move || make(&constructors, &name, &options))
            .and_then(|made| (source.guarded)(Guarded::new(Arc::from(made), watch)))
            .map_err(|error| PluginError::refused(kind, &choice, error))
    }

    /// The library that the choice means, if it means one.
    fn library(&self, kind: Kind, choice: &PluginChoice) -> Result<Option<Library>, PluginError> {
        let library = match &choice.path {
            Some(path) => load::open(&self.root.join(path), None)?,
            None => {
                let found = self.places.find(&choice.name);
                let Some((place, path)) = found.first() else {
                    return Ok(None);
                };
                tell_shadowed(kind, &choice.name, &found);
                load::open(path, locked(place, &choice.name)?.as_ref())?
            }
        };
        check_identity(kind, &choice.name, &library)?;
        Ok(Some(library))
    }

    fn unknown(&self, kind: Kind, name: &str) -> PluginError {
        let names = builtin::names(kind);
        let error = PluginError::new(format!("there is no {kind} `{name}`")).of_request();
        match nearest(name, names) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint(format!(
                "there are: {}; `fire plugin add` installs others",
                names.join(", ")
            )),
        }
    }
}

/// What was installed must be what is there. Directories of the variable are the user's own business.
fn locked(place: &Place, name: &str) -> Result<Option<Digest>, PluginError> {
    match place.origin {
        Origin::Variable => Ok(None),
        Origin::Project | Origin::User => {
            let lock = Lock::read(&place.directory)?;
            match lock.plugin.get(name) {
                Some(entry) => Ok(Some(entry.sha256.clone())),
                None => Err(PluginError::new(format!(
                    "plugin `{name}` is not loaded: it lies in {}, but was not installed by fire",
                    place.directory.display()
                ))
                .with_hint(format!(
                    "install it with `fire plugin add`, or name its path in fire.toml, or set {}",
                    super::places::VARIABLE
                ))),
            }
        }
    }
}

fn tell_shadowed(kind: Kind, name: &str, found: &[(Place, PathBuf)]) {
    let used = &found[0].1;
    let shadowed: Vec<String> = found[1..]
        .iter()
        .map(|(_, path): &(Place, PathBuf)| shown(path))
        .chain(
            builtin::names(kind)
                .contains(&name)
                .then(|| format!("the built-in {kind} `{name}`")),
        )
        .collect();
    if !shadowed.is_empty() {
        tracing::warn!(
            "plugin `{name}` is {} and hides {}",
            shown(used),
            shadowed.join(", ")
        );
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn check_identity(kind: Kind, name: &str, library: &Library) -> Result<(), PluginError> {
    let about = &library.about;
    match about.kind {
        Some(found) if found == kind && about.name == name => Ok(()),
        Some(found) if found == kind => Err(PluginError::new(format!(
            "the library of {kind} `{name}` holds `{}`",
            about.name
        ))
        .with_hint(format!(
            "set {} = \"{}\" in fire.toml",
            kind.key(),
            about.name
        ))),
        Some(found) => Err(PluginError::new(format!(
            "plugin `{name}` is a {found}, and a {kind} is needed"
        ))
        .with_hint(format!("set {} = \"{name}\" in fire.toml", found.key()))),
        None => Err(PluginError::new(format!(
            "plugin `{name}` is of a kind that this fire does not know"
        ))
        .with_hint("install a newer fire")),
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
        assert_eq!(
            error.hint.as_deref(),
            Some("there are: shm, pipe, tcp; `fire plugin add` installs others")
        );
    }

    #[test]
    fn a_wrong_value_is_told_with_its_line_for_every_transport() {
        for name in builtin::names(Kind::Transport) {
            let error = Registry::builtin()
                .transport(&choice(name, "\nlimit = \"much\""))
                .err()
                .unwrap();
            assert_eq!(error.line, Some(12), "{error}");
            let told = format!("fire.toml:12: transport `{name}`: `limit`: invalid type");
            assert!(error.message.starts_with(&told), "{error}");
        }
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
