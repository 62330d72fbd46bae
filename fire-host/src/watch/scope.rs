//! What matters: which directories are watched, and which files in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use crate::graph::Graph;

/// Endings of files that `go build` reads.
const BUILT: [&str; 16] = [
    "go", "s", "S", "sx", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "m", "f", "swig",
    "syso",
];
/// Names of files that `go build` reads.
const NAMED: [&str; 4] = ["go.mod", "go.sum", "go.work", "go.work.sum"];
/// Directories that are never descended into.
const SKIPPED: [&str; 2] = ["node_modules", "vendor"];

/// Which files matter.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Watched with everything below them.
    roots: Vec<PathBuf>,
    /// Files that matter whatever they are called and wherever they are: embedded ones, env files.
    files: BTreeSet<PathBuf>,
    /// Directories watched besides, each without what is below it.
    directories: BTreeSet<PathBuf>,
    /// Directories whose every file and directory may matter: they hold embedded files.
    trees: BTreeSet<PathBuf>,
    graph: Option<Arc<Graph>>,
    include: Pattern,
    exclude: Pattern,
    gitignore: bool,
}

/// Patterns of .gitignore, from a directory.
#[derive(Debug, Clone)]
pub struct Pattern {
    globs: Override,
}

impl Pattern {
    /// Matches nothing.
    pub fn none() -> Self {
        Self {
            globs: Override::empty(),
        }
    }

    /// Matches what one of the patterns matches.
    pub fn new(root: &Path, patterns: &[String]) -> Result<Self, PatternError> {
        Ok(Self {
            globs: globs(root, patterns)?,
        })
    }

    /// Whether one of them matches the file.
    pub fn matches(&self, path: &Path) -> bool {
        self.matches_kind(path, false)
    }

    fn matches_kind(&self, path: &Path, is_dir: bool) -> bool {
        self.globs.num_whitelists() > 0 && self.globs.matched(path, is_dir).is_whitelist()
    }
}

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("{pattern:?} is not a file pattern: {message}")]
pub struct PatternError {
    /// As the user wrote it.
    pub pattern: String,
    /// What is wrong with it.
    pub message: String,
}

impl Scope {
    /// Go files below the root, as .gitignore has it.
    pub fn of(root: &Path) -> Self {
        Self {
            roots: vec![root.to_owned()],
            files: BTreeSet::new(),
            directories: BTreeSet::new(),
            trees: BTreeSet::new(),
            graph: None,
            include: Pattern::none(),
            exclude: Pattern::none(),
            gitignore: true,
        }
    }

    /// Whether .gitignore is respected.
    pub fn gitignore(mut self, respected: bool) -> Self {
        self.gitignore = respected;
        self
    }

    /// Files that match one of these matter too. Patterns are those of .gitignore, from `root`.
    pub fn include(mut self, root: &Path, patterns: &[String]) -> Result<Self, PatternError> {
        self.include = Pattern::new(root, patterns)?;
        Ok(self)
    }

    /// Files and directories that match one of these never matter.
    pub fn exclude(mut self, root: &Path, patterns: &[String]) -> Result<Self, PatternError> {
        self.exclude = Pattern::new(root, patterns)?;
        Ok(self)
    }

    /// Another directory to watch with everything below it.
    pub fn root(mut self, root: PathBuf) -> Self {
        if !self.roots.iter().any(|known| root.starts_with(known)) {
            self.roots.push(root);
        }
        self
    }

    /// A file that matters whatever it is called.
    pub fn file(mut self, file: PathBuf) -> Self {
        if let Some(parent) = file.parent() {
            self.directories.insert(parent.to_owned());
        }
        self.files.insert(file);
        self
    }

    /// What the app is built from and embeds, wherever it lies and whatever .gitignore says of it.
    pub fn graph(mut self, graph: Arc<Graph>) -> Self {
        self.directories.extend(graph.directories.iter().cloned());
        for file in &graph.module_files {
            self = self.file(file.clone());
        }
        for file in &graph.embedded {
            self.trees.extend(file.parent().map(Path::to_owned));
        }
        self.graph = Some(graph);
        self
    }

    /// Directories to watch and files that matter, as they are now.
    pub fn walk(&self) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
        let (mut directories, mut files) = (BTreeSet::new(), BTreeSet::new());
        for root in &self.roots {
            self.walk_below(root, None, &mut directories, &mut files);
        }
        for directory in &self.directories {
            self.list(directory, &mut directories, &mut files);
        }
        for tree in &self.trees {
            self.list_tree(tree, &mut directories, &mut files);
        }
        files.extend(self.files.iter().filter(|file| file.is_file()).cloned());
        (directories, files)
    }

    /// The same for a directory that has just appeared in a watched one.
    pub fn walk_new(&self, directory: &Path) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
        let (mut directories, mut files) = (BTreeSet::new(), BTreeSet::new());
        if let Some(parent) = directory.parent()
            && self.roots.iter().any(|root| directory.starts_with(root))
        {
            // From the parent, so that the rules about the directory itself are asked.
            self.walk_below(parent, Some(directory), &mut directories, &mut files);
        }
        if self.directories.contains(directory) {
            self.list(directory, &mut directories, &mut files);
        }
        if self.trees.iter().any(|tree| directory.starts_with(tree)) {
            self.list_tree(directory, &mut directories, &mut files);
        }
        (directories, files)
    }

    fn list(
        &self,
        directory: &Path,
        directories: &mut BTreeSet<PathBuf>,
        files: &mut BTreeSet<PathBuf>,
    ) {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        directories.insert(directory.to_owned());
        let paths = entries.flatten().map(|entry| entry.path());
        files.extend(paths.filter(|path| self.matters(path) && path.is_file()));
    }

    /// A directory that holds embedded files, and every one below it that may come to hold some.
    fn list_tree(
        &self,
        tree: &Path,
        directories: &mut BTreeSet<PathBuf>,
        files: &mut BTreeSet<PathBuf>,
    ) {
        self.list(tree, directories, files);
        let Some(graph) = &self.graph else { return };
        let Ok(entries) = std::fs::read_dir(tree) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            // A file of any name stands for what the directory may come to hold.
            if path.is_dir() && !path.is_symlink() && graph.embeds(&path.join("any")) {
                self.list_tree(&path, directories, files);
            }
        }
    }

    fn walk_below(
        &self,
        top: &Path,
        only: Option<&Path>,
        directories: &mut BTreeSet<PathBuf>,
        files: &mut BTreeSet<PathBuf>,
    ) {
        let only = only.map(Path::to_owned);
        let exclude = self.exclude.clone();
        let walk = WalkBuilder::new(top)
            .hidden(true)
            .ignore(false)
            .git_ignore(self.gitignore)
            .git_exclude(self.gitignore)
            .git_global(self.gitignore)
            .parents(self.gitignore)
            .require_git(false)
            .filter_entry(move |entry| {
                if entry.depth() == 0 {
                    return true;
                }
                if only
                    .as_deref()
                    .is_some_and(|only| !entry.path().starts_with(only))
                {
                    return false;
                }
                let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
                !(is_dir && (is_skipped(entry.path()) || exclude.matches_kind(entry.path(), true)))
            })
            .build();
        for entry in walk.flatten() {
            let inside = entry.depth() > 0 || !entry.path().parent().is_some_and(is_skipped);
            match entry.file_type() {
                Some(kind) if kind.is_dir() && inside => {
                    directories.insert(entry.into_path());
                }
                Some(kind) if !kind.is_dir() && self.matters(entry.path()) => {
                    files.insert(entry.into_path());
                }
                _ => {}
            }
        }
        // Go reads generated files that git ignores. They lie beside files that it does not.
        for directory in directories
            .iter()
            .filter(|directory| directory.starts_with(top))
        {
            if let Ok(entries) = std::fs::read_dir(directory) {
                let paths = entries.flatten().map(|entry| entry.path());
                files.extend(paths.filter(|path| self.matters(path) && path.is_file()));
            }
        }
    }

    /// Whether a file of this name, in a watched directory, matters.
    pub fn matters(&self, path: &Path) -> bool {
        if self.files.contains(path) || self.graph.as_ref().is_some_and(|graph| graph.embeds(path))
        {
            return true;
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        if is_temporary(name) || self.exclude.matches(path) {
            return false;
        }
        let built = NAMED.contains(&name)
            || path
                .extension()
                .and_then(|ending| ending.to_str())
                .is_some_and(|ending| BUILT.contains(&ending));
        // The go command does not look at names that begin with `_` or `.`.
        (built && !name.starts_with(['_', '.'])) || self.include.matches(path)
    }
}

fn globs(root: &Path, patterns: &[String]) -> Result<Override, PatternError> {
    let mut builder = OverrideBuilder::new(root);
    let wrong = |pattern: &str, error: ignore::Error| PatternError {
        pattern: pattern.to_owned(),
        message: error.to_string(),
    };
    for pattern in patterns {
        builder
            .add(pattern)
            .map_err(|error| wrong(pattern, error))?;
    }
    builder
        .build()
        .map_err(|error| wrong(&patterns.join(", "), error))
}

fn is_skipped(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| SKIPPED.contains(&name))
}

/// Files that editors write beside the real one.
fn is_temporary(name: &str) -> bool {
    name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.ends_with(".swp")
        || name.ends_with(".tmp")
        || name == "4913"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        dir
    }

    fn names(dir: &Path, paths: &BTreeSet<PathBuf>) -> Vec<String> {
        let relative = paths.iter().map(|path| path.strip_prefix(dir).unwrap());
        relative.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_walk_leaves_out_what_is_not_ours() {
        let dir = tree(&[
            "main.go",
            "go.mod",
            "README.md",
            "store/store.go",
            "store/notes.txt",
            ".git/x.go",
            ".fire/gen.go",
            "node_modules/a/b.go",
            "vendor/v/v.go",
            "out/o.go",
            "_skip.go",
            "asm.s",
            "store/.#store.go",
            "store/store.go~",
        ]);
        std::fs::write(dir.path().join(".gitignore"), "out/\n").unwrap();
        let (directories, files) = Scope::of(dir.path()).walk();
        assert_eq!(names(dir.path(), &directories), ["", "store"]);
        assert_eq!(
            names(dir.path(), &files),
            ["asm.s", "go.mod", "main.go", "store/store.go"]
        );
    }

    #[test]
    fn generated_go_that_git_ignores_still_matters() {
        let dir = tree(&["main.go", "view_templ.go"]);
        std::fs::write(dir.path().join(".gitignore"), "*_templ.go\n").unwrap();
        let (_, files) = Scope::of(dir.path()).walk();
        assert_eq!(names(dir.path(), &files), ["main.go", "view_templ.go"]);
    }

    #[test]
    fn additions_and_exclusions() {
        let dir = tree(&[
            "main.go",
            "gen/g.go",
            "web/index.html",
            "web/app.css",
            "secret.env",
        ]);
        let scope = Scope::of(dir.path())
            .include(dir.path(), &["web/**/*.html".into()])
            .unwrap()
            .exclude(dir.path(), &["gen".into()])
            .unwrap()
            .file(dir.path().join("secret.env"));
        let (directories, files) = scope.walk();
        assert_eq!(names(dir.path(), &directories), ["", "web"]);
        assert_eq!(
            names(dir.path(), &files),
            ["main.go", "secret.env", "web/index.html"]
        );
    }

    #[test]
    fn a_new_directory_is_judged_by_its_parents_rules() {
        let dir = tree(&["main.go", "out/o.go", "new/deep/n.go", "vendor/v/v.go"]);
        std::fs::write(dir.path().join(".gitignore"), "out/\n").unwrap();
        let scope = Scope::of(dir.path());
        let (directories, files) = scope.walk_new(&dir.path().join("new"));
        assert!(directories.contains(&dir.path().join("new/deep")));
        assert!(files.contains(&dir.path().join("new/deep/n.go")));
        assert!(
            !scope
                .walk_new(&dir.path().join("out"))
                .1
                .contains(&dir.path().join("out/o.go"))
        );
        assert!(
            !scope
                .walk_new(&dir.path().join("vendor"))
                .1
                .contains(&dir.path().join("vendor/v/v.go"))
        );
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = Scope::of(Path::new("/p"))
            .include(Path::new("/p"), &["a[".into()])
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("\"a[\" is not a file pattern"),
            "{error}"
        );
    }
}
