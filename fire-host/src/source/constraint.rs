//! Whether a file belongs to the build: its name and its `//go:build` line
//! (`go help buildconstraint`; `go/build/constraint`; `internal/syslist` of the Go tree).

use std::collections::BTreeMap;

/// What files are chosen by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildContext {
    /// GOOS.
    pub os: String,
    /// GOARCH.
    pub architecture: String,
    /// `-tags`, and whatever else holds (`race`, `cgo`).
    pub tags: Vec<String>,
    /// The minor version of Go 1.x, for `go1.N` tags.
    pub go_minor: u32,
    /// Files that the go command sees otherwise, for as long as their constraint is this one: path → constraint, and
    /// whether it compiles them.
    pub exceptions: BTreeMap<String, (Option<String>, bool)>,
}

impl Default for BuildContext {
    /// This machine, cgo on, no tags, a Go that satisfies every `go1.N`.
    fn default() -> Self {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self {
            os: os.into(),
            architecture: architecture.into(),
            tags: vec!["cgo".into()],
            go_minor: u32::MAX,
            exceptions: BTreeMap::new(),
        }
    }
}

const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];

const UNIX: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "linux",
    "netbsd",
    "openbsd",
    "solaris",
];

const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl BuildContext {
    /// Whether a file of this name, with this constraint expression, is compiled.
    pub fn includes(&self, file_name: &str, constraint: Option<&str>) -> bool {
        !file_name.starts_with(['_', '.'])
            && self.name_fits(file_name)
            && constraint.is_none_or(|expression| self.satisfies(expression))
    }

    /// The `_GOOS`, `_GOARCH` and `_GOOS_GOARCH` rule.
    fn name_fits(&self, file_name: &str) -> bool {
        let stem = file_name.split('.').next().unwrap_or_default();
        let stem = stem.strip_suffix("_test").unwrap_or(stem);
        // What comes before the first underscore is never a constraint.
        let Some((_, suffixes)) = stem.split_once('_') else {
            return true;
        };
        let mut words = suffixes.rsplit('_');
        let last = words.next().unwrap_or_default();
        if ARCHITECTURES.contains(&last) {
            let system = words.next().unwrap_or_default();
            return self.tag(last) && (!SYSTEMS.contains(&system) || self.tag(system));
        }
        !SYSTEMS.contains(&last) || self.tag(last)
    }

    fn tag(&self, tag: &str) -> bool {
        if let Some(minor) = tag.strip_prefix("go1.") {
            return minor
                .parse::<u32>()
                .is_ok_and(|minor| minor <= self.go_minor);
        }
        tag == self.os
            || tag == self.architecture
            || tag == "gc"
            || (tag == "unix" && UNIX.contains(&self.os.as_str()))
            || (tag == "linux" && self.os == "android")
            || (tag == "darwin" && self.os == "ios")
            || (tag == "solaris" && self.os == "illumos")
            || self.tags.iter().any(|own| own == tag)
    }

    fn satisfies(&self, expression: &str) -> bool {
        let mut parser = Parser {
            context: self,
            rest: expression.trim(),
            depth: 0,
        };
        // What is not an expression excludes nothing: the go command says what is wrong with it.
        parser
            .either()
            .filter(|_| parser.rest.is_empty())
            .unwrap_or(true)
    }
}

/// `a && (b || !c)`, evaluated while it is read. `None`: not an expression.
struct Parser<'a> {
    context: &'a BuildContext,
    rest: &'a str,
    depth: u32,
}

/// Deeper nesting than this is not an expression anybody wrote.
const DEEPEST: u32 = 200;

impl Parser<'_> {
    fn either(&mut self) -> Option<bool> {
        let mut value = self.both()?;
        while self.take("||") {
            value |= self.both()?;
        }
        Some(value)
    }

    fn both(&mut self) -> Option<bool> {
        let mut value = self.not()?;
        while self.take("&&") {
            value &= self.not()?;
        }
        Some(value)
    }

    fn not(&mut self) -> Option<bool> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        if self.take("!") {
            return self.not().map(|value| !value);
        }
        if self.take("(") {
            let value = self.either()?;
            return self.take(")").then_some(value);
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(self.rest.len());
        let (tag, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!tag.is_empty()).then(|| self.context.tag(tag))
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux() -> BuildContext {
        BuildContext {
            os: "linux".into(),
            architecture: "amd64".into(),
            tags: vec!["cgo".into(), "dev".into()],
            go_minor: 22,
            exceptions: BTreeMap::new(),
        }
    }

    #[test]
    fn names() {
        for name in [
            "a.go",
            "linux.go",
            "a_linux.go",
            "a_amd64.go",
            "a_linux_amd64.go",
            "a_linux_test.go",
        ] {
            assert!(linux().includes(name, None), "{name}");
        }
        for name in [
            "a_windows.go",
            "a_arm64.go",
            "a_linux_arm64.go",
            "a_darwin_amd64.go",
            "_a.go",
            ".a.go",
        ] {
            assert!(!linux().includes(name, None), "{name}");
        }
    }

    #[test]
    fn expressions() {
        for good in [
            "linux",
            "unix && !windows",
            "(darwin || dev) && go1.22",
            "!(race||msan)",
            "a b",
            "",
            "(a",
        ] {
            assert!(linux().includes("a.go", Some(good)), "{good}");
        }
        for bad in ["ignore", "linux && windows", "!linux", "go1.23", "!cgo"] {
            assert!(!linux().includes("a.go", Some(bad)), "{bad}");
        }
    }

    #[test]
    fn deep_nesting_is_no_expression() {
        assert!(linux().includes("a.go", Some(&"(".repeat(100_000))));
    }
}
