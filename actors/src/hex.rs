//! Lower-case hex, and random ids in it.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use policy::record::Text;

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

/// Reads lower-case hex of exactly so many bytes.
pub(crate) fn decode<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != BYTES {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn digit(nibble: u8) -> u8 {
    DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [[0; 8]; 32], left: 0 }) };
}

/// Randomness for the next ids: the generator needs as long for many as for one.
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

/// The id of a record: 16 random hex digits, which carry no other information.
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

impl FromStr for RecordId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        decode::<8>(text).ok_or(())?;
        Ok(Self(text.as_bytes().try_into().map_err(drop)?))
    }
}

impl From<RecordId> for Text<'_> {
    fn from(id: RecordId) -> Self {
        id.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_back_as_the_bytes_that_were_written() {
        let bytes: [u8; 4] = [0, 9, 0xab, 0xff];
        assert_eq!((encode(&bytes).as_str(), decode(&encode(&bytes))), ("0009abff", Some(bytes)));
        for other in ["0009abf", "0009abff00", "0009ABFF", "0009abfg", ""] {
            assert_eq!(decode::<4>(other), None, "{other}");
        }
    }
}
