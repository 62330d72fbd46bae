//! A process group: told to the guard while it is held, ended when it is dropped.

use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};

use super::Guard;

/// How long SIGKILL may take to work. Only a process stuck in the kernel exceeds it.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// A process group that fire started. Dropping it kills what is left of it.
#[derive(Debug)]
pub struct Group {
    id: Option<Pid>,
    guard: Guard,
}

impl Group {
    /// The group that the process leads. `None`, for a process already reaped, is a group of nobody.
    pub fn of(leader: Option<u32>, guard: &Guard) -> Self {
        let id = leader
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        if let Some(id) = id {
            guard.protect(id);
        }
        Self {
            id,
            guard: guard.clone(),
        }
    }

    /// Its id.
    pub fn id(&self) -> Option<Pid> {
        self.id
    }

    /// Sends a signal to every process of it.
    pub fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // An error means that nobody is left to receive it.
            let _ = kill_process_group(id, signal);
        }
    }

    /// Whether no process of it is left. Reaps its orphans, whose parent fire has become. Must not be
    /// asked before the leader is reaped: it would take the leader's exit status away.
    pub fn is_gone(&self) -> bool {
        let Some(id) = self.id else { return true };
        while let Ok(Some(_)) = waitpgid(id, WaitOptions::NOHANG) {}
        test_kill_process_group(id).is_err()
    }

    /// Waits until no process of it is left. `false` if some are when the time is up.
    pub async fn gone_within(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        loop {
            if self.is_gone() {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Kills what is left of it and sees it gone.
    pub async fn kill(&self) -> bool {
        self.signal(Signal::KILL);
        self.gone_within(KILL_PATIENCE).await
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(id) = self.id {
            self.guard.forget(id);
        }
    }
}
