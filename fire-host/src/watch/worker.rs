//! The thread of a watch: events, orders, lulls; looks at suspects and sends batches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;

use super::contents::Contents;
use super::debounce::{Collected, Debounce};
use super::{Batch, Options, Scope, Seen};

/// A git operation may hold a batch back for this long.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// A file that an editor has truncated and not written yet may hold a batch back for this long.
const EMPTY_PATIENCE: Duration = Duration::from_millis(150);
/// How often to look where events cannot be had.
const FALLBACK_POLL: Duration = Duration::from_millis(500);

/// What the thread is told.
#[derive(Debug)]
pub enum Order {
    /// Something happened to these paths.
    Touched(Vec<PathBuf>),
    /// Events were lost: everything is suspect.
    Rescan,
    /// Watch something else.
    Scope(Box<Scope>, SystemTime),
    /// End.
    End,
}

/// The state of the thread.
pub struct Worker {
    scope: Scope,
    poll: Option<Duration>,
    next_poll: Instant,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Files that are links: what they lead to → the links.
    links: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    contents: Contents,
    debounce: Debounce,
    /// When the oldest suspect of a batch that was put back was noticed.
    held_since: Option<Instant>,
    git_was_at_work: bool,
    out: UnboundedSender<Seen>,
}

impl Worker {
    /// Watches first, looks second: what changes in between is an event.
    pub fn arm(
        scope: Scope,
        options: Options,
        orders: mpsc::Sender<Order>,
        out: UnboundedSender<Seen>,
    ) -> Self {
        let mut worker = Self {
            scope,
            poll: options.poll,
            next_poll: Instant::now(),
            watcher: None,
            watched: BTreeSet::new(),
            links: BTreeMap::new(),
            contents: Contents::default(),
            debounce: Debounce::new(options.lull),
            held_since: None,
            git_was_at_work: false,
            out,
        };
        if worker.poll.is_none() {
            match notify::recommended_watcher(move |event| forward(event, &orders)) {
                Ok(watcher) => worker.watcher = Some(watcher),
                Err(error) => worker.fall_back(&error),
            }
        }
        let (directories, _) = worker.scope.walk();
        worker.watch(directories);
        // Again: a directory may have appeared before its parent was watched.
        let (directories, files) = worker.scope.walk();
        worker.watch(directories);
        for file in &files {
            worker.contents.learn(file);
        }
        worker.follow_links(&files);
        worker
    }

    /// Until it is told to end, or nobody listens any more.
    pub fn run(mut self, inbox: &mpsc::Receiver<Order>) {
        loop {
            let now = Instant::now();
            let mut order = match self.wake_at() {
                None => inbox
                    .recv()
                    .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(now)),
            };
            // Everything that has arrived belongs to the batch that may be due.
            loop {
                match order {
                    Ok(Order::Touched(paths)) => {
                        for path in paths {
                            self.touched(path);
                        }
                    }
                    Ok(Order::Rescan) => self.rescan(false),
                    Ok(Order::Scope(scope, since)) => self.rescope(*scope, since),
                    Ok(Order::End) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                }
                match inbox.try_recv() {
                    Ok(next) => order = Ok(next),
                    Err(_) => break,
                }
            }
            let now = Instant::now();
            if let Some(interval) = self.poll
                && self.next_poll <= now
            {
                self.rescan(true);
                self.next_poll = Instant::now() + interval;
            }
            if let Some(collected) = self.debounce.take(now)
                && !self.settle(collected, now)
            {
                return;
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let poll = self.poll.map(|_| self.next_poll);
        match (self.debounce.due(), poll) {
            (Some(due), Some(poll)) => Some(due.min(poll)),
            (due, poll) => due.or(poll),
        }
    }

    fn watch(&mut self, directories: BTreeSet<PathBuf>) {
        for directory in directories {
            if self.watched.contains(&directory) {
                continue;
            }
            if let Some(watcher) = &mut self.watcher
                && let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive)
                && directory.is_dir()
            {
                self.fall_back(&error);
            }
            self.watched.insert(directory);
        }
    }

    /// An editor may save a linked file where it really is.
    fn follow_links(&mut self, files: &BTreeSet<PathBuf>) {
        self.links.clear();
        for file in files.iter().filter(|file| file.is_symlink()) {
            let Ok(target) = file.canonicalize() else {
                continue;
            };
            if let (Some(directory), Some(watcher)) = (target.parent(), &mut self.watcher)
                && !self.watched.contains(directory)
            {
                // Without it, saves through the link are seen all the same.
                let _ = watcher.watch(directory, RecursiveMode::NonRecursive);
            }
            self.links.entry(target).or_default().insert(file.clone());
        }
    }

    fn fall_back(&mut self, error: &notify::Error) {
        let hint = match error.kind {
            notify::ErrorKind::MaxFilesWatch => {
                "raise the limit: sudo sysctl fs.inotify.max_user_watches=524288"
            }
            _ => "see `fire doctor`",
        };
        self.watcher = None;
        self.poll = Some(FALLBACK_POLL);
        self.next_poll = Instant::now() + FALLBACK_POLL;
        let _ = self.out.send(Seen::Polling {
            reason: error.to_string(),
            hint: hint.into(),
        });
    }

    fn touched(&mut self, path: PathBuf) {
        let now = Instant::now();
        for link in self.links.get(&path).into_iter().flatten() {
            self.debounce.touch(link.clone(), now);
        }
        if path.is_dir() {
            // New, or come back: its own events began too late for the files that are in it.
            self.watched.remove(&path);
            let (directories, files) = self.scope.walk_new(&path);
            let directories = directories
                .into_iter()
                .filter(|directory| directory.starts_with(&path))
                .inspect(|directory| {
                    self.watched.remove(directory);
                })
                .collect();
            self.watch(directories);
            for file in files.into_iter().filter(|file| file.starts_with(&path)) {
                self.debounce.touch(file, now);
            }
            return;
        }
        let parent_watched = path
            .parent()
            .is_some_and(|parent| self.watched.contains(parent));
        if self.contents.knows(&path) || (parent_watched && self.scope.matters(&path)) {
            self.debounce.touch(path, now);
            return;
        }
        for file in self.contents.below(&path) {
            self.debounce.touch(file, now);
        }
    }

    fn rescan(&mut self, only_touched: bool) {
        let now = Instant::now();
        let (directories, mut files) = self.scope.walk();
        self.watch(directories);
        files.extend(self.contents.files().cloned());
        for file in files {
            if !only_touched || self.contents.looks_touched(&file) {
                self.debounce.touch(file, now);
            }
        }
    }

    fn rescope(&mut self, scope: Scope, since: SystemTime) {
        self.scope = scope;
        let (directories, files) = self.scope.walk();
        let gone: Vec<PathBuf> = self.watched.difference(&directories).cloned().collect();
        for directory in gone {
            if let Some(watcher) = &mut self.watcher {
                // It may be gone already, and its watch with it.
                let _ = watcher.unwatch(&directory);
            }
            self.watched.remove(&directory);
        }
        self.watch(directories);
        self.follow_links(&files);
        self.contents
            .keep(|path| files.contains(path) || !path.exists());
        for file in &files {
            if self.contents.knows(file) {
                continue;
            }
            let modified = file.metadata().and_then(|meta| meta.modified());
            if modified.is_ok_and(|modified| modified > since) {
                self.debounce.touch(file.clone(), Instant::now());
            } else {
                self.contents.learn(file);
            }
        }
    }

    /// Looks at the suspects and sends what changed. `false` if nobody listens any more.
    fn settle(&mut self, collected: Collected, now: Instant) -> bool {
        let since = *self.held_since.get_or_insert(collected.noticed);
        let waited = now.saturating_duration_since(since);
        let git = git_is_at_work(&collected.suspects);
        // When git has finished, its last events may still be on their way: one lull more.
        let held = git || self.git_was_at_work;
        self.git_was_at_work = git;
        if (waited < LOCK_PATIENCE && held)
            || (waited < EMPTY_PATIENCE && collected.suspects.iter().any(|path| is_empty(path)))
        {
            self.debounce.put_back(collected, now);
            return true;
        }
        self.held_since = None;
        let files: Vec<PathBuf> = collected
            .suspects
            .into_iter()
            .filter(|path| self.contents.look(path))
            .collect();
        if files.is_empty() {
            return true;
        }
        let batch = Batch {
            files,
            noticed: since,
        };
        self.out.send(Seen::Batch(batch)).is_ok()
    }
}

/// Whether git is in the middle of something in the repository of these.
fn git_is_at_work(suspects: &BTreeSet<PathBuf>) -> bool {
    let Some(first) = suspects.first() else {
        return false;
    };
    first
        .ancestors()
        .map(|directory| directory.join(".git"))
        .find(|git| git.exists())
        .is_some_and(|git| git.join("index.lock").exists())
}

/// A Go file without a byte is no Go file: an editor is between truncating and writing it.
fn is_empty(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.len() == 0)
}

fn forward(event: notify::Result<notify::Event>, orders: &mpsc::Sender<Order>) {
    let order = match event {
        // Reading is not changing, and builds read everything.
        Ok(event) if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) =>
        {
            return;
        }
        Ok(event) if event.need_rescan() => Order::Rescan,
        Ok(event) => Order::Touched(event.paths),
        Err(_) => Order::Rescan,
    };
    // The thread has ended: nobody wants to know.
    let _ = orders.send(order);
}
