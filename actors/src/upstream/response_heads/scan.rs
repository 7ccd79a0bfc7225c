//! The lines of a response's head, read as they come.

use http::header::{self, HeaderName};
use memchr::memchr;

use crate::limits;

/// The place of the minor version in a status line.
pub(super) const MINOR_VERSION: usize = "HTTP/1.".len();

/// The lines of a head, as far as they have come. Bytes are looked at once, however small the pieces are.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where the current line begins.
    line: usize,
    /// How far the current line was searched for its end.
    searched: usize,
    /// Set once the status line has come.
    status: Option<StatusLine>,
    fields: usize,
    has_coding: bool,
    has_fault: bool,
}

/// A whole head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Head {
    /// Where its body begins.
    pub(super) end: usize,
    /// None if the status line cannot be read.
    pub(super) status: Option<u16>,
    /// Whether it is to be repaired before it can be read.
    pub(super) repair: Option<Repair>,
}

/// What is to be repaired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Repair {
    /// A transfer coding in HTTP/1.0, which has none. It is read as the one of HTTP/1.1, and the connection is closed after
    /// the response (RFC 9112, section 6.1).
    pub(super) raises_version: bool,
}

#[derive(Clone, Copy, Debug)]
struct StatusLine {
    status: Option<u16>,
    is_http10: bool,
}

impl Scan {
    /// Reads on in `bytes`, which begin with those that were read before. Gives the head once it is whole.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<Head> {
        while let Some(length) = memchr(b'\n', bytes.get(self.searched..)?) {
            let end = self.searched + length;
            let line = without_cr(bytes.get(self.line..end)?);
            (self.line, self.searched) = (end + 1, end + 1);
            match (self.status, line.is_empty()) {
                // Empty lines before a head are skipped (RFC 9112, section 2.2).
                (None, true) => {}
                (None, false) => self.read_status(line),
                (Some(status), true) => return Some(self.head(status)),
                (Some(_), false) => self.read_field(line),
            }
        }
        self.searched = bytes.len();
        None
    }

    fn head(&self, StatusLine { status, is_http10 }: StatusLine) -> Head {
        let raises_version = is_http10 && self.has_coding;
        let is_faulty = raises_version || self.has_fault || self.fields > limits::HEAD_FIELDS_MAX;
        let repair = is_faulty.then_some(Repair { raises_version });
        Head { end: self.line, status, repair }
    }

    fn read_status(&mut self, line: &[u8]) {
        self.has_fault |= has_control(line);
        let status = match line {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9', b' ', digits @ ..] => digits.get(..3),
            _ => None,
        };
        let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        self.status = Some(StatusLine { status, is_http10: line.get(MINOR_VERSION) == Some(&b'0') });
    }

    fn read_field(&mut self, line: &[u8]) {
        let name = name_of(line);
        self.fields += 1;
        self.has_coding |= name.is_some_and(|name| is_field(name, &header::TRANSFER_ENCODING));
        self.has_fault |= has_control(line) || (name.is_none() && !is_continuation(line));
    }
}

/// A line without the CR before its LF.
pub(super) fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The name of a field line. Blanks before its colon are not part of it (RFC 9112, section 5.1).
pub(super) fn name_of(line: &[u8]) -> Option<&[u8]> {
    let name = line.get(..memchr(b':', line)?)?;
    let name = name.trim_ascii_end();
    (!name.is_empty() && name.iter().copied().all(is_token)).then_some(name)
}

pub(super) fn is_field(name: &[u8], field: &HeaderName) -> bool {
    name.len() == field.as_str().len() && name.eq_ignore_ascii_case(field.as_str().as_bytes())
}

/// Whether a line goes on with the value of the line before it (RFC 9112, section 5.2).
pub(super) fn is_continuation(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// Whether a byte is one that no value has (RFC 9110, section 5.5). A tab is not.
pub(super) fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Without an early exit, which compiles to a loop over many bytes at once.
fn has_control(line: &[u8]) -> bool {
    line.iter().fold(false, |found, byte| found | is_control(*byte))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_!#$%&'*+.^`|~".contains(&byte)
}
