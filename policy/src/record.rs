//! The audit record and its JSON line.
//!
//! The first fields stand in the order that people already parse. Nothing that a client sends can
//! end a line or move a terminal's cursor: control characters, line separators and the marks that
//! turn text around are escaped, and long fields are cut.

use std::borrow::Cow;
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The longest text kept of one field, in bytes. Longer ones end in [`CUT_MARKER`].
pub const FIELD_BYTES_MAX: usize = 1024;
/// The longest method that is kept, in bytes: that of the registered ones is 16 (`UPDATEREDIRECTREF`, RFC 4437).
pub const METHOD_BYTES_MAX: usize = 64;
/// The longest name of a secret that is kept, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// The most that is kept of the names of one request, in bytes, with their quotes and commas: no record is much
/// longer than a few of the others.
pub const NAMES_BYTES_MAX: usize = 2048;
/// What a field that was cut ends in.
pub const CUT_MARKER: &str = "...[cut]";

/// One attempt to send a secret, or one refused request.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a> {
    /// UTC, whole seconds, RFC 3339.
    pub timestamp: &'a str,
    /// The names that the placeholders asked for.
    pub secrets: Vec<Cow<'a, str>>,
    /// The request's method.
    pub method: Cow<'a, str>,
    /// The destination's host.
    pub host: Cow<'a, str>,
    /// The request's path, without the query.
    pub path: Cow<'a, str>,
    /// Whether it was refused.
    pub blocked: bool,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// 16 random hex digits; a refusal's is the one in its header.
    pub id: &'a str,
    /// The destination's port.
    pub port: u16,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Whether it is a tunnel whose bytes were passed through.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tunnel: bool,
}

/// The second line of a permitted request that was then not sent.
#[derive(Clone, Debug, Serialize)]
pub struct NotSent<'a> {
    /// UTC, whole seconds, RFC 3339.
    pub timestamp: &'a str,
    /// The id of the record that permitted it.
    pub id: &'a str,
    /// Always `not_sent`.
    pub outcome: &'static str,
    /// Why it was not sent.
    pub reason: Cow<'a, str>,
}

/// A line about the chain itself.
#[derive(Clone, Debug, Serialize)]
pub struct ChainNote<'a> {
    /// UTC, whole seconds, RFC 3339.
    pub timestamp: &'a str,
    /// 16 random hex digits.
    pub id: &'a str,
    /// What happens here.
    pub outcome: ChainEvent,
    /// Why.
    pub reason: &'a str,
    /// The last record that was deleted, with [`ChainEvent::Pruned`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
}

/// What happens to the chain at a [`ChainNote`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainEvent {
    /// The lines before could not be continued; a new chain starts here.
    ChainStart,
    /// It goes on, after a last line that was not whole has been cut.
    TornLine,
    /// The oldest records were deleted, as the settings say.
    Pruned,
}

/// A record, named so that it can be told whether the next one follows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Through {
    /// Its number.
    pub seq: u64,
    /// The SHA-256 of its line, in hex.
    pub hash: String,
}

/// Cuts a text to [`FIELD_BYTES_MAX`] bytes, at a character, and says so.
pub fn bounded(text: &str) -> Cow<'_, str> {
    bounded_to(text, FIELD_BYTES_MAX)
}

/// The same for a method, with its own bound.
pub fn bounded_method(method: &str) -> Cow<'_, str> {
    bounded_to(method, METHOD_BYTES_MAX)
}

fn bounded_to(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let mut end = bytes_max - CUT_MARKER.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}{CUT_MARKER}", text.get(..end).unwrap_or_default()))
}

/// The names for a record: as many as fit into [`NAMES_BYTES_MAX`].
pub fn bounded_names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Vec<Cow<'a, str>> {
    let (mut bounded, mut bytes) = (Vec::with_capacity(names.len()), 0);
    for name in names {
        let name = bounded_to(name, NAME_BYTES_MAX);
        bytes += name.len() + "\"\",".len();
        if bytes > NAMES_BYTES_MAX {
            bounded.push(Cow::Borrowed(CUT_MARKER));
            break;
        }
        bounded.push(name);
    }
    bounded
}

/// Adds the JSON line of a record, with its place in the chain and the line end: `seq` counts the lines from 1,
/// and `prev` is the SHA-256 of the line before, in hex, without its line end.
pub fn add_line(record: &impl Serialize, seq: u64, prev: &str, lines: &mut Vec<u8>) {
    let mut serializer = Serializer::with_formatter(&mut *lines, OneLine);
    // Neither a vector nor these types can fail to take or give what is written.
    let _ = record.serialize(&mut serializer);
    // The object is opened again: serde would go through a map of all fields to add two.
    lines.pop();
    let _ = write!(lines, ",\"seq\":{seq},\"prev\":\"{prev}\"}}");
    lines.push(b'\n');
}

/// JSON that holds no character a terminal or a line reader could act on.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && memchr::memchr(0x7f, fragment.as_bytes()).is_none() {
            return writer.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        for character in fragment.chars() {
            if acts_on_terminals(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                write!(writer, "{character}")?;
            }
        }
        Ok(())
    }
}

/// DEL, C1 controls, line and paragraph separators, and marks that turn the direction of text
/// (U+2028 to U+202E, U+2066 to U+2069) or are invisible: what Unicode calls default ignorable, and a blank that
/// looks like a space.
fn acts_on_terminals(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(record: &impl Serialize, seq: u64, prev: &str) -> String {
        let mut line = Vec::new();
        add_line(record, seq, prev, &mut line);
        String::from_utf8(line).expect("text")
    }

    fn record(path: &str) -> Record<'_> {
        Record {
            timestamp: "2026-02-04T12:34:57Z",
            secrets: vec!["ANTHROPIC_API_KEY".into()],
            method: "POST".into(),
            host: "evil.com".into(),
            path: bounded(path),
            blocked: true,
            reason: Some("Host 'evil.com' not allowed for ANTHROPIC_API_KEY".into()),
            id: "0123456789abcdef",
            port: 443,
            scheme: "https",
            tunnel: false,
        }
    }

    #[test]
    fn the_first_fields_stand_in_the_order_that_people_parse() {
        let line = line(&record("/steal"), 7, "ab");
        assert_eq!(
            line,
            "{\"timestamp\":\"2026-02-04T12:34:57Z\",\"secrets\":[\"ANTHROPIC_API_KEY\"],\"method\":\"POST\",\
             \"host\":\"evil.com\",\"path\":\"/steal\",\"blocked\":true,\
             \"reason\":\"Host 'evil.com' not allowed for ANTHROPIC_API_KEY\",\"id\":\"0123456789abcdef\",\
             \"port\":443,\"scheme\":\"https\",\"seq\":7,\"prev\":\"ab\"}\n"
        );
    }

    #[test]
    fn nothing_in_a_record_is_invisible() {
        for hidden in "\u{ad}\u{34f}\u{3164}\u{180e}\u{200b}\u{2800}\u{fe0f}\u{e0041}\u{e0101}".chars() {
            let line = line(&record(&format!("/a{hidden}b")), 1, "");
            assert!(line.is_ascii(), "{line}");
        }
    }

    #[test]
    fn a_permitted_request_has_no_reason() {
        let permitted = Record { blocked: false, reason: None, ..record("/") };
        assert!(!line(&permitted, 1, "").contains("reason"));
    }

    #[test]
    fn long_fields_are_cut_with_a_marker() {
        let long = "é".repeat(FIELD_BYTES_MAX);
        let cut = bounded(&long);
        assert!(cut.len() <= FIELD_BYTES_MAX && cut.ends_with(CUT_MARKER));
        assert_eq!(bounded_method(&"A".repeat(65)).len(), METHOD_BYTES_MAX);
    }

    #[test]
    fn many_or_long_names_make_no_long_record() {
        let few = ["A", "ANTHROPIC_API_KEY"];
        assert_eq!(bounded_names(few.into_iter()), few);
        for names in [vec!["A".repeat(1933); 32], vec!["A".to_owned(); 10_000]] {
            let kept = bounded_names(names.iter().map(String::as_str));
            assert!(kept.iter().map(|name| name.len()).sum::<usize>() <= NAMES_BYTES_MAX + CUT_MARKER.len());
            assert_eq!(kept.last().map(AsRef::as_ref), Some(CUT_MARKER));
        }
    }

    proptest! {
        #[test]
        fn every_record_is_one_line_that_reads_back(path in any::<String>()) {
            let line = line(&record(&path), 1, "");
            let body = line.strip_suffix('\n').expect("a line end");
            prop_assert!(!body.chars().any(|c| c.is_control() || acts_on_terminals(c)));
            let read: serde_json::Value = serde_json::from_str(body).expect("JSON");
            let expected = bounded(&path);
            prop_assert_eq!(read["path"].as_str(), Some(expected.as_ref()));
        }
    }
}
