//! Compiles and links workers: calls the compiler and the linker directly, with cached results.
//!
//! A shadow package is kept under a digest of its text, of what it imports and of the toolchain, so an edit
//! compiles one package and links a small program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::agent::{Agent, short};
use crate::cache;
use crate::facts::{ShadowPackage, own_go};
use crate::toolchain::Toolchain;

/// Standard packages that bodies may forward to inside a worker: those that `facts/pure.txt` names.
const REAL: [&str; 10] = [
    "html",
    "math",
    "math/bits",
    "net/url",
    "path",
    "sort",
    "strconv",
    "strings",
    "unicode",
    "unicode/utf8",
];

/// A compile or link that failed; the text is the tool's.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct CompileError(pub String);

impl From<std::io::Error> for CompileError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// What is needed to build workers with one toolchain.
#[derive(Debug, Clone)]
pub struct Compiler {
    tools: PathBuf,
    goroot: PathBuf,
    /// Import path → archive, of the worker runtime and the standard library.
    archives: BTreeMap<String, PathBuf>,
    key: String,
    shadows: PathBuf,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    import_path: String,
    #[serde(default)]
    export: Option<PathBuf>,
}

impl Compiler {
    /// Compiles the worker runtime, or finds it compiled.
    pub async fn prepare(agent: &Agent, toolchain: &Toolchain) -> Result<Self, CompileError> {
        let overlay = overlay(agent, toolchain)?;
        let output = own_go(toolchain)
            .args(["list", "-export", "-deps", "-json=ImportPath,Export"])
            .arg(format!("-overlay={}", overlay.display()))
            .arg("fireagent/worker")
            .args(REAL)
            .current_dir(agent.directory.join("facts"))
            .output()
            .await?;
        if !output.status.success() {
            return Err(CompileError(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ));
        }
        let mut archives = BTreeMap::new();
        for listed in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Listed>() {
            let listed = listed.map_err(|error| CompileError(error.to_string()))?;
            if let Some(export) = listed.export {
                archives.insert(listed.import_path, export);
            }
        }
        let tools = own_go(toolchain)
            .args(["env", "GOTOOLDIR"])
            .current_dir(agent.directory.join("facts"))
            .output()
            .await?;
        let mut digest = Sha256::new();
        digest.update(&toolchain.version);
        for (path, archive) in &archives {
            digest.update(path);
            digest.update(archive.as_os_str().as_encoded_bytes());
        }
        Ok(Self {
            tools: String::from_utf8_lossy(&tools.stdout).trim().into(),
            goroot: toolchain.goroot.clone(),
            archives,
            key: short(&digest.finalize()),
            shadows: cache::shadows(),
        })
    }

    /// Whether everything that the archives need is still in Go's build cache.
    pub fn is_current(&self) -> bool {
        self.archives.values().all(|archive| archive.exists())
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.tools.join(name));
        command
            .env("GOROOT", &self.goroot)
            .env("GOGC", "off") // both run for a tenth of a second and hold little
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn archive(&self, package: &ShadowPackage) -> PathBuf {
        let mut digest = Sha256::new();
        digest.update(&self.key);
        digest.update(&package.hash);
        self.shadows
            .join(format!("{}.a", short(&digest.finalize())))
    }

    /// Compiles the packages, each after those it imports, as many at once as there are processors.
    pub async fn compile(&self, packages: &[ShadowPackage]) -> Result<(), CompileError> {
        std::fs::create_dir_all(&self.shadows)?;
        let mut archives = self.archives.clone();
        for package in packages {
            archives.insert(package.path.clone(), self.archive(package));
        }
        for archive in packages.iter().map(|package| self.archive(package)) {
            cache::used(&archive);
        }
        let mut waiting: Vec<&ShadowPackage> = packages
            .iter()
            .filter(|package| !self.archive(package).exists())
            .collect();
        let mut missing: std::collections::BTreeSet<String> =
            waiting.iter().map(|package| package.path.clone()).collect();
        let mut running = JoinSet::new();
        let width = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        while !waiting.is_empty() || !running.is_empty() {
            let mut rest = Vec::new();
            for package in waiting {
                let ready = !package.imports.values().any(|path| missing.contains(path));
                if !ready || running.len() >= width {
                    rest.push(package);
                    continue;
                }
                let command = self.compile_command(package, &archives)?;
                let target = self.archive(package);
                let path = package.path.clone();
                running.spawn(async move { run_to(command, &target).await.map(|()| path) });
            }
            waiting = rest;
            match running.join_next().await {
                Some(Ok(Ok(path))) => {
                    missing.remove(&path);
                }
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(CompileError(error.to_string())),
                None if waiting.is_empty() => break,
                None => {
                    return Err(CompileError(
                        "the packages of the worker import each other".into(),
                    ));
                }
            }
        }
        Ok(())
    }

    fn compile_command(
        &self,
        package: &ShadowPackage,
        archives: &BTreeMap<String, PathBuf>,
    ) -> Result<Command, CompileError> {
        let mut config = String::new();
        for (written, compiled) in &package.imports {
            if written != compiled {
                let _ = writeln!(config, "importmap {written}={compiled}");
            }
            let archive = archives
                .get(compiled)
                .ok_or_else(|| CompileError(format!("{}: no package {compiled}", package.path)))?;
            let _ = writeln!(config, "packagefile {compiled}={}", archive.display());
        }
        let directory = package
            .files
            .first()
            .and_then(|file| file.parent())
            .unwrap_or(Path::new("."));
        let name = directory.join(if package.path == "main" {
            "main.importcfg"
        } else {
            "importcfg"
        });
        std::fs::write(&name, config)?;
        let mut command = self.tool("compile");
        command.args([
            "-p",
            &package.path,
            "-pack",
            "-complete",
            "-e", // every error: each may tell of another function that cannot be moved
            "-d=disablenil",
            "-dwarf=false",
            "-trimpath",
        ]);
        // Two workers that compile one shadow from different directories get the same bytes.
        command.arg(format!("{}=>{}", directory.display(), package.path));
        command.arg("-importcfg");
        command.arg(&name);
        if !package.lang.is_empty() {
            command.arg(format!("-lang=go{}", language(&package.lang)));
        }
        command.args(&package.files);
        Ok(command)
    }

    /// Links a worker.
    pub async fn link(&self, packages: &[ShadowPackage], into: &Path) -> Result<(), CompileError> {
        let mut config = String::new();
        for (path, archive) in &self.archives {
            let _ = writeln!(config, "packagefile {path}={}", archive.display());
        }
        let mut main = None;
        for package in packages {
            let archive = self.archive(package);
            if package.path == "main" {
                main = Some(archive);
            } else {
                let _ = writeln!(config, "packagefile {}={}", package.path, archive.display());
            }
        }
        let main = main.ok_or_else(|| CompileError("the worker has no main package".into()))?;
        let name = into.with_extension("importcfg");
        std::fs::write(&name, config)?;
        let mut command = self.tool("link");
        command
            .args(["-importcfg"])
            .arg(&name)
            .args(["-s", "-w", "-buildmode=exe"])
            .arg("-o")
            .arg(into)
            .arg(&main);
        run(command).await
    }
}

/// `1.24.3` → `1.24`.
fn language(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

async fn run(mut command: Command) -> Result<(), CompileError> {
    let output = command.output().await?;
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(CompileError(text.trim().to_owned()))
}

/// Runs a compiler whose output appears under its name whole or not at all.
async fn run_to(mut command: Command, target: &Path) -> Result<(), CompileError> {
    let directory = target.parent().unwrap_or(Path::new("."));
    let fresh = tempfile::NamedTempFile::new_in(directory)?.into_temp_path();
    // The compiler wants its flags before the files.
    let mut with_output = Command::new(command.as_std().get_program());
    with_output
        .arg("-o")
        .arg(&*fresh)
        .args(command.as_std().get_args());
    for (key, value) in command.as_std().get_envs() {
        if let Some(value) = value {
            with_output.env(key, value);
        }
    }
    with_output.stdin(Stdio::null()).kill_on_drop(true);
    command = with_output;
    run(command).await?;
    fresh
        .persist(target)
        .map_err(|error| CompileError(error.to_string()))?;
    Ok(())
}

/// The overlay under which the worker runtime is compiled.
fn overlay(agent: &Agent, toolchain: &Toolchain) -> Result<PathBuf, CompileError> {
    let mut replace = BTreeMap::new();
    for (path, files) in agent.worker() {
        for (name, file) in files {
            replace.insert(toolchain.goroot.join("src").join(&path).join(name), file);
        }
    }
    let text = serde_json::json!({ "Replace": replace }).to_string();
    let name = agent.directory.join(format!(
        "worker-{}.json",
        short(&Sha256::digest(text.as_bytes()))
    ));
    if !name.exists() {
        let file = tempfile::NamedTempFile::new_in(&agent.directory)?;
        std::fs::write(file.path(), &text)?;
        file.persist(&name)
            .map_err(|error| CompileError(error.to_string()))?;
    }
    Ok(name)
}
