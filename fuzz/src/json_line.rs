//! The keys of a JSON object on one line, in the order in which they stand there.

/// The top-level keys, as they are written.
pub fn keys(line: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let mut text = String::new();
    for character in line.chars() {
        if in_string {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                other => text.push(other),
            }
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                text.clear();
            }
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ':' if depth == 1 => keys.push(std::mem::take(&mut text)),
            _ => {}
        }
    }
    keys
}

/// Whether a terminal or a line reader could act on this character: controls, line and paragraph
/// separators, marks that turn text around, and the invisible ones beside them.
pub fn is_hostile(character: char) -> bool {
    let code = u32::from(character);
    let control = code < 0x20 || (0x7f..=0x9f).contains(&code);
    let separator = code == 0x2028 || code == 0x2029;
    let turns = code == 0x61c
        || code == 0x200e
        || code == 0x200f
        || (0x202a..=0x202e).contains(&code)
        || (0x2066..=0x2069).contains(&code);
    let invisible = (0x200b..=0x200d).contains(&code) || code == 0x2060 || code == 0xfeff;
    control || separator || turns || invisible
}

/// A text as a record keeps it: whole, or cut at a character and marked, within so many bytes.
pub fn kept(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        if kept.len() + character.len_utf8() + "...[cut]".len() > bytes {
            break;
        }
        kept.push(character);
    }
    kept + "...[cut]"
}

/// The names as a record keeps them: each within 128 bytes, and as many as fit into 2048 with their quotes and
/// commas.
pub fn kept_names(names: &[&str]) -> Vec<String> {
    let mut room = 2048_usize;
    let mut all = Vec::new();
    for name in names {
        let name = kept(name, 128);
        let Some(rest) = room.checked_sub(name.len() + 3) else {
            all.push("...[cut]".to_owned());
            break;
        };
        room = rest;
        all.push(name);
    }
    all
}
