//! The value of a secret.

use std::fmt;
use std::hash::BuildHasher;

use zeroize::Zeroizing;

/// The longest value, in bytes: larger than any token, and what bounds the growth of a request.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;

/// The value of a secret: wiped when dropped, never printed, copied or compared by operators.
pub struct SecretValue(Zeroizing<Vec<u8>>);

/// Why a value is never injected.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum BadValue {
    /// Nothing after `=`.
    #[error("the value is empty")]
    Empty,
    /// Longer than [`VALUE_BYTES_MAX`].
    #[error("the value is longer than {VALUE_BYTES_MAX} bytes")]
    TooLong,
    /// CR, LF, NUL or another control character.
    #[error("the value holds a control character, which no header may")]
    Control,
}

impl BadValue {
    /// How to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Empty => "write the value after '='",
            Self::TooLong => "put the token itself here, not a whole file",
            Self::Control => "write it on one line, without escapes or invisible characters",
        }
    }
}

impl SecretValue {
    /// Takes the bytes over, without copying them.
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy to keep and inject, if a header may hold the value.
    ///
    /// # Errors
    /// Why no header may.
    pub(crate) fn to_injectable(&self) -> Result<Self, BadValue> {
        if self.is_empty() {
            return Err(BadValue::Empty);
        }
        if self.len() > VALUE_BYTES_MAX {
            return Err(BadValue::TooLong);
        }
        // What a field value may hold (RFC 9110, section 5.5): visible characters, space, tab, obs-text.
        let is_legal = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff);
        if !self.0.iter().all(is_legal) {
            return Err(BadValue::Control);
        }
        // Of the exact size: the reader's buffer may be as long as the whole file.
        Ok(Self(Zeroizing::new(self.0.to_vec())))
    }

    /// Whether both values have the same bytes.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    /// A keyed hash: it distinguishes values, and reveals nothing without the key.
    pub(crate) fn hashed(&self, key: &impl BuildHasher) -> u64 {
        key.hash_one(self.0.as_slice())
    }

    /// The bytes. This is the only way to them.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_shows_in_debug() {
        let value = SecretValue::new(Zeroizing::new(b"sk-very-secret".to_vec()));
        let shown = format!("{value:?} {:?}", Some(&value));
        assert!(!shown.contains("very"), "{shown}");
    }
}
