//! The SHA-256 of a line, without its end.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    pub(crate) fn of(line: &[u8]) -> Self {
        let hashed = digest(&SHA256, line);
        Self(hashed.as_ref().try_into().unwrap_or_default())
    }

    /// Lower-case hex, as records write it.
    pub(crate) fn parse(hex: &str) -> Option<Self> {
        let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
        if pairs.len() != SHA256_OUTPUT_LEN {
            return None;
        }
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(high)? << 4 | nibble(low)?;
        }
        Some(Self(bytes))
    }

    /// Whether most bytes are the same, as when somebody changed a few digits. Two hashes are not.
    pub(super) fn resembles(&self, other: &Self) -> bool {
        let same = self.0.iter().zip(other.0).filter(|(one, other)| **one == *other).count();
        same > SHA256_OUTPUT_LEN / 2
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
