//! Plugins and hosts of different versions of fire-plugin-api. The other version is made here, from a
//! copy of today's with a few lines changed, as a later version might change them.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use fire_host::plugins::{PluginError, Registry, open};
use fire_host::project::PluginChoice;
use fire_plugin_api::policy::{Action, Edit, WorkerLimits};
use fire_tests::plugin_libraries::{built_in, restrict};

/// A change of one file: its path in the crate, what is there, what comes instead.
type Change = (&'static str, &'static str, &'static str);

/// The newer versions are two: to cargo, crates of the same name and version at the same place in their workspaces are
/// one, and it would take the other's build for up to date.
const NEWER_HOST: Change = ("Cargo.toml", "version = \"1.1.0\"", "version = \"1.2.0\"");
const NEWER_PLUGIN: Change = ("Cargo.toml", "version = \"1.1.0\"", "version = \"1.3.0\"");

/// A new method of a trait, as the rules have it: last, with a default.
const NEW_METHOD: [Change; 2] = [
    (
        "src/ffi/policy.rs",
        "        answer(Ok(WorkerLimits::default()))\n    }\n}",
        "        answer(Ok(WorkerLimits::default()))\n    }\n    \
         /// New.\n    fn patience_ms(&self) -> u64 {\n        777\n    }\n}",
    ),
    (
        "src/ffi/policy.rs",
        "    /// Around the plugin's object.",
        "    /// New.\n    pub fn patience_ms(&self) -> u64 {\n        self.inner.patience_ms()\n    }\n\n    \
         /// Around the plugin's object.",
    ),
];

/// What 1.0.0 was: without the method that 1.1.0 has added.
const OLDER: [Change; 4] = [
    ("Cargo.toml", "version = \"1.1.0\"", "version = \"1.0.0\""),
    (
        "src/ffi/policy.rs",
        "    /// [`RestartPolicy::worker_limits`]. Methods after the last prefix field have a default: older plugins lack them.\n    \
         fn worker_limits(&self) -> Answer<FfiWorkerLimits> {\n        answer(Ok(WorkerLimits::default()))\n    }\n",
        "",
    ),
    (
        "src/ffi/policy.rs",
        "    fn worker_limits(&self) -> Answer<FfiWorkerLimits> {\n        answer(",
        "}\n\nimpl Adapter {\n    fn worker_limits(&self) -> Answer<FfiWorkerLimits> {\n        answer(",
    ),
    (
        "src/ffi/policy.rs",
        "plain_or_raise(self.inner.worker_limits()).into()",
        "WorkerLimits::default()",
    ),
];

/// What the rules forbid: a field of another type.
const CHANGED_FIELD: [Change; 3] = [
    (
        "src/ffi/policy.rs",
        "    detail: RString,\n    swappable: bool,",
        "    detail: RString,\n    swappable: u32,",
    ),
    (
        "src/ffi/policy.rs",
        "swappable: plain.swappable,",
        "swappable: plain.swappable.into(),",
    ),
    (
        "src/ffi/policy.rs",
        "swappable: crossed.swappable,",
        "swappable: crossed.swappable != 0,",
    ),
];

/// A scratch workspace with another version of the API in it. It is the same directory at each run, so
/// that cargo keeps what it has built.
struct Other {
    directory: PathBuf,
}

impl Other {
    fn new(name: &str, changes: &[Change]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("versions")
            .join(name);
        let api = directory.join("fire-plugin-api");
        copy_tree(&repository().join("fire-plugin-api"), &api);
        // Keys like `license.workspace` are taken from the workspace's own manifest.
        let mut manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
        let members = manifest.find("members = ").unwrap();
        let end = manifest[members..].find('\n').unwrap() + members;
        manifest.replace_range(members..end, "members = [\"fire-plugin-api\", \"one\"]");
        let manifest = manifest.replace("default-members = [\"fire-cli\"]", "");
        fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        fs::copy(
            repository().join("Cargo.lock"),
            directory.join("Cargo.lock"),
        )
        .unwrap();
        let other = Self { directory };
        for (file, before, after) in changes {
            let path = api.join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(before), "{file} has changed: {before}");
            fs::write(&path, text.replacen(before, after, 1)).unwrap();
        }
        other
    }

    /// Builds a crate against this version; gives the file that cargo made.
    fn build(&self, manifest: &str, path: &str, source: &str) -> PathBuf {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let one = self.directory.join("one");
        fs::create_dir_all(one.join("src")).unwrap();
        fs::write(
            one.join("Cargo.toml"),
            format!(
                "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{manifest}\n\
                 [dependencies]\nfire-plugin-api = {{ path = \"../fire-plugin-api\" }}\n"
            ),
        )
        .unwrap();
        fs::write(one.join(path), source).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["build", "--offline", "-p", "one", "--message-format=json"])
            .current_dir(&self.directory)
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions/target"),
            )
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout)
        );
        let built = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "one")
            .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
            .unwrap();
        // The next build, of another version, replaces it. What a copy overwrites may be loaded.
        let kept = self.directory.join("kept");
        fs::create_dir_all(&kept).unwrap();
        restrict(&kept);
        let kept = kept.join(built.file_name().unwrap());
        let _ = fs::remove_file(&kept);
        fs::copy(built, &kept).unwrap();
        restrict(&kept);
        kept
    }

    fn policy(&self) -> PathBuf {
        self.build(
            "[lib]\ncrate-type = [\"cdylib\"]\n",
            "src/lib.rs",
            &fs::read_to_string(repository().join("tests/third-party/careful/src/lib.rs")).unwrap(),
        )
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn body() -> [Edit; 1] {
    [Edit {
        code: "body".to_owned(),
        subject: "a.F".to_owned(),
        detail: String::new(),
        swappable: true,
    }]
}

fn choice(path: PathBuf) -> PluginChoice {
    PluginChoice {
        name: "careful".to_owned(),
        path: Some(path),
        ..PluginChoice::default()
    }
}

/// A host of the other version: loads a policy, asks the old method and the new one.
const HOST: &str = r#"
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let library = unsafe { libloading::Library::new(path) }.unwrap();
    let symbol = unsafe { library.get::<*const ()>(fire_plugin_api::host::ABI_SYMBOL.as_bytes()) };
    let symbol = *symbol.unwrap();
    std::mem::forget(library);
    let constructors = unsafe { fire_plugin_api::host::Constructors::open(symbol) }
        .map_err(|mismatch| format!("{mismatch:?}"))
        .unwrap();
    let policy = constructors.policy("keep-state", "").unwrap();
    println!("generations {}", policy.drain_limits().generations);
    println!("patience {}", constructors.patience_ms());
}
"#;

#[test]
fn a_plugin_of_an_older_version_works_in_a_newer_host() {
    let reach_the_new_method: Change = (
        "src/host.rs",
        "    /// An instance of the transport.",
        "    /// New.\n    pub fn patience_ms(&self) -> u64 {\n        \
         policy::Proxy::new(make(self.0.policy(), \"\", \"\").unwrap()).patience_ms()\n    }\n\n    \
         /// An instance of the transport.",
    );
    let other = Other::new(
        "newer-host",
        &[
            NEWER_HOST,
            NEW_METHOD[0],
            NEW_METHOD[1],
            reach_the_new_method,
        ],
    );
    let host = other.build(
        "[dependencies.libloading]\nversion = \"0.9\"\n",
        "src/main.rs",
        HOST,
    );
    let output = Command::new(host)
        .arg(built_in("keep-state"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "generations 64\npatience 777\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Built against 1.0, which knew of no limits for workers.
#[test]
fn a_plugin_of_the_first_version_works_in_this_host() {
    let library = Other::new("first", &OLDER).policy();
    assert_eq!(open(&library, None).unwrap().about.api, [1, 0, 0]);
    let policy = Registry::builtin().policy(&choice(library)).unwrap();
    assert_eq!(policy.judge(&body()), Ok(vec![Action::Hot]));
    assert_eq!(policy.worker_limits(), WorkerLimits::default());
}

#[test]
fn a_plugin_of_a_newer_version_works_in_this_host() {
    let other = Other::new(
        "newer-plugin",
        &[NEWER_PLUGIN, NEW_METHOD[0], NEW_METHOD[1]],
    );
    let policy = Registry::builtin().policy(&choice(other.policy())).unwrap();
    assert_eq!(policy.judge(&body()), Ok(vec![Action::Hot]));
}

/// What the host has against another policy.
fn refused(other: &Other) -> PluginError {
    Registry::builtin()
        .policy(&choice(other.policy()))
        .err()
        .unwrap()
}

#[test]
fn a_changed_layout_is_refused_in_one_sentence() {
    let other = Other::new("changed-layout", &CHANGED_FIELD);
    let error = refused(&other);
    assert_eq!(
        error.message,
        "plugin `careful` does not fit this fire's types (built with fire-plugin-api 1.1.0)"
    );
    assert!(error.hint.unwrap().contains("fire plugin add careful"));
    assert!(error.detail.unwrap().lines().count() > 5, "the long story");
}

/// Today's fire cannot be what is too old for it.
#[test]
fn a_layout_of_a_newer_version_asks_for_a_newer_fire() {
    let [field, into, out] = CHANGED_FIELD;
    let newer = ("Cargo.toml", NEWER_PLUGIN.1, "version = \"1.4.0\"");
    let other = Other::new("newer-layout", &[newer, field, into, out]);
    let error = refused(&other);
    assert_eq!(
        error.message,
        "plugin `careful` does not fit this fire's types (built with fire-plugin-api 1.4.0)"
    );
    assert_eq!(
        error.hint.unwrap(),
        "this fire has fire-plugin-api 1.1.0: install a newer one, or build the plugin with that"
    );
}
