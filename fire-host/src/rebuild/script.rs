//! What the go command says it would do (`go build -n`): a shell script, made to be read by people. Pure.
//!
//! Only the plain case is understood, and only what is understood is used: whoever meets another leaves the build to the
//! go command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the script keeps what it makes.
const WORK: &str = "$WORK";

/// The commands of one build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The packages that the compiler alone makes, by import path.
    pub compiles: BTreeMap<String, Compile>,
    /// The program.
    pub link: Option<Link>,
}

/// How one package is compiled.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Compile {
    /// The compiler and its arguments.
    pub command: Tool,
    /// Files that it is given: name → text. In `importcfg`, archives are named as the script names them.
    pub files: BTreeMap<String, String>,
    /// Packages that it imports, by the path they are compiled under.
    pub imports: Vec<String>,
    /// Whether it came after everything that it imports.
    order: usize,
}

impl Compile {
    /// Its place in the order of the build: imports come first.
    pub fn order(&self) -> usize {
        self.order
    }
}

/// How the program is linked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Link {
    /// The linker and its arguments.
    pub command: Tool,
    /// Import path → archive, as the script names it; the program's own package is among them.
    pub archives: BTreeMap<String, String>,
    /// Lines of the configuration that name no archive.
    pub others: Vec<String>,
}

/// A command of the script.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Where it runs.
    pub directory: PathBuf,
    /// The program and its arguments.
    pub words: Vec<String>,
}

impl Tool {
    /// The place of an option's value.
    pub fn value(&self, option: &str) -> Option<usize> {
        let at = self.words.iter().position(|word| word == option)?;
        (at + 1 < self.words.len()).then_some(at + 1)
    }
}

/// Reads what the go command has said in a directory. None: it holds something that is not understood.
pub fn read(text: &str, directory: &Path) -> Option<Script> {
    let mut script = Script::default();
    let mut directory = directory.to_owned();
    let mut section: Option<Section> = None;
    let mut link_files = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#" {
            let path = lines.next()?.strip_prefix("# ")?.to_owned();
            if lines.next()? != "#" {
                return None;
            }
            finish(section.take(), &mut script);
            section = Some(Section {
                path,
                plain: true,
                compile: None,
                files: BTreeMap::new(),
            });
            continue;
        }
        if let Some(to) = line.strip_prefix("cd ") {
            if to != "." {
                directory = PathBuf::from(unquoted(to)?.0);
            }
            continue;
        }
        if let Some(head) = line.strip_prefix("cat >") {
            let (name, _) = head.split_once(" << 'EOF'")?;
            let mut file = String::new();
            loop {
                match lines.next()? {
                    "EOF" => break,
                    line => {
                        file.push_str(line);
                        file.push('\n');
                    }
                }
            }
            let name = file_name(name)?;
            if name == "importcfg.link" {
                link_files.insert(name, file);
            } else if let Some(section) = &mut section {
                section.files.insert(name, file);
            }
            continue;
        }
        if let Some(rest) = line.strip_prefix("echo '# import config' > ")
            && let Some(section) = &mut section
        {
            let name = file_name(rest.split(' ').next()?)?;
            section.files.insert(name, String::new());
            continue;
        }
        if line.is_empty() || line.starts_with("mkdir -p ") || line.contains(" # internal") {
            continue;
        }
        let words = words(line, &directory);
        let tool = words.as_ref().and_then(|words| {
            let tool = words.iter().find(|word| !assigns(word))?;
            Path::new(tool).file_name()?.to_str()
        });
        match (tool, &mut section) {
            (Some("link"), _) => {
                finish(section.take(), &mut script); // what follows is about the program
                let words = words?;
                let command = words.into_iter().skip_while(|word| assigns(word));
                script.link = Some(Link {
                    command: Tool {
                        directory: directory.clone(),
                        words: command.collect(),
                    },
                    ..Link::default()
                });
            }
            (Some("compile"), Some(section)) if section.compile.is_none() => {
                section.compile = words.map(|words| Tool {
                    directory: directory.clone(),
                    words,
                });
            }
            // An assembler, a C compiler, two compilers: not the plain case.
            (_, Some(section)) => section.plain = false,
            (_, None) => {}
        }
    }
    finish(section, &mut script);
    if let (Some(link), Some(file)) = (&mut script.link, link_files.remove("importcfg.link")) {
        for line in file.lines() {
            match archive(line) {
                Some((path, archive)) => {
                    link.archives.insert(path.to_owned(), archive.to_owned());
                }
                None => link.others.push(line.to_owned()),
            }
        }
    }
    Some(script)
}

/// `packagefile path=archive`.
pub fn archive(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("packagefile ")?.split_once('=')
}

/// What the script says about one package.
struct Section {
    path: String,
    plain: bool,
    compile: Option<Tool>,
    files: BTreeMap<String, String>,
}

fn finish(section: Option<Section>, script: &mut Script) {
    let Some(section) = section else { return };
    let Some(command) = section.compile.filter(|_| section.plain) else {
        return;
    };
    let needed = ["-o", "-importcfg"];
    if needed.iter().any(|option| command.value(option).is_none()) {
        return;
    }
    let imports = section
        .files
        .get("importcfg")
        .map(|text| text.lines().filter_map(archive))
        .into_iter()
        .flatten()
        .map(|(path, _)| path.to_owned())
        .collect();
    let order = script.compiles.len();
    script.compiles.insert(
        section.path,
        Compile {
            command,
            files: section.files,
            imports,
            order,
        },
    );
}

/// The name of a file right below the directory of a package's making.
fn file_name(path: &str) -> Option<String> {
    let inside = path.strip_prefix(WORK)?.strip_prefix('/')?;
    let (_, name) = inside.split_once('/')?;
    (!name.contains('/')).then(|| name.to_owned())
}

fn assigns(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// The words of a command. The script shortens the directory it is in to a dot.
fn words(line: &str, directory: &Path) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = unquoted(rest)?;
        let quoted = rest.starts_with(['"', '\'']);
        words.push(match word.strip_prefix("./") {
            Some(inside) if !quoted => directory.join(inside).to_str()?.to_owned(),
            _ if word == "." && !quoted => directory.to_str()?.to_owned(),
            _ => word,
        });
        rest = after.trim_start_matches(' ');
    }
    Some(words)
}

/// The first word, and what follows it. Words are plain, or quoted as Go quotes strings, or wholly or in part as the
/// shell does.
fn unquoted(text: &str) -> Option<(String, &str)> {
    if let Some(inside) = text.strip_prefix('"') {
        let mut word = String::new();
        let mut characters = inside.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    let after = &inside[at + 1..];
                    return (after.is_empty() || after.starts_with(' ')).then_some((word, after));
                }
                '\\' => match characters.next()?.1 {
                    escaped @ ('"' | '\\') => word.push(escaped),
                    _ => return None,
                },
                other => word.push(other),
            }
        }
        return None;
    }
    let mut word = String::new();
    let mut rest = text;
    loop {
        let end = rest.find([' ', '\'', '"', '\\']).unwrap_or(rest.len());
        word.push_str(&rest[..end]);
        rest = &rest[end..];
        match rest.chars().next() {
            None | Some(' ') => return Some((word, rest)),
            Some('\'') => {
                let (inside, after) = rest[1..].split_once('\'')?;
                word.push_str(inside);
                rest = after;
            }
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"mkdir -p $WORK/b002/

#
# example.com/shop/store
#

cat >$WORK/b002/importcfg << 'EOF' # internal
# import config
packagefile sync=$WORK/b003/_pkg_.a
EOF
cd /p
/go/compile -o $WORK/b002/_pkg_.a -trimpath "$WORK/b002=>;/p/a b=>/c" -p example.com/shop/store -importcfg $WORK/b002/importcfg -pack ./store/store.go
go tool buildid -w $WORK/b002/_pkg_.a # internal
mkdir -p $WORK/b003/

#
# sync
#

cat >$WORK/b003/importcfg << 'EOF' # internal
# import config
EOF
/go/asm -p sync -o x ./x.s
/go/compile -o $WORK/b003/_pkg_.a -importcfg $WORK/b003/importcfg ./sync.go

#
# example.com/shop
#

echo '# import config' > $WORK/b001/importcfg # internal
/go/compile -o $WORK/b001/_pkg_.a -p main -importcfg $WORK/b001/importcfg ./main.go
mkdir -p $WORK/b001/
cat >$WORK/b001/importcfg.link << 'EOF' # internal
packagefile example.com/shop/store=$WORK/b002/_pkg_.a
modinfo "x\ty"
EOF
cd .
GOROOT='/go root' /go/link -o $WORK/b001/exe/a.out -importcfg $WORK/b001/importcfg.link '-X=main.v=a b' $WORK/b001/_pkg_.a
go tool buildid -w $WORK/b001/exe/a.out # internal
mv $WORK/b001/exe/a.out shop
"#;

    #[test]
    fn packages_and_the_program() {
        let script = read(SCRIPT, Path::new("/r")).expect("it is understood");
        let names: Vec<_> = script.compiles.keys().collect();
        assert_eq!(
            names,
            ["example.com/shop", "example.com/shop/store"],
            "assembly is not plain"
        );
        let store = &script.compiles["example.com/shop/store"];
        assert_eq!(store.imports, ["sync"]);
        assert_eq!(store.command.directory, Path::new("/p"));
        assert_eq!(
            store.command.words,
            [
                "/go/compile",
                "-o",
                "$WORK/b002/_pkg_.a",
                "-trimpath",
                "$WORK/b002=>;/p/a b=>/c",
                "-p",
                "example.com/shop/store",
                "-importcfg",
                "$WORK/b002/importcfg",
                "-pack",
                "/p/store/store.go"
            ]
        );
        let link = script.link.expect("it links");
        assert_eq!(link.command.words[0], "/go/link");
        assert_eq!(link.command.words[5], "-X=main.v=a b");
        assert_eq!(
            link.archives["example.com/shop/store"],
            "$WORK/b002/_pkg_.a"
        );
        assert_eq!(link.others, ["modinfo \"x\\ty\""]);
    }

    #[test]
    fn what_is_cut_off_is_not_understood() {
        let end = SCRIPT.find("EOF\ncd /p").expect("it is there");
        assert_eq!(read(&SCRIPT[..end], Path::new("/r")), None);
    }

    #[test]
    fn words_as_the_go_command_writes_them() {
        let check = |line: &str, expected: Option<&[&str]>| {
            let found = words(line, Path::new("/p"));
            let expected = expected.map(|words| {
                words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{line}");
        };
        check("a  b", Some(&["a", "b"]));
        check("a ./b . \"./c\"", Some(&["a", "/p/b", "/p", "./c"]));
        check(r#"a "b \"c\"" d"#, Some(&["a", "b \"c\"", "d"]));
        check("a 'b c'd", Some(&["a", "b cd"]));
        check(r#"a "\x00""#, None);
        check("a 'b", None);
        check(r"a\ b", None);
    }
}
