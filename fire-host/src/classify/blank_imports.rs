//! `import _ "x"`: the import is there for what x does at start.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::files::PackageFiles;
use super::package::Comparison;
use super::{Edit, code};
use crate::source::File;

/// Packages that do nothing at start.
const WITHOUT_EFFECT: &[&str] = &["embed", "unsafe"];

pub(super) fn compare<'s>(
    comparison: &mut Comparison<'_, 's>,
    package: &str,
    files: &PackageFiles<'s>,
) {
    let (old, new) = (blank(&files.old), blank(&files.new));
    let sides = [
        (&new, &old, "added", comparison.old),
        (&old, &new, "removed", comparison.new),
    ];
    for (here, there, verb, other_program) in sides {
        for path in here.difference(there) {
            // Packages run their initialisation once, whoever imports them.
            if WITHOUT_EFFECT.contains(path) || other_program.imports(|other| other == *path) {
                continue;
            }
            let detail = format!("import _ {path:?} {verb}: it acts at start");
            comparison.edits.push(Edit::new(
                package,
                format!("{package}.init"),
                code::INIT,
                detail,
            ));
        }
    }
}

fn blank<'s>(files: &[&'s Arc<File>]) -> BTreeSet<&'s str> {
    let imports = files.iter().flat_map(|file| &file.outline().imports);
    imports
        .filter(|import| import.name.as_deref() == Some("_"))
        .map(|import| import.path.as_str())
        .collect()
}
