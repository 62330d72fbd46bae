//! The guard: a small process of fire's own that ends what fire leaves behind when it is killed.
//!
//! fire holds the write end of the guard's stdin. Each line adds (`+ID`) or removes (`-ID`) a process
//! group. When the pipe closes, fire is gone: the guard kills the groups that are left and ends. It
//! ignores the signals of the terminal, and lives in a session of its own.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The hidden command of the fire binary that becomes the guard.
pub const COMMAND: &str = "__guard";

/// fire's end of the guard. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    pipe: Option<Arc<Mutex<std::process::ChildStdin>>>,
}

impl Guard {
    /// Starts the guard from fire's own binary.
    pub fn start() -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = child.stdin.take();
        // It ends by itself when the pipe closes, which is after fire: there is nobody to wait for it.
        drop(child);
        Ok(Self {
            pipe: pipe.map(|pipe| Arc::new(Mutex::new(pipe))),
        })
    }

    /// A guard that does nothing, for programs that cannot start one.
    pub fn none() -> Self {
        Self::default()
    }

    /// From now on this group ends when fire is killed.
    pub fn protect(&self, group: Pid) {
        self.say('+', group);
    }

    /// The group has ended; its number may be somebody else's soon.
    pub fn forget(&self, group: Pid) {
        self.say('-', group);
    }

    /// From now on this directory is removed when fire is killed.
    pub fn sweep(&self, directory: &Path) {
        if let (Some(pipe), Some(text)) = (&self.pipe, directory.to_str())
            && !text.contains('\n')
        {
            let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(pipe, "={text}");
        }
    }

    fn say(&self, sign: char, group: Pid) {
        if let Some(pipe) = &self.pipe {
            let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
            // A guard that has died protects nothing; fire itself goes on.
            let _ = writeln!(pipe, "{sign}{}", group.as_raw_nonzero());
        }
    }
}

/// The guard's life, for the hidden command.
pub fn serve() {
    // Out of the terminal's reach: Ctrl-C must not end the guard before fire.
    let _ = rustix::process::setsid();
    let mut groups = BTreeSet::new();
    let mut directories = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match line.strip_prefix('=') {
            Some(directory) => directories.push(PathBuf::from(directory)),
            None => follow(&mut groups, &line),
        }
    }
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    for directory in directories {
        // After an orderly end it is gone already.
        let _ = std::fs::remove_dir_all(directory);
    }
}

fn follow(groups: &mut BTreeSet<i32>, line: &str) {
    let mut rest = line.chars();
    match (rest.next(), rest.as_str().parse::<i32>()) {
        // 0 and 1 would mean the guard's own group and everybody.
        (Some('+'), Ok(id)) if id > 1 => {
            groups.insert(id);
        }
        (Some('-'), Ok(id)) => {
            groups.remove(&id);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_what_it_is_told() {
        let mut groups = BTreeSet::new();
        for line in ["+10", "+11", "-10", "", "+x", "+0", "+1", "+-1", "-99", "é"] {
            follow(&mut groups, line);
        }
        assert_eq!(groups, BTreeSet::from([11]));
    }
}
