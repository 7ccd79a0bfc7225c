//! A secrets file that is built by rule, so that what it says is known beforehand.

use arbitrary::Arbitrary;

use crate::secrets_text::Entry;

/// A line of a file, and the line end that is added to it.
#[derive(Arbitrary, Debug)]
pub enum Line<'a> {
    /// Nothing, or up to three spaces.
    Blank(u8),
    /// A comment with these words.
    Comment(&'a [u8]),
    /// `NAME=value`.
    Secret(Written<'a>),
    /// `NAME_HOSTS=list`, both by number.
    Hosts(u8, u8, bool),
}

/// How a value is written.
#[derive(Arbitrary, Debug)]
pub struct Written<'a> {
    name: u8,
    value: &'a [u8],
    style: Style,
    crlf: bool,
    comment: bool,
    export: bool,
    spaces: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Style {
    Bare,
    Single,
    /// The bits tell which bytes are escaped although they need not be.
    Double(u8),
}

const NAMES: [&str; 5] = ["A", "exported", "_b9", "TOKEN", "A_HOSTS_X"];
const LISTS: [&str; 5] = ["api.example", "*.api.example:8443, http://b.example", "*.com", "", "'a.example,b.example'"];

/// The text, and what it says.
pub fn build(lines: &[Line<'_>], change: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<u8>, Result<Vec<Entry>, usize>) {
    let (mut text, mut entries): (Vec<u8>, Vec<Entry>) = (Vec::new(), Vec::new());
    let mut malformed = None;
    for line in lines {
        let number = text.split(|byte| *byte == b'\n').count();
        let Some((name, value)) = write(&mut text, line, &change) else { continue };
        match entries.iter().find(|known| known.name == name) {
            Some(known) if known.value != value => malformed = malformed.or(Some(number)),
            Some(_) => {}
            None => entries.push(Entry { line: number, name, value }),
        }
    }
    (text, malformed.map_or(Ok(entries), Err))
}

fn write(text: &mut Vec<u8>, line: &Line<'_>, change: impl Fn(&[u8]) -> Vec<u8>) -> Option<(String, Vec<u8>)> {
    match line {
        Line::Blank(spaces) => {
            text.extend(vec![b' '; usize::from(*spaces % 4)]);
            text.push(b'\n');
            None
        }
        Line::Comment(words) => {
            text.push(b'#');
            text.extend(words.iter().filter(|byte| **byte != b'\n'));
            text.push(b'\n');
            None
        }
        Line::Secret(written) => Some(written.write(text, change)),
        Line::Hosts(name, list, crlf) => {
            let name = format!("{}_HOSTS", NAMES[usize::from(*name) % NAMES.len()]);
            let list = LISTS[usize::from(*list) % LISTS.len()];
            text.extend(format!("{name}={list}{}", line_end(*crlf)).bytes());
            Some((name, list.trim_matches('\'').into()))
        }
    }
}

impl Written<'_> {
    fn write(&self, text: &mut Vec<u8>, change: impl Fn(&[u8]) -> Vec<u8>) -> (String, Vec<u8>) {
        let name = NAMES[usize::from(self.name) % NAMES.len()];
        let gap = " ".repeat(usize::from(self.spaces % 3));
        let value = change(&fitting(self.value, self.style));
        text.extend(if self.export { &b"export "[..] } else { b"" });
        text.extend(format!("{name}{gap}={gap}").bytes());
        text.extend(styled(&value, self.style));
        // After a bare value a comment would be malformed.
        let comment = self.comment && !matches!(self.style, Style::Bare);
        text.extend(if comment { &b" # 'why'"[..] } else { b"" });
        text.extend(line_end(self.crlf).bytes());
        (name.to_owned(), value)
    }
}

fn line_end(crlf: bool) -> &'static str {
    if crlf { "\r\n" } else { "\n" }
}

/// What this style can hold of a value.
fn fitting(value: &[u8], style: Style) -> Vec<u8> {
    match style {
        Style::Bare => {
            value.iter().copied().filter(|byte| byte.is_ascii_graphic() && !b"'\"#".contains(byte)).collect()
        }
        Style::Single => value.iter().copied().filter(|byte| *byte != b'\'').collect(),
        Style::Double(_) => value.to_vec(),
    }
}

fn styled(value: &[u8], style: Style) -> Vec<u8> {
    let quote = |text: Vec<u8>, quote: u8| [vec![quote], text, vec![quote]].concat();
    let escapes = match style {
        Style::Bare => return value.to_vec(),
        Style::Single => return quote(value.to_vec(), b'\''),
        Style::Double(escapes) => escapes,
    };
    let inner = value.iter().enumerate().flat_map(|(at, byte)| match (byte, escapes >> (at % 8) & 1) {
        (b'\\' | b'"', _) | (b'$', 1) => vec![b'\\', *byte],
        (b'\n', 1) => b"\\n".to_vec(),
        (b'\r', 1) => b"\\r".to_vec(),
        (b'\t', 1) => b"\\t".to_vec(),
        _ => vec![*byte],
    });
    quote(inner.collect(), b'"')
}

/// Another letter or digit for each: no text for people may change.
pub fn turned(byte: u8) -> u8 {
    match byte {
        b'a'..=b'y' | b'A'..=b'Y' | b'0'..=b'8' => byte + 1,
        b'z' => b'a',
        b'Z' => b'A',
        b'9' => b'0',
        other => other,
    }
}
