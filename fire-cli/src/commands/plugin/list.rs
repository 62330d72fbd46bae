//! `fire plugin list`: what fire would find by name. No plugin's code runs for it.

use std::fs;
use std::path::Path;

use fire_host::plugins::lock::{Digest, Lock};
use fire_host::plugins::{Kind, Origin, Place, built_in_names, image};

use crate::args::Common;
use crate::output::say;

/// A line of the list.
struct Row {
    kind: &'static str,
    name: String,
    version: String,
    origin: String,
    state: String,
}

pub fn run(common: &Common) -> anyhow::Result<u8> {
    let places = super::project_places(common)?;
    let mut rows: Vec<Row> = places.0.iter().flat_map(installed).collect();
    for kind in Kind::ALL {
        for name in built_in_names(kind) {
            rows.push(Row {
                kind: kind.key(),
                name: (*name).to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                origin: "built in".to_owned(),
                state: String::new(),
            });
        }
    }
    tell_hidden(&mut rows);
    for row in &rows {
        let line = format!(
            "{:<10} {:<20} {:<10} {:<14} {}",
            row.kind, row.name, row.version, row.origin, row.state
        );
        say!("{}", line.trim_end())?;
    }
    Ok(0)
}

/// The first of a name is the one that is used.
fn tell_hidden(rows: &mut [Row]) {
    for at in 1..rows.len() {
        let (before, rest) = rows.split_at_mut(at);
        let row = &mut rest[0];
        if let Some(first) = before.iter().find(|first| first.name == row.name) {
            row.state = format!("hidden by the one of {}", first.origin);
        }
    }
}

fn installed(place: &Place) -> Vec<Row> {
    let Ok(entries) = fs::read_dir(&place.directory) else {
        return Vec::new();
    };
    let lock = Lock::read(&place.directory);
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.to_string_lossy()
                .ends_with(std::env::consts::DLL_SUFFIX)
        })
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| row(place, path, lock.as_ref().ok()))
        .collect()
}

fn row(place: &Place, path: &Path, lock: Option<&Lock>) -> Option<Row> {
    let origin = place.origin.to_string();
    let bytes = fs::read(path).ok()?;
    let about = match image::read(path, &bytes) {
        Ok(about) => about,
        // Directories of the variable hold whatever the user builds.
        Err(_) if place.origin == Origin::Variable => return None,
        Err(error) => {
            return Some(Row {
                kind: "?",
                name: path.file_stem()?.to_string_lossy().into_owned(),
                version: String::new(),
                origin,
                state: error.message,
            });
        }
    };
    let state = match place.origin {
        Origin::Variable => String::new(),
        Origin::Project | Origin::User => {
            match lock.and_then(|lock| lock.plugin.get(&about.name)) {
                Some(entry) if entry.sha256 == Digest::of(&bytes) => entry.source.clone(),
                Some(_) => "changed since it was installed: not loaded".to_owned(),
                None => "not installed by fire: not loaded".to_owned(),
            }
        }
    };
    Some(Row {
        kind: about.kind.map_or("?", Kind::key),
        name: about.name,
        version: about.version,
        origin,
        state,
    })
}
