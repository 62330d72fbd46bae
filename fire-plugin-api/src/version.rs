//! Versions of this crate. A plugin fits a host of the same major version, older or newer.

/// The version of this copy of the crate.
pub const OWN: [u32; 3] = [
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
];

/// Whether a plugin that was built with that version can be loaded by a host with this one.
pub const fn fits(built_with: [u32; 3]) -> bool {
    built_with[0] == OWN[0]
}

const fn number(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut value = 0;
    let mut at = 0;
    while at < bytes.len() {
        value = value * 10 + (bytes[at] - b'0') as u32;
        at += 1;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_decides() {
        assert!(fits(OWN));
        assert!(fits([OWN[0], OWN[1] + 7, 3]));
        assert!(!fits([OWN[0] + 1, 0, 0]));
        assert_eq!(number("120"), 120);
    }
}
