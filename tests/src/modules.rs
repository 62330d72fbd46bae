//! Public modules under `fire verify`: fetched through the Go module proxy into a temporary directory, verified, and
//! told as rows of a table.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::driver::binary;

/// Seconds after which a package's busiest functions run at home again: the whole list is to end within the night.
const BUDGET: &str = "5";

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its path.
    pub path: String,
    /// Its version, with the `v`.
    pub version: String,
    /// What kind of code it is.
    pub kind: String,
    /// One of the few that every change is tried on.
    pub quick: bool,
}

/// The list that the repository keeps.
///
/// # Panics
/// When a line of it is wrong.
pub fn list() -> Vec<Module> {
    include_str!("../modules.txt")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (module, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (path, version) = module
                .split_once('@')
                .unwrap_or_else(|| panic!("no version in {line:?}"));
            let rest = rest.trim();
            let quick = rest.strip_suffix("quick");
            Module {
                path: path.into(),
                version: version.into(),
                kind: quick.unwrap_or(rest).trim().into(),
                quick: quick.is_some(),
            }
        })
        .collect()
}

/// What `fire verify` says of a module.
#[derive(Debug, Clone)]
pub struct Row {
    /// Path and version.
    pub module: String,
    /// Tests that ran plain, subtests too.
    pub tests: u64,
    /// Functions whose calls went to a worker.
    pub moved: u64,
    /// Functions that can be moved.
    pub movable: u64,
    /// All functions.
    pub total: u64,
    /// Calls that went to a worker.
    pub calls: u64,
    /// No test differs.
    pub equal: bool,
    /// The median of moved time over plain time, as fire tells it.
    pub slowdown: Option<f64>,
    /// All of it, the fetching left out.
    pub seconds: u64,
    /// What fire told people.
    pub told: String,
}

/// Fetches a module and verifies all of its packages. The error is about the fetching, or is what fire printed.
pub fn verify(module: &Module) -> Result<Row, String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let root = fetch(module, place.path())?;
    let since = Instant::now();
    let output = Command::new(binary())
        .args(["verify", "--json", "--budget", BUDGET, "./..."])
        .current_dir(&root)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {told}"))?;
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let tests = report["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|package| number(&package["plain"]["passed"]) + number(&package["plain"]["failed"]))
        .sum();
    Ok(Row {
        module: format!("{}@{}", module.path, module.version),
        tests,
        moved: number(&report["functions_moved"]),
        movable: number(&report["movable"]),
        total: number(&report["total"]),
        calls: number(&report["calls_moved"]),
        equal: report["equal"] == true,
        slowdown: slowdown(&told),
        seconds: since.elapsed().as_secs(),
        told,
    })
}

/// `…, 12.3 times the time (median)` in the last line.
fn slowdown(told: &str) -> Option<f64> {
    let (before, _) = told.rsplit_once(" times the time (median)")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// Copies a module out of the module cache, where it could not be written to, and fetches what it needs.
fn fetch(module: &Module, into: &Path) -> Result<PathBuf, String> {
    let empty = into.join("empty");
    std::fs::create_dir(&empty).map_err(|error| error.to_string())?;
    std::fs::write(empty.join("go.mod"), "module empty\n").map_err(|error| error.to_string())?;
    let wanted = format!("{}@{}", module.path, module.version);
    let text = go(&empty, &["mod", "download", "-json", &wanted])?;
    let downloaded: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let from = downloaded["Dir"].as_str().ok_or("no directory")?;
    let root = into.join("module");
    copy(Path::new(from), &root).map_err(|error| format!("{from}: {error}"))?;
    if !root.join("go.mod").exists() {
        go(&root, &["mod", "init", &module.path])?;
        go(&root, &["mod", "tidy"])?;
    }
    go(&root, &["mod", "download"])?;
    // A go.mod may leave out what the tests need.
    if go(&root, &["list", "-test", "-deps", "./..."]).is_err() {
        go(&root, &["mod", "tidy"])?;
    }
    Ok(root)
}

fn go(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("go")
        .args(arguments)
        .current_dir(directory)
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!(
            "go {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            let mode = std::fs::metadata(&target)?.permissions().mode();
            std::fs::set_permissions(&target, PermissionsExt::from_mode(mode | 0o200))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_each_module_once_and_a_few_are_quick() {
        let list = list();
        let mut paths: Vec<&str> = list.iter().map(|one| one.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), list.len());
        assert!(list.len() >= 25, "{}", list.len());
        assert!(list.iter().all(|one| !one.kind.is_empty()));
        assert_eq!(list.iter().filter(|one| one.quick).count(), 3);
    }

    #[test]
    fn the_slowdown_is_read_from_the_last_line() {
        let told = "equal x; 3.0 times the time\nequal: 1 moved, 12.5 times the time (median)\n";
        assert_eq!(slowdown(told), Some(12.5));
        assert_eq!(slowdown("equal: 1 moved"), None);
    }
}
