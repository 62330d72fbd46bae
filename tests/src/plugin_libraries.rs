//! Builds the built-in plugins as libraries of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The library of a built-in, built on the first call.
pub fn built_in(name: &str) -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
    let file = format!(
        "{}{}{}",
        std::env::consts::DLL_PREFIX,
        name.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    );
    BUILT.join(file)
}

/// The library of an example of this crate.
pub fn example(name: &str) -> PathBuf {
    let directory = examples(&["-p", "fire-tests", "--example", name]);
    directory.join(format!(
        "{}{name}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
}

fn build() -> PathBuf {
    examples(&["-p", "fire-loadable", "--examples"])
}

/// The directory where they are. Rights are taken from others, whatever this machine's umask is: fire
/// would refuse the libraries.
fn examples(which: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--message-format=json"])
        .args(which)
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let libraries: Vec<PathBuf> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "example")
        .filter_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .collect();
    for library in &libraries {
        restrict(library);
    }
    let directory = libraries[0].parent().expect("it is absolute").to_owned();
    restrict(&directory);
    directory
}

/// Takes rights from others.
pub fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is our own");
}
