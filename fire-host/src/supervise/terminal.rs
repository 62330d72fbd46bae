//! The terminal, which fire and the app share: fire reads keys from it until the app wants it.
//!
//! Theory of operation. The app starts in a background group, so Ctrl-C reaches fire, and fire may read
//! keys. When the app reads the terminal, or changes its modes, the kernel stops it (SIGTTIN,
//! SIGTTOU): fire then lends it the terminal and lets it go on. From then on keys, Ctrl-C and changes of
//! size are the app's, until it ends. A witness in the app's group tells when it was Ctrl-C that ended
//! it: a process that does nothing and dies of SIGINT.
//!
//! Without a terminal on stdin, or in the background of one, nothing of this happens.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgrp};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
    tcsetpgrp,
};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The hidden command of the fire binary that becomes the witness.
pub const WITNESS: &str = "__witness";

/// The terminal that fire runs in, if it does. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    tty: File,
    own: Pid,
    /// As fire found it.
    modes: Termios,
    borrower: Mutex<Option<Pid>>,
    lent: watch::Sender<bool>,
}

impl Terminal {
    /// The controlling terminal, if stdin is one and fire is in its foreground. Within a runtime.
    pub fn open() -> Self {
        let inner = Inner::open().map(Arc::new);
        if inner.is_some() {
            // Some shells and multiplexers leave these ignored, and a child inherits that: its reads
            // would fail instead of stopping it. What has a handler here is at its default there.
            for number in [Signal::TTIN, Signal::TTOU] {
                let _ = signal(SignalKind::from_raw(number.as_raw()));
            }
        }
        Self { inner }
    }

    /// No terminal.
    pub fn none() -> Self {
        Self::default()
    }

    /// Gives it to a group that wants it. `false` if it is not fire's to give.
    pub fn lend(&self, group: Pid) -> bool {
        let Some(inner) = &self.inner else {
            return false;
        };
        let mut borrower = inner.borrower();
        match *borrower {
            Some(holder) if holder != group => return false,
            _ => {}
        }
        let lent = inner.undisturbed(|| {
            inner.in_foreground(*borrower)
                && tcsetattr(&inner.tty, OptionalActions::Now, &inner.modes).is_ok()
                && tcsetpgrp(&inner.tty, group).is_ok()
        });
        if lent {
            *borrower = Some(group);
            inner.lent.send_replace(true);
        }
        lent
    }

    /// Takes it back, if this group has it, as it was before it was lent.
    pub fn take_back(&self, group: Pid) {
        let Some(inner) = &self.inner else { return };
        let mut borrower = inner.borrower();
        if *borrower != Some(group) {
            return;
        }
        *borrower = None;
        inner.undisturbed(|| {
            // It fails when the terminal is gone, and then nobody misses it.
            let _ = tcsetpgrp(&inner.tty, inner.own);
            let _ = tcsetattr(&inner.tty, OptionalActions::Now, &inner.modes);
        });
        inner.lent.send_replace(false);
    }

    /// Whether a newline needs a carriage return before it: the app has switched output processing off.
    pub fn is_raw(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| {
            *inner.lent.borrow()
                && tcgetattr(&inner.tty)
                    .is_ok_and(|modes| !modes.output_modes.contains(OutputModes::OPOST))
        })
    }

    /// Leaves it as fire found it.
    pub fn restore(&self) {
        if let Some(inner) = &self.inner {
            inner.undisturbed(|| {
                if inner.in_foreground(None) {
                    let _ = tcsetattr(&inner.tty, OptionalActions::Now, &inner.modes);
                }
            });
        }
    }

    /// The keys that are typed while fire has it. `None` without a terminal.
    pub fn keys(&self) -> Option<Keys> {
        let inner = self.inner.clone()?;
        let own = std::fs::OpenOptions::new()
            .read(true)
            // A description of fire's own: the app's stdin stays blocking.
            .custom_flags(
                (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY)
                    .bits()
                    .cast_signed(),
            )
            .open("/dev/tty")
            .ok()?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe; a File keeps its descriptor"
        )]
        let input = AsyncFd::new(own).ok()?;
        let keys = Keys {
            input,
            lent: inner.lent.subscribe(),
            inner,
        };
        keys.one_by_one();
        Some(keys)
    }
}

impl Inner {
    fn open() -> Option<Self> {
        if !isatty(std::io::stdin()) {
            return None;
        }
        let tty = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let modes = tcgetattr(&tty).ok()?;
        let own = getpgrp();
        let inner = Self {
            tty,
            own,
            modes,
            borrower: Mutex::new(None),
            lent: watch::Sender::new(false),
        };
        inner.in_foreground(None).then_some(inner)
    }

    fn borrower(&self) -> MutexGuard<'_, Option<Pid>> {
        self.borrower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether fire, or who borrowed from it, is in the foreground.
    fn in_foreground(&self, borrower: Option<Pid>) -> bool {
        tcgetpgrp(self.tty.as_fd()).is_ok_and(|group| group == self.own || Some(group) == borrower)
    }

    /// Changing a terminal from the background stops a process, unless the thread that does it blocks
    /// the signal. A thread of its own, so that no child inherits the mask.
    fn undisturbed<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let mut stops = nix::sys::signal::SigSet::empty();
                stops.add(nix::sys::signal::Signal::SIGTTOU);
                // Fails only for a wrong argument.
                let _ = stops.thread_block();
                act()
            });
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

/// What is typed.
#[derive(Debug)]
pub struct Keys {
    input: AsyncFd<File>,
    lent: watch::Receiver<bool>,
    inner: Arc<Inner>,
}

impl Keys {
    /// Lines become single keys, without echo; signals and output stay as they are.
    pub fn one_by_one(&self) {
        let mut modes = self.inner.modes.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        self.inner.undisturbed(|| {
            if self.inner.in_foreground(None) && self.inner.borrower().is_none() {
                let _ = tcsetattr(&self.inner.tty, OptionalActions::Now, &modes);
            }
        });
    }

    /// The next key. `None` when the terminal is gone. May be dropped and asked again.
    pub async fn next(&mut self) -> Option<u8> {
        loop {
            while *self.lent.borrow_and_update() {
                self.lent.changed().await.ok()?;
                if !*self.lent.borrow() {
                    self.one_by_one();
                }
            }
            tokio::select! {
                ready = self.input.readable() => {
                    let mut ready = ready.ok()?;
                    // In the background (Ctrl-Z, then bg) a read would stop fire.
                    match tcgetpgrp(self.inner.tty.as_fd()) {
                        Ok(group) if group == self.inner.own && !*self.lent.borrow() => {}
                        Ok(_) => {
                            ready.clear_ready();
                            continue;
                        }
                        // The terminal has hung up.
                        Err(_) => return None,
                    }
                    let mut byte = [0];
                    match rustix::io::read(self.input.get_ref(), &mut byte) {
                        Ok(0) => return None,
                        Ok(_) => return Some(byte[0]),
                        Err(Errno::AGAIN) => ready.clear_ready(),
                        Err(Errno::INTR) => {}
                        Err(_) => return None,
                    }
                }
                changed = self.lent.changed() => changed.ok()?,
            }
        }
    }
}

/// A process in the app's group that dies of the Ctrl-C that is typed there.
#[derive(Debug)]
pub struct Witness {
    child: tokio::process::Child,
    /// Held apart: waiting for the child would close it.
    _pipe: Option<tokio::process::ChildStdin>,
}

impl Witness {
    /// Starts one in the group, from fire's own binary.
    pub fn start(group: Pid) -> std::io::Result<Self> {
        let mut child = tokio::process::Command::new(std::env::current_exe()?)
            .arg(WITNESS)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(group.as_raw_nonzero().get())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            _pipe: child.stdin.take(),
            child,
        })
    }

    /// Done when it has ended; `true` if Ctrl-C was typed.
    pub async fn ended(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().await;
        status.is_ok_and(|status| status.signal() == Some(rustix::process::Signal::INT.as_raw()))
    }

    /// Ends it.
    pub async fn dismiss(mut self) {
        // It may have ended already.
        let _ = self.child.kill().await;
    }
}

/// The witness's life, for the hidden command: until fire closes the pipe, or a signal.
pub fn witness() {
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
}
