//! Programs as they lie in the repository.

use std::path::Path;

/// One program.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its file's name.
    pub name: String,
    /// File name → text.
    pub files: Vec<(String, String)>,
    /// It ends with an exit code other than 0.
    pub exits: bool,
    /// Functions that must be refused, with the code.
    pub refuses: Vec<(String, String)>,
    /// Packages whose functions stay at home.
    pub native: Vec<String>,
}

impl Program {
    /// The name of its package.
    pub fn package(&self) -> String {
        self.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    }
}

/// All programs, or those whose name contains one of some words.
///
/// # Panics
/// When they cannot be read.
pub fn read_all(words: Option<&str>) -> Vec<Program> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let mut programs: Vec<Program> = std::fs::read_dir(&directory)
        .expect("the suite's directory is readable")
        .map(|entry| entry.expect("the suite's directory is readable").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "txtar")
        })
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("programs are UTF-8");
            parse(
                &path.file_stem().unwrap_or_default().to_string_lossy(),
                &text,
            )
        })
        .filter(|program| {
            words.is_none_or(|words| {
                words
                    .split_whitespace()
                    .any(|word| program.name.contains(word))
            })
        })
        .collect();
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    programs
}

/// Takes a program's text apart.
///
/// # Panics
/// At an unknown directive.
pub fn parse(name: &str, text: &str) -> Program {
    let mut files: Vec<(String, String)> = Vec::new();
    let (mut exits, mut refuses, mut native) = (false, Vec::new(), Vec::new());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if let Some(file) = bare
            .strip_prefix("-- ")
            .and_then(|rest| rest.strip_suffix(" --"))
        {
            files.push((file.to_owned(), String::new()));
            continue;
        }
        let Some((_, text)) = files.last_mut() else {
            continue;
        };
        text.push_str(line);
        if let Some(rest) = bare.strip_prefix("//conform:") {
            let mut words = rest.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("exits"), _, _) => exits = true,
                (Some("native"), Some(package), _) => native.push(package.to_owned()),
                (Some("refuses"), Some(function), Some(code)) => {
                    refuses.push((function.to_owned(), code.to_owned()))
                }
                _ => panic!("{name}: {bare}"),
            }
        }
    }
    Program {
        name: name.to_owned(),
        files,
        exits,
        refuses,
        native,
    }
}
