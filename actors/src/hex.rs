//! Lower-case hex, and random ids in it.

use std::cell::RefCell;
use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes as lower-case hex.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(digit(byte >> 4)));
        text.push(char::from(digit(byte & 15)));
    }
    text
}

fn digit(nibble: u8) -> u8 {
    DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [[0; 8]; 32], left: 0 }) };
}

/// Randomness for the next ids: the generator takes as long for many as for one.
struct Drawn {
    bytes: [[u8; 8]; 32],
    left: usize,
}

impl Drawn {
    fn next(&mut self) -> [u8; 8] {
        if self.left == 0 {
            // Without randomness ids are zero, or come again, which are still only ids.
            let _ = aws_lc_rs::rand::fill(self.bytes.as_flattened_mut());
            self.left = self.bytes.len();
        }
        self.left -= 1;
        self.bytes.get(self.left).copied().unwrap_or_default()
    }
}

/// The id of a record: 16 random hex digits. It tells nothing but which record it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RecordId([u8; 16]);

impl RecordId {
    /// A fresh id.
    pub(crate) fn random() -> Self {
        let bytes = DRAWN.with_borrow_mut(Drawn::next);
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
