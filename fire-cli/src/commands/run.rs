//! `fire run`: the session, between the user's signals and the user's terminal.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use fire_host::clock::Clock;
use fire_host::inquiry::{Inquired, Inquiry};
use fire_host::session::{Command, End, Handle, Session, Settings};
use fire_host::setup::{Request, settle_all};
use fire_host::state::State;
use fire_host::supervise::{Guard, Terminal};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

use crate::args::{Common, Run};
use crate::failure::{FAILED, Usage};
use crate::output::Output;

/// The exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The exit code after SIGHUP.
const HUNG_UP: u8 = 129;

/// Until the user ends it.
pub fn run(common: &Common, options: Run) -> anyhow::Result<u8> {
    let clock = Clock::start();
    let root = root(common)?;
    let mut output = Output::open(common)?;
    let apps = settle_all(Request {
        root: root.clone(),
        config: common.config.clone(),
        packages: options.package,
        arguments: options.arguments,
        transport: common.transport.clone(),
        split: common.split.clone(),
        policy: common.policy.clone(),
        poll: options.poll.map(|ms| Duration::from_millis(ms.max(10))),
    })?;
    let _state = State::take(&root)?;
    let guard = Guard::start().unwrap_or_else(|error| {
        output.say(&format!(
            "if fire is killed, the app may live on: the guard cannot be started ({error})"
        ));
        Guard::none()
    });
    adopt_orphans();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let terminal = {
        let _inside = runtime.enter();
        Terminal::open()
    };
    output.on(terminal.clone());
    let code = runtime.block_on(drive(apps, &guard, &terminal, clock, &mut output));
    terminal.restore();
    // Whatever still waits for a key or a signal is not waited for.
    runtime.shutdown_background();
    code
}

/// Runs the sessions until all have ended. Gives the exit code.
async fn drive(
    apps: Vec<Settings>,
    guard: &Guard,
    terminal: &Terminal,
    clock: Clock,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let (sender, mut told) = unbounded_channel();
    let (mut handles, mut sessions) = (Vec::new(), tokio::task::JoinSet::new());
    let mut inquired = Vec::new();
    let root = apps.first().map(|app| app.project.root.clone());
    for mut settings in apps {
        settings.launch.terminal = terminal.clone();
        let (session, handle) = Session::open(
            settings,
            Some(fire_host::engine::open),
            guard.clone(),
            clock,
            sender.clone(),
        );
        inquired.push(Inquired {
            desk: session.desk(),
            handle: handle.clone(),
        });
        handles.push(handle);
        sessions.spawn(session.run());
    }
    drop(sender);
    let inquiry = root.map(|root| Inquiry::open(&root, inquired));
    if let Some(Err(error)) = &inquiry {
        output.say(&format!(
            "`fire status` and `fire undo` will not find this fire: {error}"
        ));
    }
    let handles: Arc<[Handle]> = handles.into();
    let signalled = Arc::new(OnceLock::new());
    tokio::spawn(quit_on_signal(
        handles.clone(),
        terminal.clone(),
        signalled.clone(),
    )?);
    tokio::spawn(ask_by_key(
        terminal.clone(),
        handles.clone(),
        signalled.clone(),
    ));
    let mut code = 0;
    loop {
        tokio::select! {
            biased;
            Some(told) = told.recv() => output.tell(&told),
            ended = sessions.join_next() => {
                code = match ended {
                    None => break,
                    Some(end) => code.max(match end.context("a session failed")? {
                        End::Asked => 0,
                        End::Interrupted => INTERRUPTED,
                        End::Blind => FAILED,
                    }),
                };
                // One app that ends fire ends the others.
                ask(&handles, Command::Quit);
            }
        }
    }
    Ok(signalled.get().copied().unwrap_or(code))
}

fn ask(handles: &[Handle], command: Command) {
    for handle in handles {
        handle.ask(command.clone());
    }
}

/// The project's directory, as the system names it.
pub fn root(common: &Common) -> anyhow::Result<PathBuf> {
    let directory = common.directory.clone().unwrap_or_else(|| ".".into());
    let root = directory.canonicalize().map_err(|error| {
        Usage(format!(
            "{} cannot be entered: {error}",
            directory.display()
        ))
    })?;
    if !root.is_dir() {
        return Err(Usage(format!("{} is no directory", root.display())).into());
    }
    Ok(root)
}

/// Becomes the parent of orphaned grandchildren, so that they can be seen gone.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    {
        // Without it they are the system's: they are ended all the same.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
}

/// `r`, `q`, `e` and `u`, while fire has the terminal.
async fn ask_by_key(terminal: Terminal, handles: Arc<[Handle]>, signalled: Arc<OnceLock<u8>>) {
    let Some(mut keys) = terminal.keys() else {
        return;
    };
    let Ok(mut resumed) = signal(SignalKind::from_raw(Signal::CONT.as_raw())) else {
        return;
    };
    loop {
        tokio::select! {
            key = keys.next() => match key {
                None => {
                    // The terminal has hung up. While the app had it, nobody but the app was told.
                    signalled.get_or_init(|| HUNG_UP);
                    ask(&handles, Command::Quit);
                    return;
                }
                Some(b'r' | b'R') => ask(&handles, Command::Restart),
                Some(b'q' | b'Q') => ask(&handles, Command::Quit),
                Some(b'e' | b'E') => ask(&handles, Command::Explain),
                Some(b'u' | b'U') => ask(&handles, Command::Undo(None)),
                Some(_) => {}
            },
            // The shell has changed the modes while fire was stopped.
            _ = resumed.recv() => keys.one_by_one(),
        }
    }
}

/// Waits for a signal that ends fire; notes the exit code; asks the session to quit. At the second
/// signal fire ends at once.
fn quit_on_signal(
    handles: Arc<[Handle]>,
    terminal: Terminal,
    signalled: Arc<OnceLock<u8>>,
) -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    Ok(async move {
        let code = tokio::select! {
            _ = interrupt.recv() => INTERRUPTED,
            _ = terminate.recv() => 143,
            _ = hangup.recv() => HUNG_UP,
            _ = quit.recv() => 131,
        };
        // Before the session can have ended: it may be quick.
        let code = *signalled.get_or_init(|| code);
        ask(&handles, Command::Quit);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        terminal.restore();
        // The guard ends what is left.
        std::process::exit(i32::from(code));
    })
}
