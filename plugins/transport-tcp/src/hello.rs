//! What every connection opens with: the token, who is there, and for a worker where it listens.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

/// How long a connection may take to say hello.
const PATIENCE: Duration = Duration::from_secs(5);

const TOKEN_SIZE: usize = 32;
const ADDRESS_SIZE: usize = 6;
const SIZE: usize = TOKEN_SIZE + 1 + ADDRESS_SIZE;

/// The secret of one link.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token([u8; TOKEN_SIZE]);

impl Token {
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; TOKEN_SIZE];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        Ok(Self(bytes))
    }

    /// Compares in a time that does not depend on how much of it is right.
    fn is(&self, other: &[u8]) -> bool {
        let different = self
            .0
            .iter()
            .zip(other)
            .fold(0, |different, (a, b)| different | (a ^ b));
        std::hint::black_box(different) == 0 && other.len() == TOKEN_SIZE
    }

    pub fn hexadecimal(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Who opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// To the host: a worker that listens there.
    Worker(SocketAddrV4),
    /// To the host: home asks where the worker listens.
    Home,
    /// To the worker: a lane.
    Lane,
}

/// Says hello.
pub(crate) fn say(stream: &TcpStream, token: &Token, who: Who) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (letter, address) = match who {
        Who::Worker(address) => (b'w', encode(address)),
        Who::Home => (b'h', [0; ADDRESS_SIZE]),
        Who::Lane => (b'l', [0; ADDRESS_SIZE]),
    };
    let mut bytes = token.0.to_vec();
    bytes.push(letter);
    bytes.extend(address);
    (&*stream).write_all(&bytes)
}

/// Hears who is there; `None` if it does not know the token, says nothing in time, or makes no sense.
pub(crate) fn hear(stream: &TcpStream, token: &Token) -> Option<Who> {
    let mut bytes = [0; SIZE];
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    (&*stream).read_exact(&mut bytes).ok()?;
    stream.set_read_timeout(None).ok()?;
    let (shown, rest) = bytes.split_at(TOKEN_SIZE);
    let who = match rest {
        [b'w', address @ ..] => Who::Worker(decode(address.try_into().ok()?)),
        [b'h', ..] => Who::Home,
        [b'l', ..] => Who::Lane,
        _ => return None,
    };
    token.is(shown).then_some(who)
}

/// An address as it is sent.
pub(crate) fn encode(address: SocketAddrV4) -> [u8; ADDRESS_SIZE] {
    let ([a, b, c, d], [high, low]) = (address.ip().octets(), address.port().to_be_bytes());
    [a, b, c, d, high, low]
}

/// Its inverse.
pub(crate) fn decode([a, b, c, d, high, low]: [u8; ADDRESS_SIZE]) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token([7; TOKEN_SIZE]);
        assert!(token.is(&[7; TOKEN_SIZE]));
        assert!(!token.is(&[7; TOKEN_SIZE - 1]));
        for place in [0, 15, TOKEN_SIZE - 1] {
            let mut other = [7; TOKEN_SIZE];
            other[place] ^= 0x80;
            assert!(!token.is(&other));
        }
    }

    #[test]
    fn an_address_survives() {
        let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 255, 3), 0x1234);
        assert_eq!(decode(encode(address)), address);
    }
}
