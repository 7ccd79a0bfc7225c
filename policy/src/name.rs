//! The name of a secret, and its grammar.

use std::fmt;
use std::sync::Arc;

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
}
