//! Loads a library: from here on its code runs in fire's process. Libraries are never unloaded: their
//! threads, and objects that lead into them, may outlive every use that could be counted.
#![expect(
    unsafe_code,
    reason = "loading a library is unsafe; everything else about plugins is not"
)]

use std::fs;
use std::path::Path;

use fire_plugin_api::host::{ABI_SYMBOL, About, Constructors, Mismatch};
use fire_plugin_api::version;

use super::error::PluginError;
use super::lock::Digest;
use super::{image, trust};

/// A library that has passed every check.
pub struct Library {
    /// What it says of itself.
    pub about: About,
    /// Makes instances.
    pub constructors: Constructors,
}

/// Opens the library at that path. `locked` is what a lock file says its bytes are.
pub fn open(path: &Path, locked: Option<&Digest>) -> Result<Library, PluginError> {
    trust::check(path)?;
    let bytes = fs::read(path).map_err(|error| {
        PluginError::new(format!("plugin {} cannot be read: {error}", path.display()))
    })?;
    if locked.is_some_and(|digest| *digest != Digest::of(&bytes)) {
        return Err(PluginError::new(format!(
            "{} is not loaded: it has changed since it was installed",
            path.display()
        ))
        .with_hint("run `fire plugin add` again, if you know why it changed"));
    }
    let about = image::read(path, &bytes)?;
    // SAFETY: the library's initialisers run now. It is a whole library for this machine that carries
    // a plugin's stamp, in a place that only the user can write to, named by the user's configuration.
    let library = unsafe { libloading::Library::new(path) }
        .map_err(|error| refused(&about, "cannot be loaded by the system", &error.to_string()))?;
    // SAFETY: only the address is taken.
    let symbol = unsafe { library.get::<*const ()>(ABI_SYMBOL.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|error| refused(&about, "has no constructors", &error.to_string()))?;
    std::mem::forget(library);
    // SAFETY: the stamp's version fits, and the library has just been made to stay.
    let constructors =
        unsafe { Constructors::open(symbol) }.map_err(|mismatch| match mismatch {
            Mismatch::Foundation(text) => refused(&about, "is built on another abi_stable", &text),
            Mismatch::Layout(text) => refused(&about, "does not fit this fire's types", &text),
        })?;
    Ok(Library {
        about,
        constructors,
    })
}

fn refused(about: &About, why: &str, detail: &str) -> PluginError {
    // It can have thousands of lines: only with `-v`.
    tracing::info!(target: "plugin", plugin = about.name.as_str(), "{detail}");
    let shown = |[major, minor, patch]: [u32; 3]| format!("{major}.{minor}.{patch}");
    let hint = if about.api > version::OWN {
        format!(
            "this fire has fire-plugin-api {}: install a newer one, or build the plugin with that",
            shown(version::OWN)
        )
    } else {
        format!(
            "build it again with today's fire-plugin-api: `fire plugin add {}`",
            about.name
        )
    };
    PluginError::new(format!(
        "plugin `{}` {why} (built with fire-plugin-api {})",
        about.name,
        shown(about.api)
    ))
    .with_hint(hint)
    .with_detail(detail)
}
