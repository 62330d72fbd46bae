//! What a plugin's library says of itself in plain bytes. This layout is for ever: every fire reads it
//! before it decides whether it understands the rest.

use std::fmt;

/// The symbol of the stamp.
pub const SYMBOL: &str = "FIRE_PLUGIN_STAMP";
/// The symbol of abi_stable's header.
pub const ABI_SYMBOL: &str = "FIRE_PLUGIN_ABI";

const MAGIC: [u8; 16] = *b"fire plugin 1\0\0\0";
const NAME_LENGTH: usize = 64;
const VERSION_LENGTH: usize = 32;

/// Bytes of a stamp in a library.
pub const SIZE: usize = size_of::<Stamp>();

/// The static in the library. Integers are little endian, texts end at the first zero byte.
#[repr(C)]
#[derive(Debug)]
pub struct Stamp {
    magic: [u8; 16],
    api: [[u8; 4]; 3],
    kind: [u8; 4],
    name: [u8; NAME_LENGTH],
    version: [u8; VERSION_LENGTH],
}

/// What the library is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`crate::Transport`]
    Transport,
    /// [`crate::SplitStrategy`]
    Split,
    /// [`crate::RestartPolicy`]
    Policy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Transport, Self::Split, Self::Policy];

    /// The key in `fire.toml`, and the option of the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Split => "split",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport => "transport",
            Self::Split => "split strategy",
            Self::Policy => "restart policy",
        })
    }
}

/// A stamp, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Version of fire-plugin-api that it was built with.
    pub api: [u32; 3],
    /// `None` for a kind that this fire does not know.
    pub kind: Option<Kind>,
    /// As the author named it.
    pub name: String,
    /// Of the plugin's crate.
    pub version: String,
}

impl Stamp {
    /// For the export macros: the calling crate's name for the plugin and its version.
    pub const fn new(kind: Kind, name: &str, version: &str) -> Self {
        assert!(
            !name.is_empty() && name.len() < NAME_LENGTH,
            "a plugin's name has 1 to 63 bytes"
        );
        let api = crate::version::OWN;
        Self {
            magic: MAGIC,
            api: [
                api[0].to_le_bytes(),
                api[1].to_le_bytes(),
                api[2].to_le_bytes(),
            ],
            kind: (kind as u32).to_le_bytes(),
            name: padded(name),
            version: padded(version),
        }
    }
}

impl About {
    /// From the bytes of the static. `None` if it is no stamp.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SIZE] = bytes.get(..SIZE)?.try_into().ok()?;
        let (magic, rest) = bytes.split_at(MAGIC.len());
        let (numbers, texts) = rest.split_at(16);
        let (name, version) = texts.split_at(NAME_LENGTH);
        let number = |at: usize| {
            let bytes = numbers.get(at * 4..at * 4 + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        (magic == MAGIC).then_some(())?;
        Some(Self {
            api: [number(0)?, number(1)?, number(2)?],
            kind: match number(3)? {
                0 => Some(Kind::Transport),
                1 => Some(Kind::Split),
                2 => Some(Kind::Policy),
                _ => None,
            },
            name: text(name),
            version: text(version),
        })
    }
}

/// The text and zeros after it; what is too long is cut off.
const fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut padded = [0; N];
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && at < N - 1 {
        padded[at] = bytes[at];
        at += 1;
    }
    padded
}

fn text(padded: &[u8]) -> String {
    let end = padded
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(padded.len());
    String::from_utf8_lossy(&padded[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(stamp: &Stamp) -> Vec<u8> {
        let numbers = stamp.api.concat();
        [
            &stamp.magic[..],
            &numbers,
            &stamp.kind,
            &stamp.name,
            &stamp.version,
        ]
        .concat()
    }

    #[test]
    fn a_stamp_reads_back() {
        let stamp = Stamp::new(Kind::Split, "by-owner", "0.3.1");
        let bytes = bytes(&stamp);
        assert_eq!(bytes.len(), SIZE);
        let expected = About {
            api: crate::version::OWN,
            kind: Some(Kind::Split),
            name: "by-owner".to_owned(),
            version: "0.3.1".to_owned(),
        };
        assert_eq!(About::read(&bytes), Some(expected));
    }

    #[test]
    fn other_bytes_are_no_stamp() {
        assert_eq!(About::read(&[]), None);
        assert_eq!(About::read(&[7; SIZE]), None);
        let stamp = bytes(&Stamp::new(Kind::Split, "x", "1.0.0"));
        assert_eq!(About::read(&stamp[..SIZE - 1]), None);
    }

    #[test]
    fn a_kind_of_a_later_fire_is_read_as_unknown() {
        let mut stamp = Stamp::new(Kind::Policy, "x", "1.0.0");
        stamp.kind = 9u32.to_le_bytes();
        assert_eq!(About::read(&bytes(&stamp)).unwrap().kind, None);
    }
}
