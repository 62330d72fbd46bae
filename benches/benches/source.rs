//! Reading a million lines of Go, and answering a save in the midst of them.
//!
//! `cargo bench -p fire-benches --bench source [-- DIRECTORY]`; the directory is Go's own source if none is
//! given, and files are taken until there are a million lines. Budgets: 1.5 s and 10 ms.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fire_host::classify;
use fire_host::source::{BuildContext, ChunkKind, Entry, File, Snapshot, new_syntax_errors};

const LINES: usize = 1_000_000;
const RUNS: usize = 5;
const SAVES: usize = 200;

fn main() {
    let directory = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let directory = directory.map_or_else(go_source, PathBuf::from);
    let mut corpus = Corpus::default();
    corpus.add(&directory, &directory);
    println!(
        "{} files, {} lines, {} MB",
        corpus.entries.len(),
        corpus.lines,
        corpus.bytes / 1_000_000
    );

    let mut reads: Vec<_> = (0..RUNS).map(|_| read(&corpus.entries).0).collect();
    println!("| what | p50 | p95 | budget |");
    println!("| --- | --- | --- | --- |");
    row("read and index everything", &mut reads, "1.5 s");

    let (_, snapshot) = read(&corpus.entries);
    let mut saves = saves(&snapshot);
    row("a save: parse and classify", &mut saves.whole, "10 ms");
    row("  of that, read the file", &mut saves.update, "");
    row("  of that, syntax errors", &mut saves.syntax, "");
    row("  of that, classify", &mut saves.diff, "");
}

fn row(name: &str, times: &mut [Duration], budget: &str) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    println!("| {name} | {} | {} | {budget} |", ms(at(50)), ms(at(95)));
}

fn go_source() -> PathBuf {
    let output = Command::new("go")
        .args(["env", "GOROOT"])
        .output()
        .expect("go is on PATH");
    Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("src")
}

#[derive(Default)]
struct Corpus {
    entries: Vec<Entry>,
    lines: usize,
    bytes: usize,
}

impl Corpus {
    fn add(&mut self, root: &Path, directory: &Path) {
        let mut paths: Vec<_> = std::fs::read_dir(directory)
            .expect("it can be read")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        for path in paths {
            if self.lines >= LINES {
                return;
            }
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "testdata") {
                    self.add(root, &path);
                }
            } else if path.extension().is_some_and(|extension| extension == "go") {
                let bytes = std::fs::read(&path).expect("it can be read");
                self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
                self.bytes += bytes.len();
                let package = directory
                    .strip_prefix(root)
                    .unwrap_or(directory)
                    .to_string_lossy();
                self.entries.push(Entry::new(package, &path, bytes));
            }
        }
    }
}

fn read(entries: &[Entry]) -> (Duration, Snapshot) {
    let entries = entries.to_vec();
    let start = Instant::now();
    let snapshot = Snapshot::new(BuildContext::default(), entries);
    (start.elapsed(), snapshot)
}

#[derive(Default)]
struct Saves {
    whole: Vec<Duration>,
    update: Vec<Duration>,
    syntax: Vec<Duration>,
    diff: Vec<Duration>,
}

/// Edits one body each in files of 500 to 5,000 lines. Nothing is warm but the snapshot.
fn saves(snapshot: &Snapshot) -> Saves {
    let mut saves = Saves::default();
    let files = snapshot.files().filter(|file| {
        let lines = file.bytes().iter().filter(|byte| **byte == b'\n').count();
        file.is_built() && (500..5_000).contains(&lines)
    });
    for (before, bytes) in files
        .filter_map(|file| Some((file, edited(file)?)))
        .take(SAVES)
    {
        let mut new = snapshot.clone();
        let start = Instant::now();
        new.update(before.path(), Some(bytes));
        let updated = Instant::now();
        let after = new.file(before.path()).expect("it has just been updated");
        let errors = new_syntax_errors(Some(before), after);
        let checked = Instant::now();
        let edits = classify::diff(snapshot, &new);
        let end = Instant::now();
        assert!(errors.is_empty(), "{}: {errors:?}", before.path());
        assert!(!edits.is_empty(), "{}: no edit", before.path());
        saves.update.push(updated - start);
        saves.syntax.push(checked - updated);
        saves.diff.push(end - checked);
        saves.whole.push(end - start);
    }
    saves
}

/// The file with a statement more in its middle function.
fn edited(file: &File) -> Option<Vec<u8>> {
    let functions: Vec<_> = file
        .outline()
        .chunks
        .iter()
        .filter(|chunk| chunk.kind == ChunkKind::Func)
        .collect();
    let chunk = functions.get(functions.len() / 2)?;
    let end = chunk
        .range
        .end
        .checked_sub(1)
        .filter(|end| file.bytes()[*end] == b'}')?;
    let mut bytes = file.bytes()[..end].to_vec();
    bytes.extend_from_slice(b"\nprintln(1)\n");
    bytes.extend_from_slice(&file.bytes()[end..]);
    Some(bytes)
}
