//! What a compiled package shows to those that import it.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"!<arch>\n";
/// Of one entry's head: name 16, date 12, owner 6, group 6, mode 8, size 10, end 2.
const HEAD: usize = 60;

/// A digest of the export data: what imports the package must be compiled anew when this changes. The build's own id
/// in it does not count. None: the file is no package.
pub fn interface(archive: &Path) -> Option<[u8; 32]> {
    let mut file = std::fs::File::open(archive).ok()?;
    let mut head = [0; MAGIC.len() + HEAD];
    file.read_exact(&mut head).ok()?;
    let entry = head.strip_prefix(MAGIC)?;
    if !entry.starts_with(b"__.PKGDEF") {
        return None;
    }
    let size = std::str::from_utf8(&entry[48..58]).ok()?.trim();
    let mut data = Vec::new();
    let size: u64 = size.parse().ok()?;
    file.take(size).read_to_end(&mut data).ok()?;
    if u64::try_from(data.len()).ok()? != size {
        return None;
    }
    let mut digest = Sha256::new();
    let mut rest = data.as_slice();
    // The head is lines of text, up to an empty one or the first that begins with `$$`.
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        if line.starts_with(b"$$") {
            break;
        }
        if !line.starts_with(b"build id ") {
            digest.update(line);
        }
        rest = after;
    }
    digest.update(rest);
    Some(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archived(id: &str, exports: &str) -> Option<[u8; 32]> {
        let data =
            format!("go object linux amd64 go1.26\nbuild id {id:?}\n\n\n$$B\n{exports}\n$$\n");
        let text = format!(
            "!<arch>\n{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n{data}__.GO_object",
            "__.PKGDEF",
            0,
            0,
            0,
            644,
            data.len()
        );
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("_pkg_.a");
        std::fs::write(&file, text).unwrap();
        interface(&file)
    }

    #[test]
    fn exports_count_and_the_id_of_the_build_does_not() {
        let first = archived("a", "func F()");
        assert!(first.is_some());
        assert_eq!(first, archived("b", "func F()"));
        assert_ne!(first, archived("a", "func F(int)"));
        assert_eq!(interface(Path::new("/dev/null")), None);
    }
}
