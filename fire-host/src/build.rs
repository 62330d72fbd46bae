//! Builds the app with `go build`. Dropping the future ends the go command and all its children.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncReadExt;

use crate::project::{BuildOptions, Project};
use crate::supervise::{Group, Guard};
use crate::swap::{Diagnostic, HomeBuild};

/// Why there is no new binary.
#[derive(Debug)]
pub enum BuildError {
    /// The go command said no. At least one diagnostic.
    Refused(Vec<Diagnostic>),
    /// The go command could not be run.
    Command(std::io::Error),
    /// It built, but not a program.
    NotAProgram {
        /// What it was given.
        package: String,
    },
}

impl BuildError {
    /// As the `failed` event tells it.
    pub fn diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Self::Refused(diagnostics) => diagnostics,
            Self::Command(error) => {
                vec![unplaced(format!("the go command cannot be run: {error}"))]
            }
            Self::NotAProgram { package } => vec![unplaced(format!(
                "{package} is not a program (its package is not `main`): give fire the one to run, as in `fire ./cmd/server`"
            ))],
        }
    }
}

/// A diagnostic without a place.
pub fn unplaced(message: String) -> Diagnostic {
    Diagnostic {
        file: String::new(),
        line: 0,
        col: 0,
        message,
    }
}

/// `store/store.go:14:9: undefined: lenn`, as far as the place is known.
pub fn shown(diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        file,
        line,
        col,
        message,
    } = diagnostic;
    match (file.as_str(), line, col) {
        ("", _, _) => message.clone(),
        (file, 0, _) => format!("{file}: {message}"),
        (file, line, 0) => format!("{file}:{line}: {message}"),
        (file, line, col) => format!("{file}:{line}:{col}: {message}"),
    }
}

/// Builds the app into `binary`, whose directory exists.
pub async fn build(
    project: &Project,
    home: &HomeBuild,
    binary: &Path,
    guard: &Guard,
) -> Result<(), BuildError> {
    let command = go_build(project, home, binary, &[]);
    let finished = finish(command, guard).await.map_err(BuildError::Command)?;
    if !finished.status.success() {
        let mut said = finished.stdout;
        said.extend(finished.stderr);
        let text = String::from_utf8_lossy(&said);
        let mut diagnostics = diagnostics(&text, &project.root);
        if diagnostics.is_empty() {
            diagnostics.push(unplaced(format!("go build: {}", finished.status)));
        }
        return Err(BuildError::Refused(diagnostics));
    }
    if is_program(binary) {
        Ok(())
    } else {
        Err(BuildError::NotAProgram {
            package: project.packages.join(" "),
        })
    }
}

/// The go command, where and as the project wants it run.
pub fn go(project: &Project) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&project.toolchain.go);
    command
        .current_dir(&project.root)
        .envs(pairs(&project.build.environment))
        .stdin(Stdio::null());
    command
}

/// The command that builds the app, with more flags of `go build`.
pub fn go_build(
    project: &Project,
    home: &HomeBuild,
    binary: &Path,
    flags: &[&str],
) -> tokio::process::Command {
    let mut command = go(project);
    command
        .args(arguments(&project.build, home, binary))
        .args(flags)
        .args(&project.packages)
        .envs(pairs(&home.environment));
    command
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: std::process::ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

/// Runs a command to its end, in a process group of its own. Dropping this ends the whole group.
pub async fn finish(
    mut command: tokio::process::Command,
    guard: &Guard,
) -> std::io::Result<Finished> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let _group = Group::of(child.id(), guard);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (status, read_out, read_err) =
        tokio::join!(child.wait(), read(out, &mut stdout), read(err, &mut stderr));
    read_out.and(read_err)?;
    Ok(Finished {
        status: status?,
        stdout,
        stderr,
    })
}

async fn read(pipe: Option<impl AsyncReadExt + Unpin>, into: &mut Vec<u8>) -> std::io::Result<()> {
    match pipe {
        Some(mut pipe) => pipe.read_to_end(into).await.map(drop),
        None => Ok(()),
    }
}

fn pairs(list: &[(String, String)]) -> impl Iterator<Item = (&String, &String)> {
    list.iter().map(|(key, value)| (key, value))
}

fn is_program(binary: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    binary
        .metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o100 != 0)
}

/// The arguments of the go command, up to the packages.
pub fn arguments(
    options: &BuildOptions,
    home: &HomeBuild,
    binary: &Path,
) -> Vec<std::ffi::OsString> {
    let mut list: Vec<std::ffi::OsString> = vec!["build".into(), "-o".into(), binary.into()];
    list.extend(option_flags(options).into_iter().map(Into::into));
    list.extend(home.flags.iter().map(Into::into));
    if let Some(overlay) = &home.overlay {
        list.push("-overlay".into());
        list.push(overlay.into());
    }
    list
}

/// The configured flags as `go build`, `go list` and `go vet` take them.
pub fn option_flags(options: &BuildOptions) -> Vec<String> {
    let mut list = Vec::new();
    if !options.tags.is_empty() {
        list.push(format!("-tags={}", options.tags.join(",")));
    }
    if options.race {
        list.push("-race".into());
    }
    if !options.ldflags.is_empty() {
        list.push(format!("-ldflags={}", options.ldflags));
    }
    if !options.gcflags.is_empty() {
        list.push(format!("-gcflags={}", options.gcflags));
    }
    list.extend(options.flags.iter().cloned());
    list
}

/// What the go command printed, message by message. Paths become relative to `root`; lines that go
/// with a message (they are indented) stay with it; headings (`# package`) are left out.
pub fn diagnostics(text: &str, root: &Path) -> Vec<Diagnostic> {
    let mut list: Vec<Diagnostic> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(found) = placed(line, root) {
            list.push(found);
        } else if let (true, Some(last)) = (line.starts_with([' ', '\t']), list.last_mut()) {
            last.message.push('\n');
            last.message.push_str(line);
        } else if line != "too many errors" || list.is_empty() {
            list.push(unplaced(line.to_owned()));
        }
    }
    list
}

/// `file.go:3:9: message` or `file.go:3: message`.
fn placed(line: &str, root: &Path) -> Option<Diagnostic> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    let (place, message) = line.split_once(": ")?;
    let (rest, last) = place.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    let (file, at_line, col) = match rest
        .rsplit_once(':')
        .and_then(|(file, number)| Some((file, number.parse::<u32>().ok()?)))
    {
        Some((file, number)) => (file, number, last),
        None => (rest, last, 0),
    };
    Some(Diagnostic {
        file: relative(file, root),
        line: at_line,
        col,
        message: message.to_owned(),
    })
}

fn relative(file: &str, root: &Path) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    match PathBuf::from(file).strip_prefix(root) {
        Ok(inside) => inside.display().to_string(),
        Err(_) => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, u32, u32, &str)]) {
        let found = diagnostics(text, Path::new("/p"));
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.file.as_str(), d.line, d.col, d.message.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn messages_of_the_compiler() {
        check(
            "# example.com/shop/store\nstore/store.go:14:9: undefined: lenn\n./main.go:3:1: syntax error\n",
            &[
                ("store/store.go", 14, 9, "undefined: lenn"),
                ("main.go", 3, 1, "syntax error"),
            ],
        );
        check(
            "./a.go:7:12: cannot use x (variable of type T) as I value in argument to f: T does not implement I (missing method M)\n\t\thave m()\n\t\twant M()\n./a.go:9:2: too many errors\n",
            &[
                (
                    "a.go",
                    7,
                    12,
                    "cannot use x (variable of type T) as I value in argument to f: T does not implement I (missing method M)\n\t\thave m()\n\t\twant M()",
                ),
                ("a.go", 9, 2, "too many errors"),
            ],
        );
    }

    #[test]
    fn messages_of_the_go_command() {
        check(
            "main.go:5:2: package example.com/none is not in std (/go/src/example.com/none)\n",
            &[(
                "main.go",
                5,
                2,
                "package example.com/none is not in std (/go/src/example.com/none)",
            )],
        );
        check(
            "go: errors parsing go.mod:\n/p/go.mod:3: unknown directive: foo\n",
            &[
                ("", 0, 0, "go: errors parsing go.mod:"),
                ("go.mod", 3, 0, "unknown directive: foo"),
            ],
        );
    }

    #[test]
    fn flags_in_the_order_of_the_user() {
        let options = BuildOptions {
            tags: vec!["a".into(), "b".into()],
            race: true,
            ldflags: "-X main.v=1 -s".into(),
            flags: vec!["-trimpath".into()],
            ..BuildOptions::default()
        };
        let home = HomeBuild {
            overlay: Some("/o.json".into()),
            flags: vec!["-pgo=off".into()],
            ..HomeBuild::default()
        };
        let list = arguments(&options, &home, Path::new("/b"));
        let list: Vec<_> = list.iter().map(|item| item.to_str().unwrap()).collect();
        assert_eq!(
            list.join("|"),
            "build|-o|/b|-tags=a,b|-race|-ldflags=-X main.v=1 -s|-trimpath|-pgo=off|-overlay|/o.json"
        );
    }
}
