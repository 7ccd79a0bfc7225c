//! Escapes foreign text, so that it neither controls the terminal nor deceives the reader.
//!
//! Records are written with such characters escaped; but JSON undoes the escapes, and the file may have been changed.

use std::borrow::Cow;
use std::fmt::Write;

use policy::record::acts_on_terminals;

/// Escapes what acts on a terminal, in text that may hold arguments and words of others, and leaves the rest as it
/// is. Everything that is printed goes through here, whether its parts went through [`visible`] or not.
pub(crate) fn printed(text: &str, keeps: fn(char) -> bool) -> Cow<'_, str> {
    let acts = |character: char| (character.is_control() || acts_on_terminals(character)) && !keeps(character);
    if !text.contains(acts) {
        return text.into();
    }
    let escaped = text.chars().fold(String::with_capacity(2 * text.len()), |mut shown, character| {
        if acts(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        shown
    });
    escaped.into()
}

/// Escapes everything that is not plainly visible: controls, marks that change the direction of text, invisible and
/// combining characters.
pub(crate) fn visible(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        match character {
            '"' | '\'' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
        shown
    })
}

/// The same for JSON, which keeps its meaning.
pub(crate) fn visible_json(text: &str) -> String {
    let mut units = [0; 2];
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if matches!(character, ' '..='~') || character.escape_debug().len() == 1 {
            shown.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clears the screen, sets the title, in C1 spelling too; turns text around; hides it.
    const HOSTILE: &str =
        "a\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}2J\u{9d}\r\n\t\u{7f}\u{202e}\u{2066}\u{200b}\u{ad}\u{feff}\u{2028}z";

    #[test]
    fn nothing_acts_on_a_terminal() {
        for shown in [visible(HOSTILE), visible_json(HOSTILE)] {
            assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{shown}");
            assert!(shown.starts_with('a') && shown.ends_with('z'), "{shown}");
        }
        assert_eq!(visible("\u{1b}[2J\u{9b}\u{202e}"), "\\u{1b}[2J\\u{9b}\\u{202e}");
    }

    #[test]
    fn what_is_printed_is_plain_but_for_what_is_kept() {
        let shown = printed(HOSTILE, |_| false);
        assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{shown}");
        assert_eq!(printed("a\u{1b}[2Jb\nc\u{200b}", |kept| kept == '\n'), "a\\u{1b}[2Jb\nc\\u{200b}");
        for plain in ["", "/home/me/e\u{301}", "C:\\x", "bücher \"x\""] {
            assert!(matches!(printed(plain, |_| false), Cow::Borrowed(text) if text == plain), "{plain}");
        }
    }

    #[test]
    fn plain_text_stays_and_an_escape_cannot_be_feigned() {
        assert_eq!(visible("Host 'bücher.example' is \"new\""), "Host 'bücher.example' is \"new\"");
        assert_eq!(visible("\\u{1b}"), "\\\\u{1b}");
    }

    #[test]
    fn json_reads_back_as_it_was() {
        let json = "{\"path\":\"\u{9b}\u{202e}\u{e0041}é\\\"\\\\\"}";
        let [written, shown]: [serde_json::Value; 2] =
            [json, &visible_json(json)].map(|text| serde_json::from_str(text).expect("JSON"));
        assert_eq!(written, shown);
    }
}
