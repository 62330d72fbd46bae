//! Finds Go: PATH first, then the usual install places. Says in one sentence what is wrong when there
//! is none, when it is too old, or when it does not run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Go that fire works with.
pub const OLDEST: (u32, u32) = (1, 22);

/// A Go that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The go command.
    pub go: PathBuf,
    /// As `go env GOVERSION` says it in the project: `go1.26.8`.
    pub version: String,
    /// `GOROOT`, after GOTOOLCHAIN has had its say.
    pub goroot: PathBuf,
    /// `GOOS`.
    pub goos: String,
    /// `GOARCH`.
    pub goarch: String,
    /// The `go.mod` in use, if there is one.
    pub module_file: Option<PathBuf>,
    /// The `go.work` in use, if there is one.
    pub workspace_file: Option<PathBuf>,
    /// `GOFLAGS`, from wherever the go command has it.
    pub flags: String,
    /// `CGO_ENABLED`.
    pub cgo: bool,
}

/// Why there is no usable Go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolchainError {
    /// Nowhere to be found.
    #[error("Go was not found on PATH or in {}", list(.searched))]
    Missing {
        /// Where fire looked besides PATH.
        searched: Vec<PathBuf>,
    },
    /// Found, but `go env` fails.
    #[error("{} does not work: {message}", .go.display())]
    Broken {
        /// The go command.
        go: PathBuf,
        /// The first line of what it said.
        message: String,
    },
    /// Found, but too old.
    #[error("{} is {version}, and fire needs go{}.{} or newer", .go.display(), OLDEST.0, OLDEST.1)]
    TooOld {
        /// The go command.
        go: PathBuf,
        /// What it says it is.
        version: String,
    },
    /// Go is fine, but the directory belongs to no module.
    #[error("{} belongs to no Go module: there is no go.mod in it or above it", .directory.display())]
    NoModule {
        /// Where fire was asked to work.
        directory: PathBuf,
    },
}

impl ToolchainError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "install Go from https://go.dev/dl, or put the directory of the go command on PATH".into()
            }
            Self::Broken { go, .. } => {
                format!("run `{} env` to see the whole message; reinstalling Go from https://go.dev/dl helps if its files are damaged", go.display())
            }
            Self::TooOld { .. } => "install a newer Go from https://go.dev/dl".into(),
            Self::NoModule { .. } => {
                "run `go mod init example.com/name` there, or point fire at the program with `fire -C DIRECTORY`".into()
            }
        }
    }
}

fn list(places: &[PathBuf]) -> String {
    let shown: Vec<String> = places
        .iter()
        .map(|place| place.display().to_string())
        .collect();
    match shown.split_last() {
        None => "the usual places".into(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Where to look, in order.
#[derive(Debug, Clone)]
pub struct Places {
    path: Option<OsString>,
    usual: Vec<PathBuf>,
}

impl Places {
    /// PATH and the usual install places of this machine.
    pub fn of_machine() -> Self {
        Self {
            path: std::env::var_os("PATH"),
            usual: usual_places(),
        }
    }

    fn candidates(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let on_path = self.path.iter().flat_map(std::env::split_paths);
        on_path
            .chain(self.usual.iter().cloned())
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join("go"))
    }

    /// The first go command there is.
    pub fn find(&self) -> Result<PathBuf, ToolchainError> {
        self.candidates()
            .find(|go| is_executable(go))
            .ok_or_else(|| ToolchainError::Missing {
                searched: self.usual.clone(),
            })
    }
}

fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Some(root) = std::env::var_os("GOROOT") {
        places.push(Path::new(&root).join("bin"));
    }
    for fixed in [
        "/usr/local/go/bin",
        "/usr/lib/go/bin",
        "/opt/homebrew/bin",
        "/usr/local/bin",
        "/opt/go/bin",
        "/snap/bin",
    ] {
        places.push(fixed.into());
    }
    if let Some(home) = std::env::var_os("HOME") {
        for under in [
            "go/bin",
            ".local/go/bin",
            "sdk/go/bin",
            ".asdf/shims",
            ".local/share/mise/shims",
        ] {
            places.push(Path::new(&home).join(under));
        }
    }
    places
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Finds Go and asks it about the project in `directory`.
pub fn detect(
    directory: &Path,
    environment: &[(String, String)],
) -> Result<Toolchain, ToolchainError> {
    let go = Places::of_machine().find()?;
    let toolchain = probe(&go, directory, environment)?;
    if toolchain.module_file.is_none() && toolchain.workspace_file.is_none() {
        return Err(ToolchainError::NoModule {
            directory: directory.to_path_buf(),
        });
    }
    Ok(toolchain)
}

/// Asks a go command what it is, as seen from `directory`.
pub fn probe(
    go: &Path,
    directory: &Path,
    environment: &[(String, String)],
) -> Result<Toolchain, ToolchainError> {
    const ASKED: [&str; 8] = [
        "GOVERSION",
        "GOROOT",
        "GOOS",
        "GOARCH",
        "GOMOD",
        "GOWORK",
        "GOFLAGS",
        "CGO_ENABLED",
    ];
    let broken = |message: String| ToolchainError::Broken {
        go: go.to_path_buf(),
        message,
    };
    let output = Command::new(go)
        .arg("env")
        .args(ASKED)
        .current_dir(directory)
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty());
        return Err(broken(first.map_or_else(
            || output.status.to_string(),
            |line| line.trim().to_owned(),
        )));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let toolchain = Toolchain {
        go: go.to_path_buf(),
        version: next(),
        goroot: next().into(),
        goos: next(),
        goarch: next(),
        module_file: module_file(&next()),
        workspace_file: module_file(&next()),
        flags: next(),
        cgo: next() != "0",
    };
    match parse_version(&toolchain.version) {
        Some(version) if version < OLDEST => Err(ToolchainError::TooOld {
            go: go.to_path_buf(),
            version: toolchain.version,
        }),
        Some(_) => Ok(toolchain),
        // A development build calls itself `devel go1.28-abcdef`; it is new enough.
        None if toolchain.version.starts_with("devel") => Ok(toolchain),
        None => Err(broken(format!(
            "`go env GOVERSION` answers {:?}",
            toolchain.version
        ))),
    }
}

fn module_file(answer: &str) -> Option<PathBuf> {
    match answer {
        "" | "off" | "/dev/null" => None,
        path => Some(path.into()),
    }
}

/// `go1.26.8` → (1, 26).
pub fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, expected) in [
            ("go1.26.8", Some((1, 26))),
            ("go1.22", Some((1, 22))),
            ("go1.27rc1", Some((1, 27))),
            ("go1.26.8 X:nodwarf5", Some((1, 26))),
            ("devel go1.28-abc", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }

    #[test]
    fn go_is_sought_on_path_first_then_in_the_usual_places() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let bin = dir.path().join(name);
            std::fs::create_dir(&bin).unwrap();
            std::fs::write(bin.join("go"), "#!/bin/sh\n").unwrap();
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(bin.join("go"), std::fs::Permissions::from_mode(0o755))
                .unwrap();
            bin
        };
        let (on_path, usual) = (make("path"), make("usual"));
        let both = Places {
            path: Some(on_path.clone().into()),
            usual: vec![usual.clone()],
        };
        assert_eq!(both.find().unwrap(), on_path.join("go"));
        let second = Places {
            path: Some(dir.path().into()),
            usual: vec![usual.clone()],
        };
        assert_eq!(second.find().unwrap(), usual.join("go"));
        let none = Places {
            path: None,
            usual: vec![dir.path().into()],
        };
        assert!(matches!(none.find(), Err(ToolchainError::Missing { .. })));
    }

    fn script(body: &str) -> (tempfile::TempDir, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let go = dir.path().join("go");
        std::fs::write(&go, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&go, std::fs::Permissions::from_mode(0o755)).unwrap();
        (dir, go)
    }

    #[test]
    fn an_old_go_is_named_with_its_version() {
        let (dir, go) =
            script("echo go1.17.2; echo /old; echo linux; echo amd64; echo /m/go.mod; echo");
        let error = probe(&go, dir.path(), &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is go1.17.2, and fire needs go1.22 or newer"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_go_is_quoted() {
        let (dir, go) = script("echo 'go: cannot find GOROOT directory: /nowhere' >&2; exit 2");
        let error = probe(&go, dir.path(), &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("does not work: go: cannot find GOROOT directory: /nowhere"),
            "{error}"
        );
    }
}
