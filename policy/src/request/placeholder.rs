//! The `{{NAME}}` and `{{NAMESPACE:NAME}}` grammar, and a scanner for it.
//!
//! The scanner makes one pass over bytes. Anything that does not match is ordinary text: unclosed braces, spaces
//! inside, other characters.

use std::ops::Range;

use crate::name::qualified_length;

/// Every placeholder starts with two of these; a value without one needs no scan.
const OPEN: u8 = b'{';
const CLOSE: &[u8] = b"}}";

/// A piece of a scanned value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part<'a> {
    /// Bytes to be sent as they are.
    Text(&'a [u8]),
    /// The text inside `{{` and `}}`: a name, or a namespace and a name.
    Placeholder(&'a str),
}

/// The place of a placeholder, and of the name in it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Span {
    whole: Range<usize>,
    name: Range<usize>,
}

/// A value with at least one placeholder in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    text: Box<[u8]>,
    spans: Vec<Span>,
}

impl Template {
    /// Scans a value; `None` if no placeholder stands in it.
    pub fn scan(text: &[u8]) -> Option<Self> {
        // Most values hold no brace and end here.
        let mut from = memchr::memchr(OPEN, text)?;
        let mut spans = Vec::new();
        while let Some(span) = next_placeholder(text, from) {
            from = span.whole.end;
            spans.push(span);
        }
        (!spans.is_empty()).then(|| Self { text: text.into(), spans })
    }

    /// The pieces, in order; joined, they are the value that was scanned.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut from = 0;
        let inner = self.spans.iter().flat_map(move |span| {
            let text = Part::Text(self.slice(from..span.whole.start));
            from = span.whole.end;
            [text, Part::Placeholder(self.name(span))]
        });
        let last = self.spans.last().map_or(0, |span| span.whole.end);
        inner.chain(std::iter::once(Part::Text(self.slice(last..self.text.len()))))
    }

    /// The names, in order, repeated as often as they stand there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| self.name(span))
    }

    fn name(&self, span: &Span) -> &str {
        std::str::from_utf8(self.slice(span.name.clone())).unwrap_or_default()
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.text.get(range).unwrap_or_default()
    }
}

/// The first placeholder at or after `from`. The scanner reads each byte a few times at most, whatever the text:
/// a client must not be able to raise the cost of a head by filling it with braces.
fn next_placeholder(text: &[u8], mut from: usize) -> Option<Span> {
    loop {
        let brace = from + memchr::memchr(OPEN, text.get(from..)?)?;
        // Of a run of braces only the last two can open a placeholder.
        let run = text.get(brace..)?.iter().take_while(|byte| **byte == OPEN).count();
        let name_start = brace + run;
        let name_end = name_start + qualified_length(text.get(name_start..)?);
        if run >= 2 && name_end > name_start && text.get(name_end..)?.starts_with(CLOSE) {
            return Some(Span { whole: name_start - 2..name_end + CLOSE.len(), name: name_start..name_end });
        }
        // The bytes of a name, or of the beginning of one, hold no brace.
        from = name_end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &[u8]) -> Vec<String> {
        Template::scan(text).map(|t| t.names().map(str::to_owned).collect()).unwrap_or_default()
    }

    #[test]
    fn table_of_placeholders() {
        let none: &[&str] = &[];
        let table: &[(&str, &[&str])] = &[
            ("{{A}}", &["A"]),
            ("Bearer {{GITHUB_TOKEN}}", &["GITHUB_TOKEN"]),
            ("{{A}}{{B}}", &["A", "B"]),
            ("{{{A}}}", &["A"]),
            ("{{{{A}}}}", &["A"]),
            ("{{A}}{{A}}", &["A", "A"]),
            ("{{A{{B}}", &["B"]),
            ("{{A}{{B}}", &["B"]),
            ("{{_1}}", &["_1"]),
            ("{{ A }}", none),
            ("{{ns:A}}", &["ns:A"]),
            ("{{default:A}}{{A}}", &["default:A", "A"]),
            ("{{ns:{{A}}", &["A"]),
            ("{{a:b:C}}", none),
            ("{{ns:}}", none),
            ("{{:A}}", none),
            ("{{ns: A}}", none),
            ("{{A}", none),
            ("{A}", none),
            ("{{9A}}", none),
            ("{{A-B}}", none),
            ("{{A.B}}", none),
            ("{{}}", none),
            ("{{", none),
            ("", none),
            ("{{A", none),
            ("{{Ä}}", none),
        ];
        for (text, expected) in table {
            assert_eq!(names(text.as_bytes()), *expected, "{text:?}");
        }
    }

    /// An independent, slow reading of the grammar.
    fn reference(text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let end = (at + 4..=text.len()).find(|&end| {
                let inner = &text[at + 2..end - 2];
                text[at..].starts_with(b"{{")
                    && text[..end].ends_with(b"}}")
                    && crate::name::QualifiedName::parse(inner).is_some()
            });
            match end {
                Some(end) => {
                    found.push(String::from_utf8_lossy(&text[at + 2..end - 2]).into_owned());
                    at = end;
                }
                None => at += 1,
            }
        }
        found
    }

    fn braces() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            Just(b"{{".to_vec()),
            Just(b"}}".to_vec()),
            Just(b"{".to_vec()),
            Just(b"{{KEY}}".to_vec()),
            Just(b":".to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
            "[A-Za-z_0-9]{1,5}".prop_map(String::into_bytes),
        ];
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn scanning_and_rejoining_is_the_identity(text in braces()) {
            if let Some(template) = Template::scan(&text) {
                let joined: Vec<u8> = template.parts().flat_map(|part| match part {
                    Part::Text(text) => text.to_vec(),
                    Part::Placeholder(name) => format!("{{{{{name}}}}}").into_bytes(),
                }).collect();
                prop_assert_eq!(joined, text);
            }
        }

        #[test]
        fn the_scanner_agrees_with_the_reference(text in braces()) {
            prop_assert_eq!(names(&text), reference(&text));
        }
    }
}
