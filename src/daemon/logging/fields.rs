//! The fields of a log line, always on one line.

use std::fmt::{self, Write};

use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// `message name=value name=value`.
pub(super) fn on_one_line() -> impl for<'writer> FormatFields<'writer> + 'static {
    let field = |writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn fmt::Debug| {
        if field.name() != "message" {
            write!(writer, "{}=", field.name())?;
        }
        one_line(writer, &format!("{value:?}"))
    };
    debug_fn(field).delimited(" ")
}

/// Most texts can be written as they are, and at once: the mirror of the audit is one text for each request.
fn one_line(writer: &mut impl Write, text: &str) -> fmt::Result {
    // No early exit, so that many bytes are looked at in one step.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
        return writer.write_str(text);
    }
    for character in text.chars() {
        if is_plain(character) {
            writer.write_char(character)?;
        } else {
            write!(writer, "{}", character.escape_default())?;
        }
    }
    Ok(())
}

/// Whether it stands for itself in Rust's own escaping, which knows what is not printable: marks that turn text
/// around, separators of lines, invisible characters.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') || (!character.is_ascii() && character.escape_debug().len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_line_or_acts_on_a_terminal() {
        for (text, expected) in [
            ("as it is \"quoted\" \\", "as it is \"quoted\" \\"),
            ("über", "über"),
            ("two\nlines\r\n", "two\\nlines\\r\\n"),
            ("a\u{2028}b\u{202e}c\u{200b}\u{e0041}", "a\\u{2028}b\\u{202e}c\\u{200b}\\u{e0041}"),
            ("\u{1b}[2J \u{9b}1m \u{7f}", "\\u{1b}[2J \\u{9b}1m \\u{7f}"),
        ] {
            let mut written = String::new();
            one_line(&mut written, text).expect("written");
            assert_eq!(written, expected);
        }
    }
}
