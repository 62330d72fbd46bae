//! What holds for any source: real Go under random layout and random edits, and bytes that are no Go.

use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::source::{BuildContext, ChunkKind, Entry, File, new_syntax_errors, syntax_errors};

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Packages of Go's own library, chosen for their variety: generics, cgo, assembly, embedding, tables.
const PACKAGES: &[&str] = &[
    "encoding/json",
    "go/types",
    "iter",
    "maps",
    "net/http",
    "reflect",
    "slices",
    "strconv",
    "time",
];

fn library() -> Vec<Entry> {
    let output = Command::new("go")
        .args(["env", "GOROOT"])
        .output()
        .expect("go is on PATH");
    let root = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("src");
    let mut entries = Vec::new();
    for package in PACKAGES {
        let mut paths: Vec<_> = std::fs::read_dir(root.join(package))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "go"))
        {
            let name = path.file_name().unwrap().to_string_lossy();
            entries.push(Entry::new(
                *package,
                format!("{package}/{name}"),
                std::fs::read(path).unwrap(),
            ));
        }
    }
    assert!(entries.len() > 200, "{} files", entries.len());
    entries
}

fn snapshot(entries: &[Entry]) -> Snapshot {
    Snapshot::new(BuildContext::default(), entries.to_vec())
}

fn codes(old: &Snapshot, new: &Snapshot) -> BTreeSet<&'static str> {
    diff(old, new).iter().map(|edit| edit.code).collect()
}

/// Other blanks and more comments, wherever Go allows them.
fn other_layout(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len() * 2);
    let mut last = 0;
    for (start, end) in crate::source::token_ranges(bytes) {
        let gap = &bytes[last..start];
        let after_comment = bytes[..last].ends_with(b"*/")
            || last_line(&bytes[..last]).windows(2).any(|two| two == b"//");
        if gap.contains(&b'\n') {
            if !after_comment {
                out.extend_from_slice(random.pick(&[&b""[..], b" ", b" // c", b"\t/* c */"]));
            }
            out.extend_from_slice(gap);
            out.extend_from_slice(random.pick(&[&b""[..], b" ", b"\n\n", b"// c\n", b"\t\t"]));
        } else if gap.is_empty() {
            out.extend_from_slice(gap);
        } else {
            out.extend_from_slice(random.pick(&[&b" "[..], b"  ", b"\t", b" /* c */ "]));
        }
        out.extend_from_slice(&bytes[start..end]);
        last = end;
    }
    out.extend_from_slice(&bytes[last..]);
    out
}

fn last_line(bytes: &[u8]) -> &[u8] {
    let start = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    &bytes[start..]
}

#[test]
fn layout_never_matters() {
    let entries = library();
    let old = snapshot(&entries);
    let mut random = Random(7);
    let changed: Vec<_> = entries
        .iter()
        .map(|entry| Entry {
            bytes: other_layout(&mut random, &entry.bytes),
            ..entry.clone()
        })
        .collect();
    let new = snapshot(&changed);
    let edits: Vec<_> = diff(&old, &new)
        .into_iter()
        .filter(|edit| !matches!(edit.code, "nothing" | "test"))
        .collect();
    assert_eq!(edits, []);
}

#[test]
fn line_ends_never_matter() {
    let entries = library();
    let changed: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = String::from_utf8_lossy(&entry.bytes).replace('\n', "\r\n");
            Entry {
                bytes: text.into_bytes(),
                ..entry.clone()
            }
        })
        .collect();
    let codes = codes(&snapshot(&entries), &snapshot(&changed));
    assert!(
        codes.is_subset(&BTreeSet::from(["nothing", "test"])),
        "{codes:?}"
    );
}

#[test]
fn the_order_of_declarations_and_files_never_matters() {
    let entries = library();
    let old = snapshot(&entries);
    let changed: Vec<_> = old
        .files()
        .map(|file| Entry::new(file.package(), file.path(), reversed(file)))
        .collect();
    let edits: Vec<_> = diff(&old, &snapshot(&changed))
        .into_iter()
        .filter(|edit| !matches!(edit.code, "nothing" | "test"))
        .collect();
    assert_eq!(edits, []);
}

/// The file with its declarations, behind the imports, in the opposite order.
fn reversed(file: &File) -> Vec<u8> {
    let outline = file.outline();
    let movable: Vec<_> = outline
        .chunks
        .iter()
        .filter(|chunk| chunk.kind != ChunkKind::Import)
        .collect();
    let Some(first) = movable.first() else {
        return file.bytes().to_vec();
    };
    let mut head = file.bytes()[..first.range.start].to_vec();
    // Directives go with what they are for.
    for directive in &first.directives {
        let text = String::from_utf8_lossy(&head).replacen(directive, "//", 1);
        head = text.into_bytes();
    }
    for chunk in movable.iter().rev() {
        head.push(b'\n');
        for directive in &chunk.directives {
            head.extend_from_slice(directive.as_bytes());
            head.push(b'\n');
        }
        head.extend_from_slice(&file.bytes()[chunk.range.clone()]);
        head.push(b'\n');
    }
    head
}

#[test]
fn an_edited_body_is_one_edit_both_ways() {
    let entries = library();
    let old = snapshot(&entries);
    let mut random = Random(11);
    let mut functions = Vec::new();
    for file in old.files().filter(|file| file.is_built()) {
        let chunks = file.outline().chunks.iter();
        functions.extend(
            chunks
                .filter(|chunk| chunk.kind == ChunkKind::Func)
                .map(|chunk| (file, chunk)),
        );
    }
    for _ in 0..300 {
        let (file, chunk) = functions[random.below(functions.len())];
        let end = chunk.range.end - 1;
        if file.bytes()[end] != b'}' || chunk.name == "_" {
            continue;
        }
        let mut bytes = file.bytes()[..end].to_vec();
        bytes.extend_from_slice(b"\nprintln(1)\n");
        bytes.extend_from_slice(&file.bytes()[end..]);
        let mut new = old.clone();
        new.update(file.path(), Some(bytes));
        let (there, back) = (diff(&old, &new), diff(&new, &old));
        let wanted = match (&chunk.receiver, chunk.name.as_str()) {
            (Some(_), _) => "method-body",
            (None, "init") => "init",
            (None, _) => "body",
        };
        assert_eq!(there.len(), 1, "{}: {there:?}", chunk.name);
        assert_eq!(there[0].code, wanted);
        assert!(there[0].subject.ends_with(&format!(".{}", chunk.name)));
        assert_eq!(there, back);
        assert_eq!(
            new_syntax_errors(Some(file), new.file(file.path()).unwrap()),
            []
        );
    }
}

#[test]
fn random_edits_mirror_each_other() {
    let entries = library();
    let old = snapshot(&entries);
    let mut random = Random(13);
    let files: Vec<_> = old
        .files()
        .filter(|file| file.is_built() && !file.outline().chunks.is_empty())
        .collect();
    let mirrored = |code: &str| code.replace("added", "removed");
    for _ in 0..150 {
        let file = files[random.below(files.len())];
        let chunks = &file.outline().chunks;
        // A declaration is taken away, or put behind another.
        let chunk = &chunks[random.below(chunks.len())];
        let mut bytes = file.bytes().to_vec();
        bytes.drain(chunk.range.clone());
        let mut new = old.clone();
        new.update(file.path(), Some(bytes));
        let codes = |edits: Vec<Edit>| {
            let mut codes: Vec<_> = edits
                .iter()
                .map(|edit| (mirrored(edit.code), edit.subject.clone()))
                .collect();
            codes.sort();
            codes
        };
        assert_eq!(codes(diff(&old, &new)), codes(diff(&new, &old)));
    }
}

#[test]
fn real_go_has_no_syntax_errors() {
    for entry in library() {
        assert_eq!(
            syntax_errors(&entry.path, &entry.bytes),
            [],
            "{}",
            entry.path
        );
    }
}

const PIECES: &[&str] = &[
    "package a",
    "import",
    "\"C\"",
    "func",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "type",
    "struct",
    "interface",
    "const",
    "var",
    "=",
    ":=",
    "iota",
    ",",
    ";",
    "\n",
    ".",
    "*",
    "x",
    "Y",
    "`",
    "\"",
    "'",
    "\\",
    "/*",
    "*/",
    "//go:embed ",
    "//go:build !(",
    "//",
    "0x",
    "1e+",
    "new(",
    "\u{e9}",
    "\r",
    "case",
    "<-",
    "...",
    "~",
    "T[",
    "_",
    "init",
    "main",
];

#[test]
fn no_bytes_are_a_danger() {
    let mut random = Random(17);
    for _ in 0..600 {
        let make = |random: &mut Random| -> Vec<u8> {
            let mut bytes = Vec::new();
            for _ in 0..random.below(120) {
                match random.below(8) {
                    0 => bytes.push(u8::try_from(random.below(256)).unwrap()),
                    _ => bytes.extend_from_slice(random.pick(PIECES).as_bytes()),
                }
                if random.below(2) == 0 {
                    bytes.push(b' ');
                }
            }
            bytes
        };
        check_robust(&make(&mut random), &make(&mut random));
    }
}

#[test]
fn broken_go_is_no_danger() {
    let entries = library();
    let mut random = Random(19);
    for _ in 0..60 {
        let whole = &entries[random.below(entries.len())].bytes;
        let bytes = &whole[..whole.len().min(20_000)];
        let mut broken = bytes.to_vec();
        for _ in 0..1 + random.below(4) {
            let at = random.below(broken.len());
            match random.below(3) {
                0 => drop(broken.drain(at..(at + random.below(40)).min(broken.len()))),
                1 => broken
                    .splice(at..at, random.pick(PIECES).bytes())
                    .for_each(drop),
                _ => broken.truncate(at),
            }
            if broken.is_empty() {
                break;
            }
        }
        check_robust(bytes, &broken);
    }
}

fn check_robust(one: &[u8], other: &[u8]) {
    let entry = |bytes: &[u8]| snapshot(&[Entry::new("a", "a.go", bytes)]);
    let (old, new) = (entry(one), entry(other));
    diff(&old, &new);
    diff(&new, &old);
    assert_eq!(diff(&new, &entry(other)), []);
    syntax_errors("a.go", other);
    new_syntax_errors(
        old.file("a.go").map(|file| &**file),
        new.file("a.go").unwrap(),
    );
}
