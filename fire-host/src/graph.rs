//! The package graph of the app: which directories and files outside of the root it is built from, and
//! what it embeds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::build::{finish, go, option_flags};
use crate::project::Project;
use crate::supervise::Guard;

/// What the app is built from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// Directories of packages that the user may edit: of main modules, workspaces, `replace`d modules.
    pub directories: BTreeSet<PathBuf>,
    /// Those of them that belong to modules `replace`d by directories: swapping knows main modules only.
    pub replaced: BTreeSet<PathBuf>,
    /// `go.mod` of each of these modules, and `go.work`.
    pub module_files: BTreeSet<PathBuf>,
    /// Files embedded now.
    pub embedded: BTreeSet<PathBuf>,
    /// What may be embedded: the directory of a package and its patterns.
    pub patterns: Vec<(PathBuf, Vec<String>)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Package {
    #[serde(default)]
    dir: PathBuf,
    #[serde(default)]
    standard: bool,
    module: Option<Module>,
    #[serde(default)]
    embed_patterns: Vec<String>,
    #[serde(default)]
    embed_files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    #[serde(default)]
    main: bool,
    go_mod: Option<PathBuf>,
    replace: Option<Replaced>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Replaced {
    #[serde(default)]
    version: String,
}

impl Module {
    /// Whether its source is the user's own: a main module, or replaced by a directory.
    fn is_local(&self) -> bool {
        self.main
            || self
                .replace
                .as_ref()
                .is_some_and(|replaced| replaced.version.is_empty())
    }
}

/// Asks the go command. `None` if it cannot tell, which the build will say better.
pub async fn read(project: &Project, guard: &Guard) -> Option<Graph> {
    let mut command = go(project);
    command
        .args(["list", "-e", "-deps"])
        .arg("-json=Dir,Standard,Module,EmbedPatterns,EmbedFiles")
        .args(option_flags(&project.build))
        .args(&project.packages);
    let finished = finish(command, guard).await.ok()?;
    let mut graph = of(&finished.stdout)?;
    graph
        .module_files
        .extend(project.toolchain.workspace_file.clone());
    graph
        .module_files
        .extend(project.toolchain.module_file.clone());
    Some(graph)
}

fn of(json: &[u8]) -> Option<Graph> {
    let mut graph = Graph::default();
    for package in serde_json::Deserializer::from_slice(json).into_iter::<Package>() {
        let package = package.ok()?;
        // Go files named on the command line belong to no module.
        let local = package.module.as_ref().is_none_or(Module::is_local);
        let vendored = package
            .dir
            .components()
            .any(|part| part.as_os_str() == "vendor");
        if package.standard || !local || vendored || package.dir.as_os_str().is_empty() {
            continue;
        }
        if package.module.as_ref().is_some_and(|module| !module.main) {
            graph.replaced.insert(package.dir.clone());
        }
        graph
            .module_files
            .extend(package.module.and_then(|module| module.go_mod));
        graph.embedded.extend(
            package
                .embed_files
                .iter()
                .map(|file| package.dir.join(file)),
        );
        if !package.embed_patterns.is_empty() {
            graph
                .patterns
                .push((package.dir.clone(), package.embed_patterns));
        }
        graph.directories.insert(package.dir);
    }
    Some(graph)
}

impl Graph {
    /// Whether the file is embedded, or would be.
    pub fn embeds(&self, file: &Path) -> bool {
        self.embedded.contains(file)
            || self.patterns.iter().any(|(directory, patterns)| {
                file.strip_prefix(directory)
                    .is_ok_and(|inside| patterns.iter().any(|pattern| matches(pattern, inside)))
            })
    }
}

/// Whether a `go:embed` pattern takes this file: by itself, or as part of a directory.
fn matches(pattern: &str, file: &Path) -> bool {
    let (pattern, hidden_too) = match pattern.strip_prefix("all:") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut names = file
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    let wanted = pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    for part in wanted {
        match names.next() {
            Some(name) if name_matches(part.as_bytes(), name.as_bytes()) => {}
            _ => return false,
        }
    }
    hidden_too || !names.any(|name| name.starts_with(['.', '_']))
}

/// `path.Match` of the Go standard library, for one name. Ranges in brackets count as any character:
/// a file too many is only a restart too many.
fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|taken| name_matches(rest, &name[taken..])),
        [b'?', rest @ ..] => !name.is_empty() && name_matches(rest, &name[1..]),
        [b'[', rest @ ..] => match rest.iter().position(|byte| *byte == b']') {
            Some(end) => !name.is_empty() && name_matches(&rest[end + 1..], &name[1..]),
            None => false,
        },
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
            name.first() == Some(literal) && name_matches(rest, &name[1..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_embed() {
        for (pattern, file, expected) in [
            ("static", "static/css/a.css", true),
            ("static", "static/.hidden", false),
            ("all:static", "static/.hidden", true),
            ("static/*", "static/.hidden", true),
            ("*.html", "a.html", true),
            ("*.html", "sub/a.html", false),
            ("sub/*.html", "sub/a.html", true),
            ("*.[jt]s", "a.ts", true),
            ("a?", "a", false),
            ("hello.txt", "hello.txt", true),
            ("hello.txt", "static/hello.txt", false),
        ] {
            assert_eq!(
                matches(pattern, Path::new(file)),
                expected,
                "{pattern} {file}"
            );
        }
    }

    #[test]
    fn only_what_the_user_may_edit() {
        let graph = of(br#"
            {"Dir":"/go/src/fmt","Standard":true}
            {"Dir":"/mod/cache/x@v1","Module":{"Path":"x","Version":"v1"}}
            {"Dir":"/mod/cache/y@v2","Module":{"Path":"y","Replace":{"Path":"z","Version":"v2"}}}
            {"Dir":"/side/lib","Module":{"Path":"lib","GoMod":"/side/go.mod","Replace":{"Path":"../side"}}}
            {"Dir":"/p/vendor/v","Module":{"Path":"v","Main":true}}
            {"Dir":"/p","Module":{"Path":"p","Main":true,"GoMod":"/p/go.mod"},"EmbedPatterns":["web"],"EmbedFiles":["web/a.css"]}
        "#).unwrap();
        assert_eq!(
            graph.directories,
            [PathBuf::from("/p"), "/side/lib".into()].into()
        );
        assert_eq!(graph.replaced, [PathBuf::from("/side/lib")].into());
        assert_eq!(
            graph.module_files,
            [PathBuf::from("/p/go.mod"), "/side/go.mod".into()].into()
        );
        assert!(
            graph.embeds(Path::new("/p/web/a.css")) && graph.embeds(Path::new("/p/web/new.css"))
        );
        assert!(!graph.embeds(Path::new("/p/webs/new.css")));
    }
}
