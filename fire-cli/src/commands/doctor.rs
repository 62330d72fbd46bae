//! `fire doctor`: what could keep fire from working here, each with its cure.

use std::path::Path;
use std::time::{Duration, Instant};

use fire_host::setup::programs;
use fire_host::state::{DIRECTORY, State, StateError};
use fire_host::toolchain;
use fire_host::watch::{self, Scope, Watch};
use rustix::process::{Resource, getrlimit};

use crate::args::Common;
use crate::output::say;

/// How a check ended.
enum Finding {
    Good(String),
    /// It works, but not well: what, and the cure.
    Poor(String, String),
    /// It does not work: what, and the cure.
    Bad(String, String),
}

/// Runs every check. The exit code is 1 if something does not work.
pub fn run(common: &Common) -> anyhow::Result<u8> {
    let root = super::run::root(common)?;
    let findings = [
        ("go", go(&root)),
        ("program", program(&root)),
        ("state", state(&root)),
        ("watch limit", watch_limit(&root)),
        ("file system", file_system(&root)),
        ("file events", events(&root)),
        ("open files", open_files()),
        ("shared memory", shared_memory()),
        ("leftovers", leftovers(&root)),
    ];
    let mut code = 0;
    for (name, finding) in findings {
        let (mark, text, cure) = match finding {
            Finding::Good(text) => ("ok  ", text, None),
            Finding::Poor(text, cure) => ("poor", text, Some(cure)),
            Finding::Bad(text, cure) => {
                code = crate::failure::FAILED;
                ("BAD ", text, Some(cure))
            }
        };
        say!("{mark}  {name:<14} {text}")?;
        if let Some(cure) = cure {
            say!("      {:<14} cure: {cure}", "")?;
        }
    }
    Ok(code)
}

fn go(root: &Path) -> Finding {
    match toolchain::detect(root, &[]) {
        Ok(found) => Finding::Good(format!("{} at {}", found.version, found.go.display())),
        Err(error) => Finding::Bad(error.to_string(), error.hint()),
    }
}

fn program(root: &Path) -> Finding {
    let found = programs(root);
    match found.as_slice() {
        [] => Finding::Poor(
            "there is no package `main` here".into(),
            "name it: `fire ./path/to/program`".into(),
        ),
        [one] => Finding::Good(one.clone()),
        [first, ..] if first == "." => Finding::Good(".".into()),
        [first, ..] => Finding::Poor(
            format!("there are several: {}", found.join(", ")),
            format!("name one: `fire {first}`, or `package` in fire.toml"),
        ),
    }
}

fn state(root: &Path) -> Finding {
    match State::take(root) {
        Ok(state) => Finding::Good(format!("{} is writable", state.path().display())),
        Err(error @ StateError::Taken { .. }) => Finding::Good(error.to_string()),
        Err(error) => Finding::Bad(error.to_string(), error.hint()),
    }
}

fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn watch_limit(root: &Path) -> Finding {
    let (directories, _) = Scope::of(root).walk();
    let needed = directories.len() as u64;
    match number("/proc/sys/fs/inotify/max_user_watches") {
        None => Finding::Good(format!("{needed} directories")),
        Some(limit) if limit < needed * 2 => Finding::Bad(
            format!("{needed} directories, and {limit} watches for all programs together"),
            "sudo sysctl fs.inotify.max_user_watches=524288".into(),
        ),
        Some(limit) => match number("/proc/sys/fs/inotify/max_user_instances") {
            Some(few) if few < 32 => Finding::Poor(
                format!("{few} watchers for all programs together"),
                "sudo sysctl fs.inotify.max_user_instances=512".into(),
            ),
            _ => Finding::Good(format!("{needed} directories of {limit}")),
        },
    }
}

fn file_system(root: &Path) -> Finding {
    match watch::silent_file_system(root) {
        None => Finding::Good("tells of changes".into()),
        Some(name) => Finding::Poor(
            format!("{name} does not tell of changes made elsewhere"),
            "`fire --poll`, or `poll = true` under [watch] in fire.toml".into(),
        ),
    }
}

/// Writes a file and waits to be told.
fn events(root: &Path) -> Finding {
    let directory = root
        .join(DIRECTORY)
        .join(format!("doctor-{}", std::process::id()));
    let cure = || "`fire --poll`, or `poll = true` under [watch] in fire.toml".to_owned();
    if let Err(error) = std::fs::create_dir_all(&directory) {
        return Finding::Bad(
            format!("cannot be tried: {error}"),
            "make the directory writable".into(),
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let told = runtime.map(|runtime| {
        runtime.block_on(async {
            let mut watch = Watch::arm(
                Scope::of(&directory).gitignore(false),
                watch::Options::default(),
            );
            let began = Instant::now();
            // Whether it is written is what is found out.
            let _ = std::fs::write(directory.join("probe.go"), "package probe\n");
            let seen = tokio::time::timeout(Duration::from_secs(2), watch.next()).await;
            matches!(seen, Ok(Some(watch::Seen::Batch(_)))).then(|| began.elapsed())
        })
    });
    let _ = std::fs::remove_dir_all(&directory);
    match told {
        Ok(Some(elapsed)) => Finding::Good(format!(
            "arrive, a save is noticed after {} ms",
            elapsed.as_millis()
        )),
        Ok(None) => Finding::Bad("a file was written and no event came".into(), cure()),
        Err(error) => Finding::Bad(format!("cannot be tried: {error}"), cure()),
    }
}

fn open_files() -> Finding {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < 1_024 => Finding::Poor(
            format!("{limit} for one process"),
            "ulimit -n 4096, before fire is started".into(),
        ),
        Some(limit) => Finding::Good(format!("{limit} for one process")),
        None => Finding::Good("unlimited".into()),
    }
}

fn shared_memory() -> Finding {
    let path = Path::new("/dev/shm");
    if !cfg!(target_os = "linux") {
        return Finding::Good("not needed here".into());
    }
    let cure =
        "mount it (in a container: --shm-size=256m), or use `fire --transport pipe`".to_owned();
    match rustix::fs::statvfs(path) {
        Err(error) => Finding::Bad(format!("/dev/shm: {error}"), cure),
        Ok(stat) => {
            let free = stat.f_bavail * stat.f_frsize / (1 << 20);
            if free < 64 {
                Finding::Poor(format!("{free} MB free"), cure)
            } else {
                Finding::Good(format!("{free} MB free"))
            }
        }
    }
}

/// Builds of a fire that was killed.
fn leftovers(root: &Path) -> Finding {
    let Ok(_state) = State::take(root) else {
        return Finding::Good("a fire runs here; what there is belongs to it".into());
    };
    let builds = root.join(DIRECTORY).join("bin");
    let found = std::fs::read_dir(&builds).map_or(0, |entries| entries.flatten().count());
    if found == 0 {
        return Finding::Good("none".into());
    }
    match std::fs::remove_dir_all(&builds) {
        Ok(()) => Finding::Good(format!(
            "builds of an earlier fire: removed {}",
            builds.display()
        )),
        Err(error) => Finding::Poor(
            format!("{} cannot be removed: {error}", builds.display()),
            format!("rm -r {}", builds.display()),
        ),
    }
}
