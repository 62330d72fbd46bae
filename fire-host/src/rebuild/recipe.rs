//! How a build was made: what the go command would run, and of what; and the same again where little has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::task::JoinSet;

use super::archive;
use super::script::{self, Compile, Link, Script};
use crate::build::{self, Finished, finish};
use crate::project::Project;
use crate::supervise::Guard;
use crate::swap::{HomeBuild, Sources};

/// How the last build was made, and of what.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Of the go command, without what is built into which file.
    arguments: Vec<std::ffi::OsString>,
    environment: Vec<(String, String)>,
    sources: Sources,
    compiles: BTreeMap<String, Compile>,
    link: Link,
    /// Import path → what it is compiled into.
    archives: BTreeMap<String, PathBuf>,
    /// Import path of the program.
    program: String,
    /// What the go command tells its tools.
    tools: Vec<(String, String)>,
    /// Number of the last archive that was written.
    number: u64,
}

/// Why the go command must build.
pub(super) type Why = &'static str;

impl Recipe {
    pub(super) async fn learn(
        project: &Project,
        home: HomeBuild,
        binary: &Path,
        guard: &Guard,
    ) -> Option<Self> {
        let sources = home.sources.clone()?;
        let arguments = build::arguments(&project.build, &home, Path::new(""));
        // The commands that are left, with the archives that there are; at once, for the source may change. Then all of
        // them, as if nothing had been built: these are the same for any source.
        let last = go(project, &home, binary, &["-n"], guard).await?;
        let last = script::read(&last, &project.root)?;
        let (all, tools) = tokio::join!(
            go(project, &home, binary, &["-n", "-a"], guard),
            tools(project, guard)
        );
        let (all, tools) = (script::read(&all?, &project.root)?, tools?);
        let Script { compiles, .. } = all;
        let link = last.link?;
        let archives: BTreeMap<String, PathBuf> = link
            .archives
            .iter()
            .map(|(path, archive)| (path.clone(), archive.into()))
            .collect();
        // The script must be of what the compiler has: else the source has changed since.
        if !last.compiles.is_empty() || archives.values().any(|archive| !archive.is_file()) {
            return None;
        }
        let program = compiles
            .iter()
            .find(|(_, compile)| {
                let package = compile.command.value("-p");
                package.is_some_and(|at| compile.command.words[at] == "main")
            })?
            .0
            .clone();
        Some(Self {
            arguments,
            environment: project.build.environment.clone(),
            sources,
            compiles,
            link,
            archives,
            program,
            tools,
            number: 0,
        })
    }

    pub(super) async fn build(
        &mut self,
        directory: &Path,
        project: &Project,
        home: &HomeBuild,
        binary: &Path,
        guard: &Guard,
    ) -> Result<(), Why> {
        let sources = home.sources.as_ref().ok_or("its sources are not known")?;
        if build::arguments(&project.build, home, Path::new("")) != self.arguments
            || project.build.environment != self.environment
        {
            return Err("it is built in another way");
        }
        let mut changed = self.changed(sources)?;
        let mut archives = self.archives.clone();
        let mut made = Vec::new();
        let mut number = self.number;
        let mut waiting: BTreeMap<usize, &str> = BTreeMap::new();
        self.enter(&changed, &mut waiting);
        let width = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let mut running = JoinSet::new();
        let mut begun: BTreeSet<String> = BTreeSet::new();
        loop {
            // What imports none of those that are yet to be made.
            let open: BTreeSet<&str> = waiting
                .values()
                .copied()
                .chain(begun.iter().map(String::as_str))
                .collect();
            let ready: Vec<usize> = waiting
                .iter()
                .filter(|(_, path)| {
                    let imports = &self.compiles[**path].imports;
                    !imports.iter().any(|import| open.contains(import.as_str()))
                })
                .map(|(order, _)| *order)
                .take(width.saturating_sub(running.len()))
                .collect();
            for order in ready {
                let Some(path) = waiting.remove(&order) else {
                    continue;
                };
                number += 1;
                let place = directory.join(number.to_string());
                let command = self.compile(path, &archives, &place, home)?;
                let (path, guard) = (path.to_owned(), guard.clone());
                begun.insert(path.clone());
                running.spawn(async move {
                    let finished = finish(command, &guard).await;
                    (path, place.join("_pkg_.a"), succeeded(finished))
                });
            }
            let Some(ended) = running.join_next().await else {
                break;
            };
            let (path, archive, succeeded) = ended.map_err(|_| "a compiler could not be run")?;
            if !succeeded {
                return Err("the compiler has something to say");
            }
            begun.remove(&path);
            let old = archives.insert(path.clone(), archive.clone());
            let shown = archive::interface(&archive).ok_or("a package cannot be read")?;
            if old.and_then(|old| archive::interface(&old)) != Some(shown) {
                let importers: BTreeSet<String> = self
                    .compiles
                    .iter()
                    .filter(|(_, compile)| compile.imports.contains(&path))
                    .map(|(importer, _)| importer.clone())
                    .filter(|importer| changed.insert(importer.clone()))
                    .collect();
                self.enter(&importers, &mut waiting);
            }
            made.push(path);
        }
        if !waiting.is_empty() {
            return Err("packages import each other");
        }
        let command = self.link(&archives, directory, binary)?;
        if !succeeded(finish(command, guard).await) {
            return Err("the linker has something to say");
        }
        for path in made {
            if let Some(old) = self
                .archives
                .get(&path)
                .filter(|old| old.starts_with(directory))
            {
                let _ = std::fs::remove_file(old);
            }
        }
        self.number = number;
        self.archives = archives;
        self.sources = sources.clone();
        Ok(())
    }

    /// The packages whose text is another than it was.
    fn changed(&self, sources: &Sources) -> Result<BTreeSet<String>, Why> {
        if sources.rest != self.sources.rest {
            return Err("what fire adds is another");
        }
        if !sources.packages.keys().eq(self.sources.packages.keys()) {
            return Err("there are other packages");
        }
        let mut changed = BTreeSet::new();
        for (path, now) in &sources.packages {
            let before = &self.sources.packages[path];
            if now.shape != before.shape {
                return Err("files, imports or directives are others");
            }
            if now.digest != before.digest {
                if !self.compiles.contains_key(path) {
                    return Err("a package is not made by the compiler alone");
                }
                changed.insert(path.clone());
            }
        }
        Ok(changed)
    }

    /// Puts packages in line.
    fn enter<'a>(&'a self, packages: &BTreeSet<String>, waiting: &mut BTreeMap<usize, &'a str>) {
        for path in packages {
            if let Some((path, compile)) = self.compiles.get_key_value(path) {
                waiting.insert(compile.order(), path);
            }
        }
    }

    fn compile(
        &self,
        path: &str,
        archives: &BTreeMap<String, PathBuf>,
        place: &Path,
        home: &HomeBuild,
    ) -> Result<tokio::process::Command, Why> {
        let compile = &self.compiles[path];
        if !home
            .sources
            .as_ref()
            .is_some_and(|sources| sources.packages.contains_key(path))
        {
            return Err("a library must be compiled anew");
        }
        let output = compile
            .command
            .value("-o")
            .and_then(|at| compile.command.words[at].strip_suffix("/_pkg_.a"))
            .ok_or("the compiler writes elsewhere")?;
        let shown = place.to_str().ok_or("a path is not text")?;
        std::fs::create_dir_all(place).map_err(|_| "its directory cannot be made")?;
        for (name, text) in &compile.files {
            let mut written = String::new();
            for line in text.lines() {
                match script::archive(line) {
                    Some((import, _)) if name == "importcfg" => {
                        let archive = archives.get(import).ok_or("an import is missing")?;
                        written.push_str(&format!("packagefile {import}={}", archive.display()));
                    }
                    _ => written.push_str(line),
                }
                written.push('\n');
            }
            std::fs::write(place.join(name), written).map_err(|_| "a file cannot be written")?;
        }
        let words = compile.command.words.iter();
        let words = words.map(|word| word.replace(output, shown)).collect();
        self.command(&compile.command.directory, words)
    }

    fn link(
        &self,
        archives: &BTreeMap<String, PathBuf>,
        directory: &Path,
        binary: &Path,
    ) -> Result<tokio::process::Command, Why> {
        let mut words = self.link.command.words.clone();
        let mut put = |option: &str, value: &Path| {
            let at = self
                .link
                .command
                .value(option)
                .ok_or("the linker has no such option")?;
            words[at] = value.to_str().ok_or("a path is not text")?.to_owned();
            Ok::<(), Why>(())
        };
        let configuration = directory.join("importcfg.link");
        put("-o", binary)?;
        put("-importcfg", &configuration)?;
        let last = words.last_mut().ok_or("the linker has no input")?;
        let program = archives
            .get(&self.program)
            .ok_or("the program is missing")?;
        *last = program.to_str().ok_or("a path is not text")?.to_owned();
        let mut text = String::new();
        for (path, archive) in archives {
            text.push_str(&format!("packagefile {path}={}\n", archive.display()));
        }
        for line in &self.link.others {
            text.push_str(line);
            text.push('\n');
        }
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&configuration, text))
            .map_err(|_| "a file cannot be written")?;
        self.command(&self.link.command.directory, words)
    }

    fn command(
        &self,
        directory: &Path,
        words: Vec<String>,
    ) -> Result<tokio::process::Command, Why> {
        if words.iter().any(|word| word.contains("$WORK")) {
            return Err("a tool needs what the go command makes");
        }
        let (program, arguments) = words.split_first().ok_or("there is no command")?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .current_dir(directory)
            .envs(self.tools.iter().map(|(name, value)| (name, value)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("GOGC", "off") // both run for a tenth of a second and hold little
            .stdin(Stdio::null());
        Ok(command)
    }
}

fn succeeded(finished: std::io::Result<Finished>) -> bool {
    finished.is_ok_and(|finished| finished.status.success())
}

/// What the go command would run.
async fn go(
    project: &Project,
    home: &HomeBuild,
    binary: &Path,
    flags: &[&str],
    guard: &Guard,
) -> Option<String> {
    let command = build::go_build(project, home, binary, flags);
    let finished = finish(command, guard).await.ok()?;
    if !finished.status.success() {
        return None;
    }
    String::from_utf8([finished.stdout, finished.stderr].concat()).ok()
}

/// The settings that the go command hands to its tools.
async fn tools(project: &Project, guard: &Guard) -> Option<Vec<(String, String)>> {
    let mut command = build::go(project);
    command.args(["env", "-json"]);
    let finished = finish(command, guard).await.ok()?;
    let settings: BTreeMap<String, String> = serde_json::from_slice(&finished.stdout).ok()?;
    Some(settings.into_iter().collect())
}
