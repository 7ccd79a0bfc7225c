//! `{{NAME}}` and `{{NAMESPACE:NAME}}`, found by trying every byte as its start.

/// A placeholder, and where it stands.
#[derive(Debug, Eq, PartialEq)]
pub struct Found {
    /// The first byte of `{{`.
    pub start: usize,
    /// The byte after `}}`.
    pub end: usize,
    /// What stands between them: a name, or a namespace and a name.
    pub name: String,
}

/// All placeholders, from left to right; none inside another.
pub fn find(text: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if let Some(name) = at_start(&text[at..]) {
            let end = at + 2 + name.len() + 2;
            found.push(Found { start: at, end, name });
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Whether the whole text is `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_name(text: &[u8]) -> bool {
    let braced = [b"{{", text, b"}}"].concat();
    !text.contains(&b':') && at_start(&braced).is_some_and(|name| name.as_bytes() == text)
}

fn at_start(text: &[u8]) -> Option<String> {
    let mut bytes = text.iter().copied();
    if bytes.next()? != b'{' || bytes.next()? != b'{' {
        return None;
    }
    let mut name = String::new();
    // Nothing of the word that is being read was seen yet.
    let mut at_word = true;
    loop {
        match bytes.next()? {
            letter @ (b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                name.push(char::from(letter));
                at_word = false;
            }
            digit @ b'0'..=b'9' if !at_word => name.push(char::from(digit)),
            b':' if !at_word && !name.contains(':') => {
                name.push(':');
                at_word = true;
            }
            b'}' if !at_word && bytes.next() == Some(b'}') => return Some(name),
            _ => return None,
        }
    }
}
