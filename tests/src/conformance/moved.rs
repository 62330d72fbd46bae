//! Builds the programs plain and moved, and runs them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fire_host::agent::Agent;
use fire_host::compile::Compiler;
use fire_host::control::{Awaited, Control, Move};
use fire_host::facts::{Facts, Function, Functions, Instrumented, Shadow};
use fire_host::project::{BuildOptions, PluginChoice, Project};
use fire_host::toolchain::detect;
use fire_plugin_api::transport::{Link, LinkRequest, Side};
use serde_json::json;
use tokio::process::{Child, Command};

use super::module::{self, MODULE};
use super::program::Program;
use super::transports::{self, Over};

/// How functions are spread over workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// One worker for each package of the program.
    Package,
    /// One worker for each function.
    Function,
    /// As a number says: all in one worker, all in three, or a half of them in two while the others stay at home.
    Scattered(u64),
}

impl Split {
    /// The functions of each worker.
    fn groups(self, functions: &[&Function]) -> Vec<Vec<String>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for function in functions {
            let group = match self {
                Self::Package => function.package.clone(),
                Self::Function => function.id.clone(),
                Self::Scattered(number) => {
                    let mixed = mix(number, &function.id);
                    match number % 3 {
                        0 => String::new(),
                        1 => (mixed % 3).to_string(),
                        _ if mixed % 4 < 2 => continue,
                        _ => (mixed % 4).to_string(),
                    }
                }
            };
            groups.entry(group).or_default().push(function.id.clone());
        }
        groups.into_values().collect()
    }
}

/// FNV-1a: the same in every run.
fn mix(number: u64, id: &str) -> u64 {
    id.bytes()
        .fold(0xcbf2_9ce4_8422_2325 ^ number, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
        >> 7
}

/// How a run has ended.
#[derive(Debug)]
pub struct Outcome {
    pub stdout: String,
    /// What a panic says, without stacks and addresses.
    pub stderr: String,
    /// All of what it wrote there.
    pub report: String,
    pub code: Option<i32>,
    /// The memory of its workers.
    pub memory: Vec<Memory>,
}

/// The resident memory of a worker in bytes: the most in the first half of its life, and in the second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub early: u64,
    pub late: u64,
}

/// A built worker.
#[derive(Debug)]
pub struct Worker {
    binary: PathBuf,
    functions: Vec<String>,
}

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The built programs.
pub struct Stage {
    directory: PathBuf,
    facts: Facts,
    compiler: Compiler,
    functions: Vec<Function>,
}

impl Stage {
    /// Builds both binaries.
    ///
    /// # Panics
    /// When that fails.
    pub async fn build(directory: &Path, programs: &[Program], flags: &[&str]) -> Self {
        let root = directory.join("module");
        module::write(&root, programs);
        let root = root.canonicalize().expect("it has just been written");
        let toolchain = detect(&root, &[]).expect("the suite needs Go");
        let choice = PluginChoice::default;
        let project = Project {
            root: root.clone(),
            app: None,
            packages: vec![".".into()],
            state: directory.join("state"),
            toolchain: toolchain.clone(),
            build: BuildOptions::default(),
            transport: choice(),
            split: choice(),
            policy: choice(),
        };
        let build = async |arguments: &[&str], into: &str| {
            let output = Command::new(&toolchain.go)
                .arg("build")
                .args(arguments)
                .arg("-o")
                .arg(directory.join(into))
                .arg(".")
                .current_dir(&root)
                .output()
                .await
                .expect("go runs");
            assert!(
                output.status.success(),
                "{into}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        build(flags, "plain").await;
        let agent = Agent::lay_out(&transports::go_half()).expect("the cache is writable");
        let facts = Facts::start(&agent, &toolchain, &project)
            .await
            .expect("the facts helper starts");
        let loaded = facts
            .load(&project, fire_host::facts::Faulty::Told)
            .await
            .expect("the programs can be read");
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let list: Vec<_> = agent
            .home()
            .into_iter()
            .map(|(path, files)| json!({ "path": path, "files": files }))
            .collect();
        let instrumented: Instrumented = facts
            .ask(json!({ "do": "instrument", "out": directory.join("home"), "agent": list }))
            .await
            .expect("the programs can be instrumented");
        let overlay = instrumented.overlay.to_string_lossy();
        build(&[&["-overlay", &*overlay], flags].concat(), "home-binary").await;
        let compiler = Compiler::prepare(&agent, &toolchain)
            .await
            .expect("the worker runtime compiles");
        let functions: Functions = facts
            .ask(json!({ "do": "functions" }))
            .await
            .expect("the functions can be listed");
        Self {
            directory: directory.to_path_buf(),
            facts,
            compiler,
            functions: functions.functions,
        }
    }

    /// The functions that move, and what is refused or not refused against the program's word.
    pub fn movable(&self, program: &Program) -> (Vec<&Function>, Vec<String>) {
        let (mut movable, mut wrong) = (Vec::new(), Vec::new());
        let mut refuses = program.refuses.clone();
        let own = format!("{MODULE}/cases/{}", program.name);
        for function in &self.functions {
            let inside = match function.package.strip_prefix(&own) {
                Some("") => "",
                Some(inside) if inside.starts_with('/') => &inside[1..],
                _ => continue,
            };
            if program.native.iter().any(|package| package == inside) {
                continue;
            }
            let short = function
                .id
                .strip_prefix(&own)
                .unwrap_or_default()
                .trim_start_matches('.');
            match function.reason.as_deref() {
                None => movable.push(function),
                Some("main") => {}
                Some(code) => {
                    let before = refuses.len();
                    refuses.retain(|(name, expected)| name != short || expected != code);
                    if refuses.len() == before {
                        wrong.push(format!(
                            "{short} is refused: {code}: {}",
                            function.detail.as_deref().unwrap_or_default()
                        ));
                    }
                }
            }
        }
        wrong.extend(
            refuses
                .iter()
                .map(|(name, code)| format!("{name} is not refused ({code})")),
        );
        (movable, wrong)
    }

    /// Runs a program as Go builds it.
    pub async fn plain(&self, program: &Program) -> Outcome {
        let child = Command::new(self.directory.join("plain"))
            .arg(&program.name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the plain binary runs");
        finish(child).await.expect("a plain program ends")
    }

    /// Builds the workers of a split.
    pub async fn workers(
        &self,
        program: &Program,
        functions: &[&Function],
        split: Split,
    ) -> Result<Vec<Worker>, String> {
        let mut workers = Vec::new();
        for (number, functions) in split.groups(functions).into_iter().enumerate() {
            let out = self.shadows(program).join(format!("{split:?}-{number}"));
            let binary = self.worker(&out, &functions).await?;
            workers.push(Worker { binary, functions });
        }
        Ok(workers)
    }

    /// Where a program's workers are built.
    pub fn shadows(&self, program: &Program) -> PathBuf {
        self.directory.join("shadow").join(&program.name)
    }

    /// Builds a worker.
    async fn worker(&self, out: &Path, functions: &[String]) -> Result<PathBuf, String> {
        let shadow: Shadow = self
            .facts
            .ask(json!({ "do": "shadow", "out": out, "functions": functions, "generation": 1 }))
            .await
            .map_err(|error| format!("shadow: {error}"))?;
        if let Some(refused) = shadow.refused {
            return Err(format!(
                "{} is refused: {}: {}",
                refused.function, refused.code, refused.detail
            ));
        }
        self.compiler
            .compile(&shadow.packages)
            .await
            .map_err(|error| format!("compile: {error}"))?;
        let binary = out.join("worker-binary");
        self.compiler
            .link(&shadow.packages, &binary)
            .await
            .map_err(|error| format!("link: {error}"))?;
        Ok(binary)
    }

    /// Runs a program with its functions moved.
    pub async fn moved(
        &self,
        program: &Program,
        workers: &[Worker],
        over: Over,
    ) -> Result<Outcome, String> {
        let directory = tempfile::Builder::new()
            .prefix("fc")
            .tempdir()
            .map_err(|error| error.to_string())?;
        let (control, _notices) =
            Control::listen(directory.path()).map_err(|error| error.to_string())?;
        let home = Command::new(self.directory.join("home-binary"))
            .arg(&program.name)
            .env("FIRE_CONTROL", control.path())
            .env("FIRE_HOLD", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        wait(&control, Awaited::Begun).await?;
        let mut moves: Vec<Move> = Vec::new();
        let mut running: Vec<(Child, Box<dyn Link>)> = Vec::new();
        let transport = over.transport();
        for (number, built) in workers.iter().enumerate() {
            let generation = number as u64 + 1;
            let own = directory.path().join(number.to_string());
            std::fs::create_dir(&own).map_err(|error| error.to_string())?;
            let link = transport
                .create(&LinkRequest {
                    generation,
                    directory: own,
                })
                .map_err(|error| error.to_string())?;
            let descriptor = |side| format!("{}:{}", over.name(), link.descriptor(side));
            let worker = Command::new(&built.binary)
                .env("FIRE_CONTROL", control.path())
                .env("FIRE_LINK", descriptor(Side::Worker))
                .env("GODEBUG", "invalidptr=0")
                .env("FIRE_GENERATION", generation.to_string())
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .map_err(|error| error.to_string())?;
            wait(&control, Awaited::Attached(generation)).await?;
            control.link(generation, &descriptor(Side::Home));
            wait(&control, Awaited::Linked(generation)).await?;
            link.attached().map_err(|error| error.to_string())?;
            moves.push(Move {
                generation,
                functions: built.functions.clone(),
                baseline: false,
            });
            running.push((worker, link));
        }
        control.commit(1, &moves, &[], &[]);
        wait(&control, Awaited::Committed(1)).await?;
        control.release();
        let pids: Vec<u32> = running
            .iter()
            .filter_map(|(worker, _)| worker.id())
            .collect();
        let (mut outcome, memory) = watched(finish(home), &pids).await;
        if let Ok(outcome) = &mut outcome {
            outcome.memory = memory;
        }
        for (mut worker, link) in running {
            link.close("the program has ended");
            // An error means that it has ended by itself.
            let _ = worker.kill().await;
        }
        outcome
    }
}

async fn wait(control: &Control, what: Awaited) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, control.wait(what)).await {
        Ok(Some(Ok(()))) => Ok(()),
        Ok(Some(Err(refused))) => Err(format!("home refuses the worker: {}", refused.message)),
        Ok(None) => Err(format!("the program has ended before {what:?}")),
        Err(_) => Err(format!("{what:?} has not come")),
    }
}

async fn finish(child: Child) -> Result<Outcome, String> {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .map_err(|_| "the program does not end".to_owned())?
        .map_err(|error| error.to_string())?;
    Ok(Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: panic_text(&String::from_utf8_lossy(&output.stderr)),
        report: String::from_utf8_lossy(&output.stderr).into_owned(),
        memory: Vec::new(),
        code: output.status.code(),
    })
}

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Waits for a program's end, and watches the memory of processes meanwhile.
async fn watched<T>(end: impl Future<Output = T>, pids: &[u32]) -> (T, Vec<Memory>) {
    let mut samples: Vec<Vec<u64>> = vec![Vec::new(); pids.len()];
    let mut look = tokio::time::interval(LOOK);
    let mut end = std::pin::pin!(end);
    let ended = loop {
        tokio::select! {
            ended = &mut end => break ended,
            _ = look.tick() => {
                for (samples, pid) in samples.iter_mut().zip(pids) {
                    samples.extend(resident(*pid));
                }
            }
        }
    };
    let most = |samples: &[u64]| samples.iter().copied().max().unwrap_or_default();
    let halves = samples.iter().map(|samples| {
        let (early, late) = samples.split_at(samples.len() / 2);
        Memory {
            early: most(early),
            late: most(late),
        }
    });
    (ended, halves.collect())
}

/// The resident memory of a process in bytes.
fn resident(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

/// What a crash says before its stacks: of panics that replaced one another the last, addresses left out.
fn panic_text(stderr: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in stderr.lines() {
        if line.starts_with("goroutine ") || line.starts_with("[signal") {
            break;
        }
        if line.starts_with("\tpanic: ") {
            lines.clear();
        }
        let line = line
            .trim_start_matches('\t')
            .replace(" [recovered, repanicked]", "")
            .replace(" [recovered]", "");
        lines.push(without_addresses(&line));
    }
    lines.join("\n").trim().to_owned()
}

fn without_addresses(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("0x") {
        let (before, number) = rest.split_at(at);
        let digits = number[2..]
            .chars()
            .take_while(char::is_ascii_hexdigit)
            .count();
        out.push_str(before);
        out.push_str(if digits >= 6 {
            "0xADDRESS"
        } else {
            &number[..2 + digits]
        });
        rest = &number[2 + digits..];
    }
    out + rest
}
