//! Names and values of secrets.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use zeroize::Zeroizing;

/// The name of a secret: `[A-Za-z_][A-Za-z0-9_]*`, case-sensitive.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads a whole text as a name; `None` if it is not one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if name_length(text) != text.len() || text.is_empty() {
            return None;
        }
        std::str::from_utf8(text).ok().map(|text| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// How many bytes at the start of `text` form a name; 0 if none do.
pub(crate) fn name_length(text: &[u8]) -> usize {
    match text.first() {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            let rest = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            1 + text.iter().skip(1).take_while(rest).count()
        }
        _ => 0,
    }
}

/// The value of a secret: wiped when dropped, never printed, copied or compared by operators.
pub struct SecretValue(Zeroizing<Box<[u8]>>);

impl SecretValue {
    /// Takes a value over. The source is wiped by its own type once it is dropped.
    pub fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        // An exact copy: turning the vector into a box could move it and leave the old bytes behind.
        Self(Zeroizing::new(Box::from(bytes.as_slice())))
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A hash that tells values apart and says nothing of them to who does not have the key.
    pub(crate) fn hashed(&self, key: &impl BuildHasher) -> u64 {
        key.hash_one(&*self.0)
    }

    /// The bytes. Only [`crate::verdict::render`] and the check of their legality may look.
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
    fn names_follow_the_grammar() {
        for good in ["A", "_", "a_B9", "ANTHROPIC_API_KEY", "_1"] {
            assert_eq!(Name::parse(good.as_bytes()).map(|n| n.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "9A", "A-B", "A.B", " A", "A ", "Ä", "{{A}}"] {
            assert_eq!(Name::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_value_never_shows_in_debug() {
        let value = SecretValue::new(&Zeroizing::new(b"sk-very-secret".to_vec()));
        let shown = format!("{value:?} {:?}", Some(&value));
        assert!(!shown.contains("very"), "{shown}");
    }
}
