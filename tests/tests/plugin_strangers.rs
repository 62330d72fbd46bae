//! Plugins as strangers make and publish them: with the installed fire alone, no checkout of it anywhere; out of a Git
//! repository; out of a registry.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fire_tests::driver::Project;

/// A stranger's machine: a data directory of its own. What cargo has built is shared with the other plugins of the
/// suite, or this would take minutes.
struct Stranger {
    project: Project,
    data: tempfile::TempDir,
    cargo_home: Option<PathBuf>,
}

impl Stranger {
    fn new() -> Self {
        Self {
            project: Project::empty(),
            data: tempfile::tempdir().unwrap(),
            cargo_home: None,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    /// Runs a command that must succeed; gives its output.
    fn fire(&self, arguments: &[&str]) -> String {
        let target = target();
        let mut environment = vec![
            ("XDG_DATA_HOME", self.data.path()),
            ("CARGO_TARGET_DIR", target.as_path()),
        ];
        if let Some(home) = &self.cargo_home {
            environment.push(("CARGO_HOME", home));
        }
        let (code, out, err) = self.project.fire_once_with(arguments, &environment);
        assert_eq!(code, 0, "fire {arguments:?}: {out}{err}");
        out
    }

    /// A new policy whose crate says of fire-plugin-api what a published one does.
    fn publishable(&self, name: &str) {
        self.fire(&["plugin", "new", name, "--policy"]);
        let manifest = self.at(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let (mut left, mut published) = (text.as_str(), String::new());
        while let Some((before, after)) = left.split_once(", path = \"") {
            published += before;
            left = after.split_once('"').unwrap().1;
        }
        published += left;
        assert!(published.contains("{ version = \"1.1\" }"), "{published}");
        fs::write(&manifest, published).unwrap();
    }

    fn checks(&self, name: &str) {
        let file = format!("{name}{}", std::env::consts::DLL_SUFFIX);
        let path = self.at(".fire/plugins").join(file);
        let said = self.fire(&["plugin", "check", path.to_str().unwrap()]);
        assert!(said.contains("passed "), "{said}");
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn target() -> PathBuf {
    repository().join("target/third-party")
}

#[track_caller]
fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_plugin_of_each_kind_needs_no_checkout_of_fire() {
    let stranger = Stranger::new();
    for (name, kind) in [
        ("owl", "--transport"),
        ("rooms", "--split"),
        ("calm", "--policy"),
    ] {
        stranger.fire(&["plugin", "new", name, kind]);
        let manifest = fs::read_to_string(stranger.at(name).join("Cargo.toml")).unwrap();
        let data = stranger.data.path().to_str().unwrap();
        assert!(manifest.contains(data), "{manifest}");
        stranger.fire(&["plugin", "add", "--path", name]);
        stranger.checks(name);
    }
}

#[test]
fn a_plugin_comes_out_of_a_git_repository() {
    let stranger = Stranger::new();
    stranger.publishable("in-git");
    let git = || {
        let mut git = Command::new("git");
        git.current_dir(stranger.at("in-git"));
        git
    };
    must(git().args(["init", "--quiet"]));
    must(git().args(["add", "."]));
    must(git().args([
        "-c",
        "user.name=A Stranger",
        "-c",
        "user.email=stranger@example.com",
        "commit",
        "--quiet",
        "--message=a policy",
    ]));
    let url = format!("file://{}", stranger.at("in-git").display());
    stranger.fire(&["plugin", "add", "--git", &url]);
    stranger.checks("in-git");
    let listed = stranger.fire(&["plugin", "list"]);
    assert!(listed.contains(&format!("git {url}")), "{listed}");

    let (code, _, said) =
        stranger
            .project
            .fire_once(&["plugin", "add", "--git", "file:///no/such/repository"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("git could not clone"), "{said}");
}

/// The registry is a directory, by cargo's source replacement: it holds the plugin, and what fire-plugin-api is built
/// from, but not fire-plugin-api itself.
#[test]
fn a_plugin_comes_out_of_a_registry() {
    let mut stranger = Stranger::new();
    stranger.publishable("in-registry");
    let registry = stranger.at("registry");
    let api = fs::read_dir(stranger.data.path().join("fire/api"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::copy(repository().join("Cargo.lock"), api.join("Cargo.lock")).unwrap();
    must(
        Command::new(env!("CARGO"))
            .args(["vendor", "--quiet", "--manifest-path"])
            .arg(api.join("Cargo.toml"))
            .arg(&registry),
    );
    let package = registry.join("in-registry");
    fs::rename(stranger.at("in-registry"), &package).unwrap();
    fs::write(package.join(".cargo-checksum.json"), "{\"files\":{}}").unwrap();
    let home = stranger.at("cargo");
    fs::create_dir(&home).unwrap();
    let settings = format!(
        "[source.crates-io]\nreplace-with = \"here\"\n\n[source.here]\ndirectory = {:?}\n",
        registry.to_str().unwrap()
    );
    fs::write(home.join("config.toml"), settings).unwrap();
    stranger.cargo_home = Some(home);

    stranger.fire(&["plugin", "add", "in-registry@0.1.0"]);
    stranger.checks("in-registry");
    let listed = stranger.fire(&["plugin", "list"]);
    assert!(listed.contains("crate in-registry@0.1.0"), "{listed}");
    stranger.fire(&["plugin", "add", "in-registry", "--user"]);
    let listed = stranger.fire(&["plugin", "list"]);
    assert!(
        listed.contains("hidden by the one of this project"),
        "{listed}"
    );
}
