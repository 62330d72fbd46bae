//! The test binaries of the packages, plain and instrumented, built in order while earlier ones run.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc::{Receiver, channel};

use crate::facts::Package;
use crate::project::Project;

/// How many packages may lie built and not yet run.
const AHEAD: usize = 1;

/// What came of building one package's tests.
pub enum Built {
    /// Both are there.
    Both(Pair),
    /// Go has nothing to build, or does not build it without fire either: its message.
    Nothing(String),
    /// It builds without fire alone; the message of the other build.
    PlainOnly(String),
}

/// The two binaries of a package.
pub struct Pair {
    /// As `go test` builds it.
    pub plain: PathBuf,
    /// With dispatch checks.
    pub moved: PathBuf,
    /// Removed with this.
    _directory: tempfile::TempDir,
}

/// Builds in the background for as long as this lives.
pub struct Binaries {
    built: Receiver<Built>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Binaries {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Binaries {
    /// Begins with the first package.
    pub fn start(project: &Project, packages: &[Package], overlay: &Path) -> std::io::Result<Self> {
        let (sender, built) = channel(AHEAD);
        let (project, packages, overlay) =
            (project.clone(), packages.to_vec(), overlay.to_path_buf());
        let task = tokio::spawn(async move {
            for package in packages {
                let both = pair(&project, &package, &overlay).await;
                if sender.send(both).await.is_err() {
                    break; // nobody wants more
                }
            }
        });
        Ok(Self { built, task })
    }

    /// The next package's.
    pub async fn next(&mut self) -> Option<Built> {
        self.built.recv().await
    }
}

async fn pair(project: &Project, package: &Package, overlay: &Path) -> Built {
    let directory = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => return Built::PlainOnly(error.to_string()),
    };
    let plain = directory.path().join("plain.test");
    if let Err(message) = build(project, package, None, &plain).await {
        return Built::Nothing(message);
    }
    if !plain.exists() {
        return Built::Nothing("no test files".into());
    }
    let moved = directory.path().join("moved.test");
    if let Err(message) = build(project, package, Some(overlay), &moved).await {
        return Built::PlainOnly(message);
    }
    Built::Both(Pair {
        plain,
        moved,
        _directory: directory,
    })
}

async fn build(
    project: &Project,
    package: &Package,
    overlay: Option<&Path>,
    into: &Path,
) -> Result<(), String> {
    let mut command = crate::build::go(project);
    command.args(["test", "-c", "-vet=off", "-o"]).arg(into);
    if let Some(overlay) = overlay {
        command.arg(format!("-overlay={}", overlay.display()));
    }
    command
        .args(crate::build::option_flags(&project.build))
        .arg(&package.path)
        .kill_on_drop(true);
    let output = command.output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
