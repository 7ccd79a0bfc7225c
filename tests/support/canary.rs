//! A secret value that no other test has, and the search for it in bytes.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

/// The search uses no halves of values shorter than this: they would be found by accident.
const HALVED_FROM: usize = 24;

/// A fresh random secret value.
///
/// The search looks for each half of the value, so that it also finds a truncated value in a log.
#[derive(Clone)]
pub struct Canary {
    value: String,
    needles: Vec<Needle>,
    /// Whether some needle starts with these two bytes.
    starts: Arc<[bool]>,
}

/// One spelling of a part of the value.
#[derive(Clone)]
struct Needle {
    form: &'static str,
    bytes: Vec<u8>,
}

impl Canary {
    /// A value that has never been used before.
    pub fn new() -> Self {
        let mut random = [0; 16];
        File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut random))
            .expect("/dev/urandom gives 16 bytes");
        Self::of(&format!("canary-{}", hex(&random)))
    }

    /// A value that the test gives, such as a value with characters that need escapes.
    pub fn of(value: &str) -> Self {
        assert!(value.len() >= 8, "a canary under 8 bytes would be found by accident");
        let bytes = value.as_bytes();
        let mut needles = Vec::new();
        if bytes.len() < HALVED_FROM {
            spell(bytes, &mut needles);
        } else {
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            spell(head, &mut needles);
            spell(tail, &mut needles);
        }
        let mut starts = vec![false; 1 << 16];
        for needle in &needles {
            starts[pair(&needle.bytes)] = true;
        }
        Self { value: value.to_owned(), needles, starts: starts.into() }
    }

    /// The value, for the secrets file and for the comparison with an origin's request.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value as bytes, for the comparison with header values.
    pub fn bytes(&self) -> &[u8] {
        self.value.as_bytes()
    }

    /// The spelling of the value, or of half of it, in `haystack`.
    pub fn found_in(&self, haystack: &[u8]) -> Option<&'static str> {
        self.first_match(haystack).map(|(_, needle)| needle.form)
    }

    /// `text` with every spelling of the value replaced, for panic messages.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.as_bytes().to_vec();
        while let Some((at, needle)) = self.first_match(&masked) {
            let stamp = format!("<{} canary>", needle.form);
            masked.splice(at..at + needle.bytes.len(), stamp.into_bytes());
        }
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// The length of the longest spelling: a search in pieces must keep this much of the last piece.
    pub fn longest_spelling(&self) -> usize {
        self.needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or(0)
    }

    /// One pass: two bytes are looked up before any needle is compared, because test builds are
    /// not optimised and some answers are megabytes long.
    fn first_match(&self, haystack: &[u8]) -> Option<(usize, &Needle)> {
        let mut from = 0;
        while from + 1 < haystack.len() {
            let rest = &haystack[from..];
            if self.starts[pair(rest)]
                && let Some(needle) = self.needles.iter().find(|n| rest.starts_with(&n.bytes))
            {
                return Some((from, needle));
            }
            from += 1;
        }
        None
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Never shows the value, so that a failed assertion does not print it.
impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canary(..)")
    }
}

fn spell(part: &[u8], needles: &mut Vec<Needle>) {
    let mut add = |form, bytes: Vec<u8>| needles.push(Needle { form, bytes });
    add("plain", part.to_vec());
    add("hex", hex(part).into_bytes());
    add("hex", hex(part).to_uppercase().into_bytes());
    for alignment in 0..3 {
        let standard = base64_inside(part, alignment);
        let url_safe = standard.replace('+', "-").replace('/', "_");
        if url_safe != standard {
            add("base64url", url_safe.into_bytes());
        }
        add("base64", standard.into_bytes());
    }
    let every = percent(part, |_| false);
    add("percent-encoded", every.to_lowercase().into_bytes());
    add("percent-encoded", every.into_bytes());
    let needed = percent(part, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if needed.as_bytes() != part {
        add("percent-encoded", needed.into_bytes());
    }
    // The `{:?}` of a `Vec<u8>`: the likeliest accident in Rust.
    let list = part.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    add("byte list", list.into_bytes());
    let escaped = part.escape_ascii().to_string();
    if escaped.as_bytes() != part {
        add("escaped", escaped.into_bytes());
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn percent(bytes: &[u8], plain: impl Fn(u8) -> bool) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// The base64 characters that `part` alone decides when `alignment` bytes stand before it.
fn base64_inside(part: &[u8], alignment: usize) -> String {
    let mut padded = vec![0; alignment];
    padded.extend_from_slice(part);
    let whole = base64(&padded);
    // A character at either end that shares bits with a neighbour's byte is not ours.
    let first = (alignment * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    whole[first..end].to_owned()
}

/// Base64 of `bytes` in the standard alphabet with padding, as in `Authorization: Basic`.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let character = char::from(ALPHABET[index as usize]);
            text.push(if place > chunk.len() { '=' } else { character });
        }
    }
    text
}
