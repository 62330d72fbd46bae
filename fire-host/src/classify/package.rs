//! The comparison of one package: what cancels out, and what is left on each side.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::files::PackageFiles;
use super::program::{Program, is_fixed};
use super::used::Candidate;
use super::{Edit, blank_imports, code, functions, types, used, values};
use crate::source::declaration::{self, Declaration, Function, Type, Value};
use crate::source::{Chunk, ChunkKind, File, Import};

/// A declaration with its place.
#[derive(Debug, Clone)]
pub(super) struct Item<'s, D> {
    pub(super) file: &'s Arc<File>,
    pub(super) chunk: &'s Chunk,
    pub(super) declaration: D,
}

/// Receiver type and name: a method stays itself when its receiver becomes a pointer.
pub(super) type FunctionKey = (Option<String>, String);

/// What is left of one side of a package.
#[derive(Debug, Default)]
pub(super) struct Half<'s> {
    pub(super) functions: BTreeMap<FunctionKey, Item<'s, Function>>,
    /// `init`s and `main.main`.
    pub(super) fixed: Vec<Item<'s, Function>>,
    pub(super) types: BTreeMap<String, Item<'s, Type>>,
    pub(super) constants: BTreeMap<String, Item<'s, Value>>,
    pub(super) variables: BTreeMap<String, Item<'s, Value>>,
    /// Variables called `_`.
    pub(super) blanks: Vec<Item<'s, Value>>,
    pub(super) strays: Vec<Item<'s, String>>,
}

/// A comparison of two programs, package by package.
pub(super) struct Comparison<'p, 's> {
    pub(super) old: &'p Program<'s>,
    pub(super) new: &'p Program<'s>,
    pub(super) edits: Vec<Edit>,
    /// Paths of the files that edits are about.
    pub(super) touched: BTreeSet<String>,
    pub(super) added: Vec<Candidate<'s>>,
    pub(super) removed: Vec<Candidate<'s>>,
}

impl<'p, 's> Comparison<'p, 's> {
    pub(super) fn new(old: &'p Program<'s>, new: &'p Program<'s>) -> Self {
        let (edits, touched) = (Vec::new(), BTreeSet::new());
        Self {
            old,
            new,
            edits,
            touched,
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Compares one package's changed files.
    pub(super) fn package(&mut self, path: &str, files: &PackageFiles<'s>) {
        let (old, new) = uncancelled(files);
        let old = half(self.old, path, old);
        let new = half(self.new, path, new);
        self.imports(files);
        blank_imports::compare(self, path, files);
        functions::compare(self, path, &old, &new);
        types::compare(self, path, &old, &new);
        values::compare(self, path, &old, &new);
        self.strays(path, &old, &new);
    }

    /// Judges what was added and removed, once every package has been compared.
    pub(super) fn settle(&mut self) {
        used::settle(self);
    }

    /// Notes an edit that is about these files.
    pub(super) fn push(&mut self, edit: Edit, files: &[&Arc<File>]) {
        self.edits.push(edit);
        self.touched
            .extend(files.iter().map(|file| file.path().to_string()));
    }

    fn imports(&mut self, files: &PackageFiles<'s>) {
        for new in &files.new {
            let Some(old) = files.old.iter().find(|old| old.path() == new.path()) else {
                continue;
            };
            let (before, after) = (&old.outline().imports, &new.outline().imports);
            if before == after {
                continue;
            }
            let only = |these: &[Import], others: &[Import]| -> Vec<String> {
                these
                    .iter()
                    .filter(|import| !others.contains(import))
                    .map(told)
                    .collect()
            };
            let mut words = Vec::new();
            for (verb, imports) in [
                ("added", only(after, before)),
                ("removed", only(before, after)),
            ] {
                if !imports.is_empty() {
                    words.push(format!("{} {verb}", imports.join(", ")));
                }
            }
            let edit =
                Edit::new(new.package(), new.path(), code::IMPORTS, words.join("; ")).harmless();
            self.push(edit, &[new]);
        }
    }

    /// What is no declaration: the file is not Go, and somebody did not ask for that first.
    fn strays(&mut self, path: &str, old: &Half<'s>, new: &Half<'s>) {
        let texts = |half: &Half<'s>| {
            half.strays
                .iter()
                .map(|item| item.declaration.clone())
                .collect::<Vec<_>>()
        };
        if texts(old) == texts(new) {
            return;
        }
        for item in new.strays.iter().chain(&old.strays) {
            let detail = "it holds something that is no declaration";
            self.push(
                Edit::new(path, item.file.path(), code::BUILD, detail),
                &[item.file],
            );
        }
    }
}

fn told(import: &Import) -> String {
    match &import.name {
        Some(name) => format!("{name} {:?}", import.path),
        None => format!("{:?}", import.path),
    }
}

type Chunks<'s> = Vec<(&'s Arc<File>, &'s Chunk)>;

/// The chunks of each side that the other has not got.
fn uncancelled<'s>(files: &PackageFiles<'s>) -> (Chunks<'s>, Chunks<'s>) {
    let mut imports = files
        .old
        .iter()
        .chain(&files.new)
        .map(|file| &file.outline().imports);
    let first = imports.next();
    // Where all files import the same, the same text means the same.
    let by_imports = imports.any(|imports| Some(imports) != first);
    let old = likenesses(&files.old, by_imports);
    let mut counts: HashMap<&Likeness<'s>, usize> = HashMap::new();
    for (likeness, ..) in &old {
        *counts.entry(likeness).or_default() += 1;
    }
    let mut kept = Vec::new();
    for (likeness, file, chunk) in &likenesses(&files.new, by_imports) {
        match counts.get_mut(likeness) {
            Some(count) if *count > 0 => *count -= 1,
            _ => kept.push((*file, *chunk)),
        }
    }
    let mut gone = Vec::new();
    for (likeness, file, chunk) in &old {
        if let Some(count) = counts.get_mut(likeness).filter(|count| **count > 0) {
            *count -= 1;
            gone.push((*file, *chunk));
        }
    }
    (gone, kept)
}

/// Chunks that are alike mean the same: the same text under the same directives, the names of imports in it
/// standing for the same paths.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'s> {
    text: &'s [u8],
    directives: &'s [String],
    imports: Vec<(String, String)>,
    fixed: bool,
}

fn likenesses<'s>(
    files: &[&'s Arc<File>],
    by_imports: bool,
) -> Vec<(Likeness<'s>, &'s Arc<File>, &'s Chunk)> {
    let mut found = Vec::new();
    for file in files {
        for chunk in file
            .outline()
            .chunks
            .iter()
            .filter(|chunk| chunk.kind != ChunkKind::Import)
        {
            let likeness = Likeness {
                text: &file.bytes()[chunk.range.clone()],
                directives: &chunk.directives,
                imports: if by_imports {
                    declaration::imports_of(file, chunk)
                } else {
                    Vec::new()
                },
                fixed: is_fixed(file, chunk),
            };
            found.push((likeness, *file, chunk));
        }
    }
    found
}

fn half<'s>(program: &Program<'s>, package: &str, chunks: Chunks<'s>) -> Half<'s> {
    let mut half = Half::default();
    for (file, chunk) in chunks {
        for declaration in declaration::read(file, chunk) {
            half.add(program, package, file, chunk, declaration);
        }
    }
    half
}

impl<'s> Half<'s> {
    fn add(
        &mut self,
        program: &Program<'s>,
        package: &str,
        file: &'s Arc<File>,
        chunk: &'s Chunk,
        declaration: Declaration,
    ) {
        match declaration {
            Declaration::Function(function) => {
                let item = Item {
                    file,
                    chunk,
                    declaration: function,
                };
                if is_fixed(file, chunk) {
                    self.fixed.push(item);
                } else if item.declaration.name != "_" {
                    let receiver = chunk.receiver.as_ref();
                    let receiver =
                        receiver.map(|receiver| program.receiver(package, receiver).type_name);
                    self.functions
                        .insert((receiver, item.declaration.name.clone()), item);
                }
            }
            Declaration::Type(declaration) if declaration.name != "_" => {
                self.types.insert(
                    declaration.name.clone(),
                    Item {
                        file,
                        chunk,
                        declaration,
                    },
                );
            }
            Declaration::Type(_) => {}
            Declaration::Constant(declaration) if declaration.name != "_" => {
                self.constants.insert(
                    declaration.name.clone(),
                    Item {
                        file,
                        chunk,
                        declaration,
                    },
                );
            }
            Declaration::Constant(_) => {}
            Declaration::Variable(declaration) if declaration.name == "_" => {
                self.blanks.push(Item {
                    file,
                    chunk,
                    declaration,
                });
            }
            Declaration::Variable(declaration) => {
                self.variables.insert(
                    declaration.name.clone(),
                    Item {
                        file,
                        chunk,
                        declaration,
                    },
                );
            }
            Declaration::Stray(declaration) => self.strays.push(Item {
                file,
                chunk,
                declaration,
            }),
        }
    }
}
