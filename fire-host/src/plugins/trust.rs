//! Who may change a library. A plugin runs with the user's rights, so nobody else may be able to
//! replace it: neither the file nor the directory may be writable for others, and both must be
//! owned by the user or by root.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::PluginError;

const WRITABLE_FOR_OTHERS: u32 = 0o022;

/// Refuses a library that others could have changed.
pub fn check(path: &Path) -> Result<(), PluginError> {
    // A link's own rights say nothing: what it leads to is what is loaded.
    let file = path.canonicalize().map_err(|error| {
        PluginError::new(format!("plugin {} cannot be read: {error}", path.display()))
    })?;
    check_one(&file)?;
    match file.parent() {
        Some(directory) => check_one(directory),
        None => Ok(()),
    }
}

fn check_one(path: &Path) -> Result<(), PluginError> {
    let shown = path.display();
    let metadata = path
        .metadata()
        .map_err(|error| PluginError::new(format!("{shown} cannot be read: {error}")))?;
    if metadata.mode() & WRITABLE_FOR_OTHERS != 0 {
        return Err(PluginError::new(format!(
            "{shown} is not loaded: others than its owner may write to it"
        ))
        .with_hint(format!("chmod go-w {shown}")));
    }
    let user = rustix::process::geteuid().as_raw();
    if ![0, user].contains(&metadata.uid()) {
        return Err(
            PluginError::new(format!("{shown} is not loaded: it belongs to another user"))
                .with_hint("copy it to a place of your own, if you trust it"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_others_may_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("plugin.so");
        fs::write(&file, "").unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for (file_mode, directory_mode, accepted) in [
            (0o644, 0o755, true),
            (0o664, 0o755, false),
            (0o646, 0o755, false),
            (0o644, 0o775, false),
            (0o644, 0o1777, false),
        ] {
            set(&file, file_mode);
            set(directory.path(), directory_mode);
            let checked = check(&file);
            assert_eq!(
                checked.is_ok(),
                accepted,
                "{file_mode:o} {directory_mode:o}"
            );
            if let Err(error) = checked {
                assert!(error.hint.unwrap().starts_with("chmod go-w "));
            }
        }
    }

    #[test]
    fn a_link_is_judged_by_what_it_leads_to() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("a.so"), directory.path().join("b.so"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(check(&link).is_err());
    }
}
