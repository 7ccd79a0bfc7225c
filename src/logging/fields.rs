//! The fields of a line of the log: on one line, whatever they hold.

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
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control()) {
        return writer.write_str(text);
    }
    for character in text.chars() {
        if character.is_control() {
            write!(writer, "{}", character.escape_default())?;
        } else {
            writer.write_char(character)?;
        }
    }
    Ok(())
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
            ("\u{1b}[2J \u{9b}1m \u{7f}", "\\u{1b}[2J \\u{9b}1m \\u{7f}"),
        ] {
            let mut written = String::new();
            one_line(&mut written, text).expect("written");
            assert_eq!(written, expected);
        }
    }
}
