//! The repair of a response's head, by the rules that RFC 9112 has for proxies.
//!
//! Browsers and curl read such responses. A line that frames the body is never repaired: the HTTP library reads it as
//! it came, or refuses it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;
use policy::request::hop;

use super::scan::{MINOR_VERSION, Repair, is_continuation, is_control, is_field, name_of, without_cr};
use crate::limits;

/// What stands in a framing field's name, in lower case and without anything but letters.
const FRAMING: [&[u8]; 2] = [b"contentlength", b"transferencoding"];

/// Fields that the HTTP library gets. It takes [`limits::HEAD_FIELDS_MAX`]; room is left for those that it must have.
const LIBRARY_FIELDS: usize = limits::HEAD_FIELDS_MAX - 20;

/// A field that the HTTP library does not see.
pub(super) type Field = (HeaderName, HeaderValue);

/// A head as the HTTP library can read it.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    pub(super) bytes: Vec<u8>,
    /// The fields for which the library has no room.
    pub(super) more: Vec<Field>,
    fields: usize,
    last: Line,
}

/// What has become of a line: the lines that go on with it share its fate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Line {
    #[default]
    Kept,
    LeftOut,
    Set,
}

/// The head without what a client could not read. A control character becomes a space (RFC 9110, section 5.5), and a
/// line that is no field is left out.
pub(super) fn repaired(head: &[u8], repair: Repair) -> Repaired {
    let mut out = Repaired { bytes: Vec::with_capacity(head.len() + 32), ..Repaired::default() };
    let mut lines = lines(head).skip_while(|line| line.is_empty());
    if let Some(status) = lines.next() {
        out.push_status(status, repair);
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        if is_continuation(line) {
            out.push_continuation(line);
        } else {
            out.push_field(line);
        }
    }
    if repair.raises_version {
        out.bytes.extend_from_slice(b"connection: close\r\n");
    }
    out.bytes.extend_from_slice(b"\r\n");
    out
}

impl Repaired {
    fn push_status(&mut self, line: &[u8], repair: Repair) {
        self.push_line(&spaced(line));
        if let Some(minor) = self.bytes.get_mut(MINOR_VERSION).filter(|_| repair.raises_version) {
            *minor = b'1';
        }
    }

    fn push_field(&mut self, line: &[u8]) {
        self.fields += 1;
        let name = name_of(line);
        self.last = match name {
            Some(name) if is_framing(name) => Line::Kept,
            None if resembles_framing(line) => Line::Kept,
            None => Line::LeftOut,
            Some(name) if self.fields > LIBRARY_FIELDS && !is_field(name, &header::CONNECTION) => Line::Set,
            Some(_) => Line::Kept,
        };
        match (self.last, name) {
            (Line::Kept, Some(name)) if !is_framing(name) => self.push_line(&spaced(line)),
            (Line::Kept, _) => self.push_line(line),
            (Line::Set, _) => self.more.extend(field(&spaced(line))),
            (Line::LeftOut, _) => {}
        }
    }

    fn push_continuation(&mut self, line: &[u8]) {
        match (self.last, self.more.last_mut()) {
            (Line::Set, Some((_, value))) => {
                let joined = [value.as_bytes(), b" ", spaced(line).trim_ascii()].concat();
                *value = HeaderValue::from_bytes(&joined).unwrap_or_else(|_| value.clone());
            }
            (Line::Kept, _) => self.push_line(&spaced(line)),
            _ => {}
        }
    }

    fn push_line(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// The fields of an interim response that a client may have.
pub(super) fn end_to_end_fields(head: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines(head).skip_while(|line| line.is_empty()).skip(1).filter_map(field) {
        fields.append(name, value);
    }
    hop::strip_response(&mut fields);
    fields.remove(header::CONTENT_LENGTH);
    fields
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(without_cr)
}

fn field(line: &[u8]) -> Option<Field> {
    let name = HeaderName::from_bytes(name_of(line)?).ok()?;
    let value = line.get(memchr(b':', line)? + 1..)?;
    Some((name, HeaderValue::from_bytes(value.trim_ascii()).ok()?))
}

fn spaced(line: &[u8]) -> Vec<u8> {
    line.iter().map(|byte| if is_control(*byte) { b' ' } else { *byte }).collect()
}

fn is_framing(name: &[u8]) -> bool {
    is_field(name, &header::TRANSFER_ENCODING) || is_field(name, &header::CONTENT_LENGTH)
}

/// Whether somebody might read the line as one that frames the body.
fn resembles_framing(line: &[u8]) -> bool {
    let letters: Vec<u8> = line.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect();
    FRAMING.iter().any(|name| letters.starts_with(name))
}
