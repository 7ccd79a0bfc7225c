//! The SHA-256 of a line, without its end.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use crate::hex;

/// The SHA-256 of a line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    /// Of a line without its end.
    pub fn of(line: &[u8]) -> Self {
        let hashed = digest(&SHA256, line);
        Self(hashed.as_ref().try_into().unwrap_or_default())
    }

    /// Reads lower-case hex, as records write it.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// Whether most bytes are the same, as when somebody changed a few digits. Two hashes are not.
    pub(super) fn resembles(&self, other: &Self) -> bool {
        let same = self.0.iter().zip(other.0).filter(|(one, other)| **one == *other).count();
        same > SHA256_OUTPUT_LEN / 2
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}
