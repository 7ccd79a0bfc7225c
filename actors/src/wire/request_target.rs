//! Raw characters in the targets of HTTP/1.1 requests.
//!
//! Browsers, curl and others send some characters that no URI has, and servers read them; the HTTP library refuses
//! the request. They are percent-encoded. The place where a request begins is known as long as the request before it
//! has a plain form; from then on bytes are passed on as they come.

use memchr::memchr;

/// The path that stands for none at all, in `OPTIONS http://host`: the HTTP library does not tell it from `/`. A
/// character that Unicode reserves for such uses.
pub(crate) const NO_PATH: &str = "/\u{fdd0}";

/// The longest beginning of a line that is kept until the line is whole.
const LINE_START_MAX: usize = 64;

/// The requests of one client connection.
#[derive(Debug)]
pub(super) struct Requests {
    at: At,
    /// The beginning of a line that has not come whole.
    line: Vec<u8>,
    /// Whether the current request's method is OPTIONS.
    is_options: bool,
    /// The body of the current request.
    body: Framing,
    /// Whether the current request's version is HTTP/1.1.
    is_http11: bool,
}

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
    /// In no plain way, or what follows is no request.
    Unknown,
}

/// Where a client's bytes have come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    /// Before a request, or in its method.
    Method,
    /// In its target, and in which part.
    Target(Part),
    /// In the rest of its first line.
    Version,
    /// In its fields.
    Fields,
    /// In its body, with so many bytes to come.
    Body(u64),
    /// In the line with the size of a chunk.
    ChunkSize,
    /// In a chunk, with so many bytes to come. The end of its line is part of it.
    Chunk(u64),
    /// After the last chunk.
    Trailers,
    /// No longer known.
    Unknown,
}

/// The parts of a target (RFC 9112, section 3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Start,
    /// Scheme and authority, with the number of slashes so far.
    Authority(u8),
    Path,
    Query,
}

impl Part {
    /// The part that a byte belongs to, by the part of the byte before it.
    fn next(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Start | Self::Authority(2), b'/') => Self::Path,
            (Self::Authority(slashes), b'/') => Self::Authority(slashes + 1),
            (Self::Start | Self::Authority(_) | Self::Path, b'?') => Self::Query,
            (Self::Start, _) => Self::Authority(0),
            (part, _) => part,
        }
    }

    /// Whether the HTTP library refuses this character here. It takes all others that are sent raw.
    fn refuses(self, byte: u8) -> bool {
        match self {
            Self::Start | Self::Authority(_) => false,
            Self::Path => matches!(byte, b'<' | b'>' | b'`'),
            Self::Query => matches!(byte, b'<' | b'>' | b'"'),
        }
    }
}

impl Requests {
    pub(super) fn new() -> Self {
        Self { at: At::Method, line: Vec::new(), is_options: false, body: Framing::None, is_http11: false }
    }

    /// Whether the last request has come whole, as far as that is known.
    pub(super) fn are_whole(&self) -> bool {
        self.at == At::Method && self.line.is_empty()
    }

    /// Whether the last request's version has interim responses: HTTP/1.1 has.
    pub(super) fn take_interims(&self) -> bool {
        self.is_http11
    }

    /// Reads on. `None` if nothing is to be encoded.
    pub(super) fn encoded(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let places = self.places(bytes);
        if places.is_empty() {
            return None;
        }
        let (mut encoded, mut done) = (Vec::with_capacity(bytes.len() + 2 * places.len()), 0);
        for at in places {
            encoded.extend_from_slice(bytes.get(done..at)?);
            done = at;
            match bytes.get(at)? {
                b' ' => encoded.extend_from_slice(NO_PATH.as_bytes()),
                raw => {
                    encoded.extend_from_slice(format!("%{raw:02X}").as_bytes());
                    done += 1;
                }
            }
        }
        encoded.extend_from_slice(bytes.get(done..)?);
        Some(encoded)
    }

    /// The places of raw characters, and of spaces after a target without a path.
    fn places(&mut self, bytes: &[u8]) -> Vec<usize> {
        let (mut raw, mut done) = (Vec::new(), 0);
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty() && self.at != At::Unknown) {
            done += match self.at {
                At::Unknown => rest.len(),
                At::Method => self.read_method(rest),
                At::Target(part) => self.read_target(part, rest, done, &mut raw),
                At::Version | At::Fields | At::ChunkSize | At::Trailers => self.read_line(rest),
                At::Body(length) | At::Chunk(length) => self.skip(length, rest),
            };
        }
        raw
    }

    /// Also skips empty lines before the request.
    fn read_method(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b' ', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.line.extend(bytes.iter().take(end.unwrap_or(bytes.len()).min(LINE_START_MAX)));
        let method = self.line.trim_ascii_start();
        // After a CONNECT comes no request.
        let is_known = method.len() < LINE_START_MAX && method.iter().all(u8::is_ascii_graphic) && method != b"CONNECT";
        if !is_known {
            self.at = At::Unknown;
        } else if end.is_some() {
            self.is_options = method == b"OPTIONS";
            self.at = At::Target(Part::Start);
            self.line.clear();
        }
        taken
    }

    /// `done` bytes come before these in the same piece.
    fn read_target(&mut self, mut part: Part, bytes: &[u8], done: usize, raw: &mut Vec<usize>) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(byte, b' ' | b'\r' | b'\n') {
                if self.is_options && part == Part::Authority(2) && *byte == b' ' {
                    raw.push(done + at);
                }
                self.at = At::Version;
                return at;
            }
            part = part.next(*byte);
            if part.refuses(*byte) {
                raw.push(done + at);
            }
        }
        self.at = At::Target(part);
        bytes.len()
    }

    fn read_line(&mut self, bytes: &[u8]) -> usize {
        let Some(end) = memchr(b'\n', bytes) else {
            self.line.extend(bytes.iter().take(LINE_START_MAX.saturating_sub(self.line.len())));
            return bytes.len();
        };
        let rest = bytes.get(..end).unwrap_or_default();
        if self.line.is_empty() {
            self.judge(rest);
        } else {
            let line = [&std::mem::take(&mut self.line), rest].concat();
            self.judge(&line);
        }
        end + 1
    }

    fn judge(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.at {
            At::Version => (self.at, self.is_http11) = (At::Fields, line == b" HTTP/1.1"),
            At::ChunkSize => self.judge_size(line),
            At::Trailers if line.is_empty() => self.at = At::Method,
            At::Trailers => {}
            _ if line.is_empty() => self.end_head(),
            _ => self.judge_field(line),
        }
    }

    fn end_head(&mut self) {
        self.at = match std::mem::replace(&mut self.body, Framing::None) {
            Framing::None | Framing::Length(0) => At::Method,
            Framing::Length(length) => At::Body(length),
            Framing::Chunked => At::ChunkSize,
            Framing::Unknown => At::Unknown,
        };
    }

    fn judge_field(&mut self, line: &[u8]) {
        let (name, value) = line.split_at(memchr(b':', line).unwrap_or(0));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let framing = match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => length(line, value),
            6 if name.eq_ignore_ascii_case(b"expect") => Framing::Unknown,
            7 if name.eq_ignore_ascii_case(b"upgrade") => Framing::Unknown,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") && value.eq_ignore_ascii_case(b"chunked") => {
                Framing::Chunked
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => Framing::Unknown,
            _ => return,
        };
        self.body = if self.body == Framing::None { framing } else { Framing::Unknown };
    }

    /// Extensions stand after a semicolon (RFC 9112, section 7.1).
    fn judge_size(&mut self, line: &[u8]) {
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
        self.at = match size {
            Some(0) => At::Trailers,
            Some(size) => size.checked_add(2).map_or(At::Unknown, At::Chunk),
            None => At::Unknown,
        };
    }

    fn skip(&mut self, length: u64, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        self.at = match (self.at, length - taken as u64) {
            (At::Chunk(_), 0) => At::ChunkSize,
            (At::Chunk(_), left) => At::Chunk(left),
            (_, 0) => At::Method,
            (_, left) => At::Body(left),
        };
        taken
    }
}

fn length(line: &[u8], value: &[u8]) -> Framing {
    let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
    length.filter(|_| line.len() < LINE_START_MAX).map_or(Framing::Unknown, Framing::Length)
}

#[cfg(test)]
mod tests;
