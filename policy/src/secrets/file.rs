//! The `NAME=value` entries of a source, read strictly and literally.
//!
//! The parser never substitutes, cuts or repairs. A line that could be read in two ways makes the whole text
//! malformed, because half a file can pair a secret with another secret's hosts. Errors hold a line number and
//! a cause, never text of the file.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::name::{Name, name_length};
use crate::secrets::secret::SecretValue;

/// One `NAME=value` entry.
#[derive(Debug)]
pub struct Entry {
    /// The line that it starts on, from 1.
    pub line: usize,
    /// The text before `=`.
    pub name: Name,
    /// The text after `=`, without its quotes.
    pub value: SecretValue,
    /// How it was written.
    pub quoting: Quoting,
    /// The line on which the same name stands again with the same value, if it does.
    pub repeated: Option<usize>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quoting {
    /// Without quotes.
    Bare,
    /// `'...'`.
    Single,
    /// `"..."`.
    Double,
}

/// Why the text cannot be used, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct Malformed {
    /// The line, from 1; for a quote that is never closed, the line that opens it.
    pub line: usize,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Cause {
    /// The line does not start with a name.
    #[error("the line does not start with a name")]
    NoName,
    /// No `=` follows the name.
    #[error("'=' must follow the name")]
    NoEquals,
    /// A bare value with ` #` in it: value or comment?
    #[error("' #' in a value without quotes could be a comment")]
    Comment,
    /// A bare value with a quote at its end alone.
    #[error("the value has a quote at its end only")]
    LoneQuote,
    /// A quote that is never closed.
    #[error("the quote that opens here is never closed")]
    Unclosed,
    /// An escape that is not one of `\\ \" \$ \n \r \t`.
    #[error("unknown escape in double quotes (known: \\\\ \\\" \\$ \\n \\r \\t)")]
    Escape,
    /// Text after the closing quote.
    #[error("only a comment may follow the closing quote")]
    AfterQuote,
    /// The same name a second time, with another value.
    #[error("this name stands above with another value")]
    Twice,
}

impl Cause {
    /// How to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::NoName => "a line must be NAME=value, a comment after # or blank",
            Self::NoEquals => "write NAME=value, the name in letters, digits and _",
            Self::Comment => "quote the value, and put a comment after the closing quote or on a line of its own",
            Self::LoneQuote => "quote the whole value: in double quotes if it holds a single one, and the reverse",
            Self::Unclosed => "close it (a ' cannot stand inside '...')",
            Self::Escape => "use single quotes for literal text",
            Self::AfterQuote => "quote the whole value, or put # before the comment",
            Self::Twice => "remove one of the two lines",
        }
    }
}

/// Reads the whole text.
///
/// # Errors
/// The first malformed line; nothing of the text may then be used.
pub fn parse(text: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let mut reader = Reader { rest: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen: HashMap<Name, usize> = HashMap::new();
    while !reader.rest.is_empty() {
        let Some(entry) = reader.entry()? else { continue };
        match seen.get(&entry.name).and_then(|at| entries.get_mut(*at)) {
            // A slow reader of a pipe can get the same text twice.
            Some(first) if first.value.is_same_as(&entry.value) => first.repeated = Some(entry.line),
            Some(_) => return Err(Malformed { line: entry.line, cause: Cause::Twice }),
            None => {
                seen.insert(entry.name.clone(), entries.len());
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Reader<'a> {
    /// Reads one entry; `None` for a blank line or a comment.
    fn entry(&mut self) -> Result<Option<Entry>, Malformed> {
        let line = self.line;
        let fail = |cause| Malformed { line, cause };
        self.skip_spaces();
        if matches!(self.rest.first(), None | Some(b'#' | b'\n')) || self.rest.starts_with(b"\r\n") {
            self.take_line();
            return Ok(None);
        }
        let name = self.name().ok_or(fail(Cause::NoName))?;
        self.skip_spaces();
        self.rest = self.rest.strip_prefix(b"=").ok_or(fail(Cause::NoEquals))?;
        let (quoting, value) = self.value().map_err(fail)?;
        Ok(Some(Entry { line, name, value: SecretValue::new(value), quoting, repeated: None }))
    }

    fn name(&mut self) -> Option<Name> {
        if let Some(rest) = self.rest.strip_prefix(b"export")
            && matches!(rest.first(), Some(b' ' | b'\t'))
        {
            self.rest = rest;
            self.skip_spaces();
        }
        let (name, rest) = self.rest.split_at(name_length(self.rest));
        self.rest = rest;
        Name::parse(name)
    }

    fn value(&mut self) -> Result<(Quoting, Zeroizing<Vec<u8>>), Cause> {
        let padding = self.rest.len();
        self.skip_spaces();
        let padded = self.rest.len() < padding;
        Ok(match self.rest.first() {
            Some(b'\'') => (Quoting::Single, self.single_quoted()?),
            Some(b'"') => (Quoting::Double, self.double_quoted()?),
            _ => (Quoting::Bare, bare(self.take_line(), padded)?),
        })
    }

    fn single_quoted(&mut self) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let inner = &self.rest[1..];
        let end = memchr::memchr(b'\'', inner).ok_or(Cause::Unclosed)?;
        let value = Zeroizing::new(inner[..end].to_vec());
        self.close(&inner[..end], &inner[end + 1..])?;
        Ok(value)
    }

    fn double_quoted(&mut self) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let inner = &self.rest[1..];
        let end = closing_quote(inner)?;
        // As long as the text between the quotes, so that it never moves and leaves a copy behind.
        let mut value = Zeroizing::new(Vec::with_capacity(end));
        let mut at = 0;
        while at < end {
            if inner[at] == b'\\' {
                at += 1;
                value.push(unescape(inner[at])?);
            } else {
                value.push(inner[at]);
            }
            at += 1;
        }
        self.close(&inner[..end], &inner[end + 1..])?;
        Ok(value)
    }

    /// Continues after a closing quote, where only a comment may follow.
    fn close(&mut self, quoted: &[u8], rest: &'a [u8]) -> Result<(), Cause> {
        self.line += memchr::memchr_iter(b'\n', quoted).count();
        self.rest = rest;
        match self.take_line().trim_ascii_start().first() {
            None | Some(b'#') => Ok(()),
            Some(_) => Err(Cause::AfterQuote),
        }
    }

    /// Takes the rest of the line, without its end.
    fn take_line(&mut self) -> &'a [u8] {
        self.line += 1;
        let (line, rest) = match memchr::memchr(b'\n', self.rest) {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &b""[..]),
        };
        self.rest = rest;
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    fn skip_spaces(&mut self) {
        let spaces = self.rest.iter().take_while(|byte| is_space(**byte)).count();
        self.rest = &self.rest[spaces..];
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A value without quotes: literal to the end of the line, trimmed.
fn bare(line: &[u8], padded: bool) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let comment = line.windows(2).any(|pair| is_space(pair[0]) && pair[1] == b'#');
    if comment || (padded && line.starts_with(b"#")) {
        return Err(Cause::Comment);
    }
    let value = line.trim_ascii();
    if matches!(value.last(), Some(b'\'' | b'"')) {
        return Err(Cause::LoneQuote);
    }
    Ok(Zeroizing::new(value.to_vec()))
}

/// Where the quote stands that no backslash escapes. All escapes before it are known ones.
fn closing_quote(inner: &[u8]) -> Result<usize, Cause> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &inner[at..]).ok_or(Cause::Unclosed)?;
        if inner[at] == b'"' {
            return Ok(at);
        }
        unescape(*inner.get(at + 1).ok_or(Cause::Unclosed)?)?;
        at += 2;
    }
}

fn unescape(byte: u8) -> Result<u8, Cause> {
    Ok(match byte {
        b'\\' | b'"' | b'$' => byte,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return Err(Cause::Escape),
    })
}

#[cfg(test)]
mod tests;
