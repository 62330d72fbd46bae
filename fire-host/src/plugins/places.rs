//! Where a plugin's library may lie, in the order of the search.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variable with directories to search, separated like PATH.
pub const VARIABLE: &str = "FIRE_PLUGIN_PATH";

/// Why a directory is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `FIRE_PLUGIN_PATH`.
    Variable,
    /// `.fire/plugins` of the project.
    Project,
    /// The user's data directory.
    User,
}

/// A directory that is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absolute.
    pub directory: PathBuf,
    /// Why.
    pub origin: Origin,
}

/// Directories in the order of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(pub Vec<Place>);

impl Places {
    /// For a project whose files fire keeps in `state`, with this process's environment.
    pub fn of(state: &Path) -> Self {
        let variable = std::env::var_os(VARIABLE);
        Self::from_parts(variable.as_deref(), state, user())
    }

    fn from_parts(variable: Option<&OsStr>, state: &Path, user: Option<Place>) -> Self {
        let mut places: Vec<Place> = std::env::split_paths(variable.unwrap_or_default())
            // A relative directory would mean another one in each project.
            .filter(|directory| directory.is_absolute())
            .map(|directory| Place {
                directory,
                origin: Origin::Variable,
            })
            .collect();
        places.push(project(state));
        places.extend(user);
        Self(places)
    }

    /// Every library of that name, the one to use first.
    pub fn find(&self, name: &str) -> Vec<(Place, PathBuf)> {
        self.0
            .iter()
            .filter_map(|place| {
                file_names(name)
                    .into_iter()
                    .map(|file| place.directory.join(file))
                    .find(|path| path.is_file())
                    .map(|path| (place.clone(), path))
            })
            .collect()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable => VARIABLE,
            Self::Project => "this project",
            Self::User => "this user",
        })
    }
}

/// Where `fire plugin add` installs.
pub fn project(state: &Path) -> Place {
    Place {
        directory: state.join("plugins"),
        origin: Origin::Project,
    }
}

/// Where `fire plugin add --user` installs.
pub fn user() -> Option<Place> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| Place {
            directory: data.join("fire/plugins"),
            origin: Origin::User,
        })
}

/// The name under which a plugin is installed.
pub fn installed_name(name: &str) -> String {
    format!("{name}{DLL_SUFFIX}")
}

/// As installed, or as cargo leaves it in a target directory.
fn file_names(name: &str) -> [String; 2] {
    let crate_name = name.replace('-', "_");
    [
        installed_name(name),
        format!("{DLL_PREFIX}{crate_name}{DLL_SUFFIX}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_comes_first_and_the_user_last() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let variable = format!("{}:relative::{}", at("a").display(), at("b").display());
        let places = Places::from_parts(
            Some(OsStr::new(&variable)),
            &at("state"),
            Some(Place {
                directory: at("user"),
                origin: Origin::User,
            }),
        );
        let expected = [at("a"), at("b"), at("state/plugins"), at("user")];
        let searched: Vec<_> = places.0.iter().map(|place| &place.directory).collect();
        assert_eq!(searched, expected.iter().collect::<Vec<_>>());

        for (place, file) in [
            ("b", format!("{DLL_PREFIX}my_own{DLL_SUFFIX}")),
            ("user", format!("my-own{DLL_SUFFIX}")),
        ] {
            std::fs::create_dir(at(place)).unwrap();
            std::fs::write(at(place).join(file), "").unwrap();
        }
        let origins: Vec<_> = places
            .find("my-own")
            .into_iter()
            .map(|(place, _)| place.origin)
            .collect();
        assert_eq!(origins, [Origin::Variable, Origin::User]);
        assert!(places.find("other").is_empty());
    }
}
