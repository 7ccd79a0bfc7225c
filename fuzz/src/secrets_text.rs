//! The secrets file, read by the table in the design.

/// One `NAME=value`.
#[derive(Debug, Eq, PartialEq)]
pub struct Entry {
    /// The line that it starts on, from 1.
    pub line: usize,
    /// What stands before `=`.
    pub name: String,
    /// What stands after it, unquoted.
    pub value: Vec<u8>,
}

/// The entries, in order.
///
/// # Errors
/// The first malformed line.
pub fn read(text: &[u8]) -> Result<Vec<Entry>, usize> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line = text[..at].split(|byte| *byte == b'\n').count();
        let (entry, next) = read_entry(text, at).ok_or(line)?;
        at = next;
        let Some((name, value)) = entry else { continue };
        match entries.iter().find(|known| known.name == name) {
            Some(known) if known.value == value => {}
            Some(_) => return Err(line),
            None => entries.push(Entry { line, name, value }),
        }
    }
    Ok(entries)
}

/// A value as the file writes it, in the simplest quotes that can hold it.
pub fn quoted(value: &[u8]) -> Vec<u8> {
    if !value.contains(&b'\'') {
        return [b"'", value, b"'"].concat();
    }
    let escaped = value.iter().flat_map(|byte| match byte {
        b'\\' | b'"' => vec![b'\\', *byte],
        byte => vec![*byte],
    });
    std::iter::once(b'"').chain(escaped).chain(std::iter::once(b'"')).collect()
}

type Named = (String, Vec<u8>);

/// What stands at `at`, if it is not blank, and where the next line begins; `None` if it is malformed.
fn read_entry(text: &[u8], at: usize) -> Option<(Option<Named>, usize)> {
    let (line, next) = line_at(text, at);
    let start = at + spaces(&text[at..]);
    let is_crlf = text[start..].starts_with(b"\r\n");
    if is_crlf || matches!(text.get(start), None | Some(b'\n' | b'#')) {
        return Some((None, next));
    }
    let end_of_line = at + line.len();
    let mut name_at = start;
    if text[start..].starts_with(b"export") && spaces(&text[start + 6..]) > 0 {
        name_at = start + 6 + spaces(&text[start + 6..]);
    }
    let equals = name_at + text[name_at..end_of_line].iter().position(|byte| *byte == b'=')?;
    let name = trim_end_spaces(&text[name_at..equals]);
    if !crate::placeholders::is_name(name) {
        return None;
    }
    let name = String::from_utf8(name.to_vec()).ok()?;
    let value_at = equals + 1 + spaces(&text[equals + 1..]);
    let (value, next) = match text.get(value_at) {
        Some(b'\'') => single(text, value_at + 1)?,
        Some(b'"') => double(text, value_at + 1)?,
        _ => (bare(&text[equals + 1..end_of_line])?, next),
    };
    Some((Some((name, value)), next))
}

/// The line at `at` without its end, and where the next one begins.
fn line_at(text: &[u8], at: usize) -> (&[u8], usize) {
    let end = text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| at + length);
    let line = &text[at..end];
    (line.strip_suffix(b"\r").unwrap_or(line), text.len().min(end + 1))
}

fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn trim_end_spaces(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    &text[..kept]
}

fn single(text: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let length = text[at..].iter().position(|byte| *byte == b'\'')?;
    let value = text[at..at + length].to_vec();
    Some((value, after_quote(text, at + length + 1)?))
}

fn double(text: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut value = Vec::new();
    loop {
        let byte = *text.get(at)?;
        at += 1;
        match byte {
            b'"' => return Some((value, after_quote(text, at)?)),
            b'\\' => {
                value.push(match text.get(at)? {
                    escaped @ (b'\\' | b'"' | b'$') => *escaped,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    _ => return None,
                });
                at += 1;
            }
            byte => value.push(byte),
        }
    }
}

/// Where the next line begins, if nothing but a comment follows the closing quote.
fn after_quote(text: &[u8], at: usize) -> Option<usize> {
    let (rest, next) = line_at(text, at);
    let first = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, None | Some(b'#')).then_some(next)
}

/// `line` is what follows `=`.
fn bare(line: &[u8]) -> Option<Vec<u8>> {
    let comment = line.windows(2).any(|pair| pair == b" #" || pair == b"\t#");
    let value = line.trim_ascii();
    let quote_at_end = value.ends_with(b"'") || value.ends_with(b"\"");
    (!comment && !quote_at_end).then(|| value.to_vec())
}
