//! The compiled files of one snapshot, asked by name: who mentions what.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::source::declaration::{self, Declaration};
use crate::source::{Chunk, ChunkKind, File, Mentions, Outline, Position, Receiver, Snapshot};

/// One side of a comparison.
pub(super) struct Program<'s> {
    packages: HashMap<&'s str, Vec<&'s Arc<File>>>,
    files: Vec<&'s Arc<File>>,
    /// Mentions of each chunk, for the files where somebody asked.
    chunks: RefCell<HashMap<*const File, Rc<Vec<Mentions>>>>,
}

/// A declaration that mentions something.
#[derive(Debug, Clone, Copy)]
pub(super) struct User<'s> {
    pub(super) file: &'s Arc<File>,
    pub(super) chunk: &'s Chunk,
}

impl<'s> Program<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let files: Vec<_> = snapshot.files().filter(|file| file.is_built()).collect();
        let mut packages: HashMap<_, Vec<_>> = HashMap::new();
        for file in &files {
            packages.entry(file.package()).or_default().push(*file);
        }
        Self {
            packages,
            files,
            chunks: RefCell::default(),
        }
    }

    /// The compiled files of a package.
    pub(super) fn package(&self, path: &str) -> &[&'s Arc<File>] {
        self.packages.get(path).map_or(&[], Vec::as_slice)
    }

    /// All compiled files.
    pub(super) fn files(&self) -> &[&'s Arc<File>] {
        &self.files
    }

    /// The type behind the aliases of a package.
    pub(super) fn unaliased(&self, package: &str, name: &str) -> String {
        let mut name = name.to_string();
        let mut seen = BTreeSet::new();
        while seen.insert(name.clone()) {
            let aliases = self
                .package(package)
                .iter()
                .flat_map(|file| &file.outline().aliases);
            match aliases
                .filter(|(alias, _)| *alias == name)
                .map(|(_, target)| target)
                .next()
            {
                Some(target) => name = target.clone(),
                None => break,
            }
        }
        name
    }

    /// A receiver's type, by its own name.
    pub(super) fn receiver(&self, package: &str, receiver: &Receiver) -> Receiver {
        let type_name = self.unaliased(package, &receiver.type_name);
        Receiver {
            type_name,
            pointer: receiver.pointer,
        }
    }

    /// `import/path.Func`, `import/path.(*T).Method` or `import/path.T.Method`.
    pub(super) fn function_id(
        &self,
        package: &str,
        receiver: Option<&Receiver>,
        name: &str,
    ) -> String {
        match receiver.map(|receiver| self.receiver(package, receiver)) {
            None => format!("{package}.{name}"),
            Some(Receiver {
                type_name,
                pointer: true,
            }) => format!("{package}.(*{type_name}).{name}"),
            Some(Receiver {
                type_name,
                pointer: false,
            }) => format!("{package}.{type_name}.{name}"),
        }
    }

    /// Whether the file mentions a name of a package's top level.
    pub(super) fn file_mentions(&self, file: &File, package: &str, name: &str) -> bool {
        Self::positions(file, package, name).any(|position| file.outline().mentions(name, position))
    }

    /// How a name of that package can stand in the file.
    fn positions(file: &File, package: &str, name: &str) -> impl Iterator<Item = Position> {
        let own = file.package() == package;
        let exported = name.chars().next().is_some_and(char::is_uppercase);
        let (mut alone, mut selected) = (own, false);
        if !own && exported {
            for import in file
                .outline()
                .imports
                .iter()
                .filter(|import| import.path == package)
            {
                match import.name.as_deref() {
                    Some(".") => alone = true,
                    _ => selected = true,
                }
            }
        }
        let positions = [
            alone.then_some(Position::Alone),
            selected.then_some(Position::Selected),
        ];
        positions.into_iter().flatten()
    }

    /// The declarations that mention a name of a package's top level.
    pub(super) fn users(&self, package: &str, name: &str) -> Vec<User<'s>> {
        let mut found = Vec::new();
        for file in &self.files {
            for position in Self::positions(file, package, name) {
                self.push_users(&mut found, file, name, position);
            }
        }
        found
    }

    /// The declarations that select something of this name: a method of any type, or a field.
    pub(super) fn selecting(&self, name: &str) -> Vec<User<'s>> {
        let mut found = Vec::new();
        for file in &self.files {
            self.push_users(&mut found, file, name, Position::Selected);
        }
        found
    }

    fn push_users(
        &self,
        found: &mut Vec<User<'s>>,
        file: &'s Arc<File>,
        name: &str,
        position: Position,
    ) {
        if !file.outline().mentions(name, position) {
            return;
        }
        let mentions = self.chunk_mentions(file);
        let chunks = file.outline().chunks.iter().zip(mentions.iter());
        found.extend(
            chunks
                .filter(|(_, mentions)| mentions.contain(name, position))
                .map(|(chunk, _)| User { file, chunk }),
        );
    }

    /// What each chunk of a file mentions.
    pub(super) fn chunk_mentions(&self, file: &'s Arc<File>) -> Rc<Vec<Mentions>> {
        let mut cache = self.chunks.borrow_mut();
        let entry = cache.entry(Arc::as_ptr(file)).or_insert_with(|| {
            let chunks = file.outline().chunks.iter();
            Rc::new(
                chunks
                    .map(|chunk| Outline::mentions_of(file.bytes(), chunk))
                    .collect(),
            )
        });
        Rc::clone(entry)
    }

    /// Whether a method of this name and number of parameters is in an interface of the program.
    pub(super) fn interface_has(&self, name: &str, arity: usize) -> bool {
        let method = (name.to_string(), arity);
        self.files
            .iter()
            .any(|file| file.outline().interface_methods.contains(&method))
    }

    /// Whether any file imports a path that fits.
    pub(super) fn imports(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.files.iter().any(|file| {
            file.outline()
                .imports
                .iter()
                .any(|import| fits(&import.path))
        })
    }

    /// Whether the program has this package's source.
    pub(super) fn has_package(&self, path: &str) -> bool {
        self.packages.contains_key(path)
    }
}

impl<'s> User<'s> {
    /// The function's id, if it is one that could be swapped: not `init`, not `main.main`, not `_`.
    pub(super) fn function(&self, program: &Program<'_>) -> Option<String> {
        let name = self.chunk.name.as_str();
        let swappable =
            self.chunk.kind == ChunkKind::Func && !is_fixed(self.file, self.chunk) && name != "_";
        swappable
            .then(|| program.function_id(self.file.package(), self.chunk.receiver.as_ref(), name))
    }

    /// Whether it declares variables, none of which another program has.
    pub(super) fn begins_new_variables(&self, old: &Program<'_>) -> bool {
        let variables = |file: &Arc<File>, chunk: &Chunk| -> Vec<String> {
            let declared = declaration::read(file, chunk).into_iter();
            declared
                .filter_map(|declaration| match declaration {
                    Declaration::Variable(value) => Some(value.name),
                    _ => None,
                })
                .collect()
        };
        if self.chunk.kind != ChunkKind::Var {
            return false;
        }
        let own = variables(self.file, self.chunk);
        let package = old.package(self.file.package());
        let had = package.iter().flat_map(|file| {
            let chunks = file.outline().chunks.iter();
            chunks
                .filter(|chunk| chunk.kind == ChunkKind::Var)
                .flat_map(move |chunk| variables(file, chunk))
        });
        let had: BTreeSet<String> = had.collect();
        !own.is_empty() && own.iter().all(|name| name != "_" && !had.contains(name))
    }

    /// Whether its code never runs: `func _() {…}`, `var _ Interface = T{}`.
    pub(super) fn is_idle(&self) -> bool {
        self.chunk.kind == ChunkKind::Func && self.chunk.name == "_"
    }
}

/// `init` and `main.main`: they have run, or are running.
pub(super) fn is_fixed(file: &File, chunk: &Chunk) -> bool {
    chunk.kind == ChunkKind::Func
        && chunk.receiver.is_none()
        && (chunk.name == "init" || (chunk.name == "main" && file.outline().package == "main"))
}
