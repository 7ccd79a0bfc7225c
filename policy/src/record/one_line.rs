//! JSON without any character that a terminal or a line reader acts on.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Adds a value as JSON on one line, without the line's end.
pub(super) fn add_object(value: &impl Serialize, lines: &mut Vec<u8>) {
    // A vector takes every byte, and records serialise without errors.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut *lines, OneLine));
}

/// Escapes what JSON itself lets stand.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte < 0x7f) {
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

/// Whether text must not hold it where a person reads it: DEL, C1 controls, line and paragraph separators, and marks that turn the direction of text
/// (U+2028 to U+202E, U+2066 to U+2069) or are invisible: what Unicode calls default ignorable, and a blank that
/// looks like a space.
pub fn acts_on_terminals(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
