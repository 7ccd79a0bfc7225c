//! Lower-case hex, and random ids in it.

use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes as lower-case hex.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).map(char::from).collect()
}

fn digit(nibble: u8) -> u8 {
    DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')
}

/// The id of a record: 16 random hex digits. It tells nothing but which record it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RecordId([u8; 16]);

impl RecordId {
    /// A fresh id.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 8];
        // Without randomness the id is zero, which is still only an id.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        let mut text = [b'0'; 16];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
