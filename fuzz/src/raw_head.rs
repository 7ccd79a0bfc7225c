//! A request's head as its bytes say it, with no allowance for anything odd.

/// A head: what stands on the request line, and the fields in order.
#[derive(Debug)]
pub struct Head<'a> {
    /// The first word.
    pub method: &'a [u8],
    /// The second.
    pub target: &'a [u8],
    /// The third.
    pub version: &'a [u8],
    /// Names in lower case, values without the spaces around them.
    pub fields: Vec<(String, &'a [u8])>,
}

impl Head<'_> {
    /// The values of a field.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| *value).collect()
    }
}

/// Reads a head up to its empty line. `None` if there is a line that two programs could read in two
/// ways: a folded one, one without a colon or with a space before it, a lone CR, a NUL.
pub fn read(mut raw: &[u8]) -> Option<Head<'_>> {
    // Empty lines before the request line are passed over (RFC 9112, section 2.2).
    while let Some((b"", rest)) = line(raw) {
        raw = rest;
    }
    let (first, mut rest) = line(raw)?;
    let words: Vec<&[u8]> = first.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else { return None };
    let mut fields = Vec::new();
    loop {
        let (text, after) = line(rest)?;
        rest = after;
        if text.is_empty() {
            return Some(Head { method, target, version, fields });
        }
        fields.push(field(text)?);
    }
}

fn line(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = raw.iter().position(|byte| *byte == b'\n')?;
    let text = &raw[..end];
    Some((text.strip_suffix(b"\r").unwrap_or(text), &raw[end + 1..]))
}

fn field(text: &[u8]) -> Option<(String, &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    let value = trim(value);
    let legal = !value.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || !legal {
        return None;
    }
    Some((String::from_utf8(name.to_ascii_lowercase()).ok()?, value))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
