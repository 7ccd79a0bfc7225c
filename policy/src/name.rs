//! Names of secrets and of their namespaces, and the grammar of both.

use std::borrow::Cow;
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

/// A set of secrets with a source of its own.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Namespace(Option<Name>);

impl Namespace {
    /// The namespace of placeholders without one.
    pub const DEFAULT: Self = Self(None);
    /// The word for it where a namespace is named.
    const DEFAULT_WORD: &'static str = "default";

    /// Reads a word as a namespace; `None` if it is not one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text == Self::DEFAULT_WORD.as_bytes() {
            Some(Self::DEFAULT)
        } else {
            Name::parse(text).map(|it| Self(Some(it)))
        }
    }

    /// Whether it is that of placeholders without one.
    pub const fn is_default(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a placeholder with this word, or without one, means it.
    pub fn is(&self, word: Option<&str>) -> bool {
        self.0.as_ref().map(Name::as_str) == word
    }

    /// The word for it.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or(Self::DEFAULT_WORD, Name::as_str)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a placeholder asks for: `NAME`, or `NAMESPACE:NAME`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct QualifiedName {
    /// Where the secret is looked up.
    pub namespace: Namespace,
    /// Its name there.
    pub name: Name,
}

impl QualifiedName {
    /// Reads a whole text; `None` if it is not such a name.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (namespace, name) = match memchr::memchr(SEPARATOR, text) {
            Some(at) => (Namespace::parse(text.get(..at)?)?, text.get(at + 1..)?),
            None => (Namespace::DEFAULT, text),
        };
        Some(Self { namespace, name: Name::parse(name)? })
    }

    /// As people write it. The name alone stands for the default namespace.
    pub fn text(&self) -> Cow<'_, str> {
        if self.namespace.is_default() {
            self.name.as_str().into()
        } else {
            format!("{}:{}", self.namespace, self.name).into()
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Stands between a namespace and a name.
pub(crate) const SEPARATOR: u8 = b':';

/// The word for the namespace in the text of a placeholder, and its name. There is no word for the default one.
pub(crate) fn split(qualified: &str) -> (Option<&str>, &str) {
    let at = memchr::memchr(SEPARATOR, qualified.as_bytes());
    match at.and_then(|at| Some((qualified.get(..at)?, qualified.get(at + 1..)?))) {
        Some((Namespace::DEFAULT_WORD, name)) => (None, name),
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, qualified),
    }
}

/// How many bytes at the start of `text` form a name, or a namespace and a name; 0 if none do.
pub(crate) fn qualified_length(text: &[u8]) -> usize {
    let first = name_length(text);
    match text.get(first..) {
        Some([SEPARATOR, rest @ ..]) if first > 0 => match name_length(rest) {
            0 => first,
            second => first + 1 + second,
        },
        _ => first,
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
    fn a_name_may_have_a_namespace() {
        for (text, shown) in
            [("A", "A"), ("ns:A", "ns:A"), ("default:A", "A"), ("_:_", "_:_"), ("NS:default", "NS:default")]
        {
            assert_eq!(QualifiedName::parse(text.as_bytes()).map(|it| it.to_string()).as_deref(), Some(shown));
            assert_eq!(qualified_length(text.as_bytes()), text.len(), "{text}");
        }
        for bad in ["", ":", ":A", "ns:", "a:b:c", "9:A", "ns:9", "ns :A", "ns: A", "ns::A"] {
            assert_eq!(QualifiedName::parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!([split("A"), split("default:A"), split("ns:A")], [(None, "A"), (None, "A"), (Some("ns"), "A")]);
    }

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
