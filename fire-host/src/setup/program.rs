//! Which program to run when nobody says it.

use std::path::Path;

use super::SetupError;
use crate::watch::Scope;

/// Every program below the root, as `go build` takes it.
pub fn programs(root: &Path) -> Vec<String> {
    let (directories, _) = Scope::of(root).walk();
    directories
        .iter()
        .filter(|directory| holds_main(directory))
        .filter_map(|directory| directory.strip_prefix(root).ok())
        .map(|directory| match directory.display().to_string().as_str() {
            "" => ".".to_owned(),
            inside => format!("./{inside}"),
        })
        .collect()
}

/// The one program that there is: here, or else the only one below.
pub fn find(root: &Path) -> Result<String, SetupError> {
    if holds_main(root) {
        return Ok(".".into());
    }
    let mut packages = programs(root);
    match packages.len() {
        0 => Err(SetupError::NoProgram {
            root: root.to_owned(),
        }),
        1 => Ok(packages.swap_remove(0)),
        _ => Err(SetupError::SeveralPrograms { packages }),
    }
}

/// Whether a Go file in the directory, tests aside, belongs to package `main`.
fn holds_main(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.ends_with(".go")
            && !name.ends_with("_test.go")
            && !name.starts_with(['_', '.'])
            && std::fs::read(entry.path())
                .is_ok_and(|source| is_main(&String::from_utf8_lossy(&source)))
    })
}

fn is_main(source: &str) -> bool {
    !source.contains("//go:build ignore")
        && source.lines().any(|line| {
            line.trim_start_matches('\u{feff}')
                .strip_prefix("package main")
                .is_some_and(|rest| rest.trim().is_empty() || rest.trim().starts_with('/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: Result<&str, &str>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, source) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, source).unwrap();
        }
        let found = find(dir.path()).map_err(|error| error.to_string());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn the_program_is_found_without_being_named() {
        check(&[("main.go", "package main\n")], Ok("."));
        check(
            &[
                ("lib.go", "package lib\n"),
                ("cmd/s/main.go", "// Command s.\npackage main // s\n"),
            ],
            Ok("./cmd/s"),
        );
        check(&[("lib.go", "package lib\n")], Err("hold no Go program"));
        check(
            &[("gen.go", "//go:build ignore\n\npackage main\n")],
            Err("hold no Go program"),
        );
        check(
            &[
                ("cmd/a/a.go", "package main\n"),
                ("cmd/b/b.go", "package main\n"),
            ],
            Err("several programs here: ./cmd/a, ./cmd/b"),
        );
    }
}
