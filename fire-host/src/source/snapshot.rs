//! Every file of the program at one moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::constraint::BuildContext;
use super::declaration::{self, Declaration};
use super::embed;
use super::outline::Outline;

/// What a file is to the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Go source.
    Go,
    /// A `_test.go` file.
    Test,
    /// `go.mod`, `go.sum`, `go.work`, C, assembly: it decides how packages are built.
    Build,
    /// `.env`, `.env.local`, …
    Environment,
    /// Anything else: of interest if it is embedded.
    Other,
}

impl FileKind {
    /// By its name alone.
    pub fn of(path: &str) -> Self {
        let name = file_name(path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match (name, extension) {
            ("go.mod" | "go.sum" | "go.work" | "go.work.sum", _) => Self::Build,
            ("modules.txt", _) if path.ends_with("vendor/modules.txt") => Self::Build,
            (_, "go") if name.ends_with("_test.go") => Self::Test,
            (_, "go") => Self::Go,
            (".env", _) => Self::Environment,
            _ if name.starts_with(".env.") => Self::Environment,
            (
                _,
                "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "hxx" | "m" | "f" | "F" | "f90",
            ) => Self::Build,
            (_, "s" | "S" | "sx" | "syso" | "swig" | "swigcxx") => Self::Build,
            _ => Self::Other,
        }
    }
}

/// A file as it is handed in.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Import path of the package whose directory it lies in.
    pub package: String,
    /// The whole path; snapshots to be compared must name the same file alike.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// An entry.
    pub fn new(
        package: impl Into<String>,
        path: impl AsRef<Path>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            package: package.into(),
            path: plain(path.as_ref()),
            bytes: bytes.into(),
        }
    }
}

/// A file, read.
#[derive(Debug)]
pub struct File {
    package: String,
    path: String,
    kind: FileKind,
    bytes: Vec<u8>,
    outline: Outline,
    built: bool,
}

impl File {
    fn new(entry: Entry, context: &BuildContext) -> Self {
        let kind = FileKind::of(&entry.path);
        let is_go = matches!(kind, FileKind::Go | FileKind::Test);
        let outline = if is_go {
            Outline::of(&entry.bytes)
        } else {
            Outline::default()
        };
        let fits = kind == FileKind::Go
            && context.includes(file_name(&entry.path), outline.constraint.as_deref())
            && (outline.cgo.is_none() || context.tags.iter().any(|tag| tag == "cgo"));
        let built = match context.exceptions.get(&entry.path) {
            Some((constraint, built)) if *constraint == outline.constraint => *built,
            _ => fits,
        };
        Self {
            package: entry.package,
            path: entry.path,
            kind,
            bytes: entry.bytes,
            outline,
            built,
        }
    }

    /// Import path of its package.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// As handed in.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it is.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its first reading; empty unless it is Go.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Whether it is compiled into the program: Go, no test, and its constraints hold.
    pub fn is_built(&self) -> bool {
        self.built
    }

    /// Everything that it declares.
    pub fn declarations(&self) -> Vec<Declaration> {
        self.outline
            .chunks
            .iter()
            .flat_map(|chunk| declaration::read(self, chunk))
            .collect()
    }
}

/// The files of the program. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    context: Arc<BuildContext>,
    files: Arc<BTreeMap<String, Arc<File>>>,
    /// Directory → import path, also of directories that have become empty.
    packages: Arc<BTreeMap<String, String>>,
}

impl Snapshot {
    /// Reads all files, on all processors.
    pub fn new(context: BuildContext, entries: Vec<Entry>) -> Self {
        let mut packages = BTreeMap::new();
        for entry in &entries {
            packages.insert(directory(&entry.path).to_string(), entry.package.clone());
        }
        let files = read_all(entries, &context);
        Self {
            context: Arc::new(context),
            files: Arc::new(
                files
                    .into_iter()
                    .map(|file| (file.path.clone(), Arc::new(file)))
                    .collect(),
            ),
            packages: Arc::new(packages),
        }
    }

    /// The same, with the go command's word on what is compiled: it knows of tags that nobody else does.
    pub fn corrected(mut self, is_compiled: impl Fn(&str) -> bool) -> Self {
        let wrong: Vec<Arc<File>> = self
            .files()
            .filter(|file| file.kind == FileKind::Go && file.built != is_compiled(&file.path))
            .cloned()
            .collect();
        if wrong.is_empty() {
            return self;
        }
        let context = Arc::make_mut(&mut self.context);
        for file in &wrong {
            context.exceptions.insert(
                file.path.clone(),
                (file.outline.constraint.clone(), !file.built),
            );
        }
        for file in wrong {
            let entry = Entry {
                package: file.package.clone(),
                path: file.path.clone(),
                bytes: file.bytes.clone(),
            };
            let file = Arc::new(File::new(entry, &self.context));
            Arc::make_mut(&mut self.files).insert(file.path.clone(), file);
        }
        self
    }

    /// The file has this content now; `None`: it is gone. A new file belongs to the package of its
    /// directory, whose import path follows from the nearest known directory above.
    pub fn update(&mut self, path: impl AsRef<Path>, bytes: Option<Vec<u8>>) {
        let path = plain(path.as_ref());
        let Some(bytes) = bytes else {
            Arc::make_mut(&mut self.files).remove(&path);
            return;
        };
        if self
            .files
            .get(&path)
            .is_some_and(|file| file.bytes == bytes)
        {
            return;
        }
        let package = self.package_at(directory(&path));
        Arc::make_mut(&mut self.packages)
            .entry(directory(&path).to_string())
            .or_insert_with(|| package.clone());
        let file = File::new(
            Entry {
                package,
                path: path.clone(),
                bytes,
            },
            &self.context,
        );
        Arc::make_mut(&mut self.files).insert(path, Arc::new(file));
    }

    /// Import path of a directory.
    fn package_at(&self, wanted: &str) -> String {
        let mut above = wanted;
        loop {
            if let Some(package) = self.packages.get(above) {
                let below = wanted[above.len()..].trim_matches('/');
                let joint = if below.is_empty() || package.is_empty() {
                    ""
                } else {
                    "/"
                };
                return format!("{package}{joint}{below}");
            }
            if above.is_empty() || above == "/" {
                return wanted.trim_matches('/').to_string();
            }
            above = directory(above);
        }
    }

    /// Every file, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.files.values()
    }

    /// One file.
    pub fn file(&self, path: &str) -> Option<&Arc<File>> {
        self.files.get(path)
    }

    /// What files are chosen by.
    pub fn context(&self) -> &BuildContext {
        &self.context
    }

    /// Whether a `//go:embed` of a compiled file takes in this file.
    pub fn embeds(&self, path: &str) -> bool {
        let path = path.replace('\\', "/");
        self.files
            .values()
            .filter(|file| file.built && !file.outline.embeds.is_empty())
            .any(|file| {
                let root = directory(&file.path);
                let inside = path
                    .strip_prefix(root)
                    .map(|rest| rest.trim_start_matches('/'));
                let inside =
                    inside.filter(|_| root.is_empty() || path[root.len()..].starts_with('/'));
                inside.is_some_and(|inside| {
                    file.outline
                        .embeds
                        .iter()
                        .any(|pattern| embed::takes_in(pattern, inside))
                })
            })
    }
}

fn read_all(entries: Vec<Entry>, context: &BuildContext) -> Vec<File> {
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(entries.len().max(1));
    if workers == 1 || entries.len() < 16 {
        return entries
            .into_iter()
            .map(|entry| File::new(entry, context))
            .collect();
    }
    let slots: Vec<_> = entries
        .into_iter()
        .map(|entry| std::sync::Mutex::new(Some(entry)))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut read = Vec::new();
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            let entry = slot
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take();
            read.extend(entry.map(|entry| File::new(entry, context)));
        }
        read
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut files = work();
        for other in others {
            match other.join() {
                Ok(read) => files.extend(read),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        files
    })
}

fn plain(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Without the last element; the root stays itself.
fn directory(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(entries: &[(&str, &str, &str)]) -> Snapshot {
        let entries = entries
            .iter()
            .map(|(package, path, text)| Entry::new(*package, path, *text))
            .collect();
        Snapshot::new(BuildContext::default(), entries)
    }

    #[test]
    fn a_new_file_belongs_to_its_directory() {
        let mut snapshot = snapshot(&[("shop", "/src/main.go", "package main")]);
        snapshot.update("/src/a.go", Some(b"package main".to_vec()));
        snapshot.update("/src/store/cache/c.go", Some(b"package cache".to_vec()));
        snapshot.update("/src/store/cache/d.go", Some(b"package cache".to_vec()));
        let package = |path| snapshot.file(path).unwrap().package();
        assert_eq!(package("/src/a.go"), "shop");
        assert_eq!(package("/src/store/cache/c.go"), "shop/store/cache");
        assert_eq!(package("/src/store/cache/d.go"), "shop/store/cache");
    }

    #[test]
    fn clones_are_not_touched_by_updates() {
        let old = snapshot(&[("shop", "main.go", "package main")]);
        let mut new = old.clone();
        new.update("main.go", None);
        assert_eq!((old.files().count(), new.files().count()), (1, 0));
    }

    #[test]
    fn what_the_go_command_says_of_a_file_holds_while_its_constraint_stands() {
        let text = "//go:build secret\n\npackage main\n";
        let files = [("shop", "a.go", text), ("shop", "b.go", "package main\n")];
        let mut snapshot = snapshot(&files).corrected(|path| path == "a.go");
        let built = |snapshot: &Snapshot, path| snapshot.file(path).unwrap().is_built();
        assert!(built(&snapshot, "a.go") && !built(&snapshot, "b.go"));
        snapshot.update("a.go", Some(format!("{text}\nvar x int\n").into_bytes()));
        assert!(built(&snapshot, "a.go"));
        let other = text.replace("secret", "other");
        snapshot.update("a.go", Some(other.into_bytes()));
        assert!(!built(&snapshot, "a.go"));
    }

    #[test]
    fn kinds() {
        let kind = FileKind::of;
        assert_eq!(kind("/a/go.mod"), FileKind::Build);
        assert_eq!(kind("a_test.go"), FileKind::Test);
        assert_eq!(kind("a.go"), FileKind::Go);
        assert_eq!(kind("x/sum_amd64.s"), FileKind::Build);
        assert_eq!(kind("x/.env.local"), FileKind::Environment);
        assert_eq!(kind("x/page.html"), FileKind::Other);
    }

    #[test]
    fn embedded_files_are_known() {
        let page =
            "package web\nimport _ \"embed\"\n//go:embed page.html static\nvar page string\n";
        let snapshot = snapshot(&[("shop/web", "/src/web/web.go", page)]);
        assert!(snapshot.embeds("/src/web/page.html"));
        assert!(snapshot.embeds("/src/web/static/css/a.css"));
        assert!(!snapshot.embeds("/src/web2/page.html"));
        assert!(!snapshot.embeds("/src/page.html"));
    }
}
