//! The text of the mount: `NAME=value` lines, read strictly and literally.
//!
//! No substitution, no cutting, no repair: a line that could be read in two ways makes the whole text
//! malformed, because half a file can pair a secret with another secret's hosts. Errors hold a line
//! number and a cause, never text of the file.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::secret::{Name, name_length};

/// One `NAME=value` entry.
#[derive(Debug)]
pub struct Entry {
    /// The line that it starts on, from 1.
    pub line: usize,
    /// What stands before `=`.
    pub name: Name,
    /// What stands after it, unquoted.
    pub value: Value,
}

/// An entry's value; wiped on drop and not printed.
pub struct Value(pub(crate) Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(..)")
    }
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
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// The line does not start with a name.
    #[error("a line must be NAME=value, a comment or blank")]
    NoName,
    /// No `=` follows the name.
    #[error("'=' must follow the name")]
    NoEquals,
    /// A bare value with ` #` in it: value or comment?
    #[error("' #' in a value without quotes could be a comment: quote the value")]
    Comment,
    /// A bare value with a quote at its end alone.
    #[error("a quote at one end only: quote the whole value")]
    LoneQuote,
    /// A quote that is never closed.
    #[error("the quote that opens here is never closed")]
    Unclosed,
    /// An escape that is not one of `\\ \" \$ \n \r \t`.
    #[error("unknown escape in double quotes (known: \\\\ \\\" \\$ \\n \\r \\t): use single quotes for literal text")]
    Escape,
    /// Text after the closing quote.
    #[error("only a comment may follow the closing quote")]
    AfterQuote,
    /// The same name a second time, with another value.
    #[error("this name stands above with another value")]
    Twice,
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
        match seen.get(&entry.name).and_then(|at| entries.get(*at)) {
            // A slow reader of a pipe can be handed the same text twice.
            Some(first) if *first.value.0 == *entry.value.0 => {}
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
    /// Reads one entry, or passes over a blank or comment line.
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
        let value = self.value().map_err(fail)?;
        Ok(Some(Entry { line, name, value: Value(value) }))
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

    fn value(&mut self) -> Result<Zeroizing<Vec<u8>>, Cause> {
        let padding = self.rest.len();
        self.skip_spaces();
        let padded = self.rest.len() < padding;
        match self.rest.first() {
            Some(b'\'') => self.single_quoted(),
            Some(b'"') => self.double_quoted(),
            _ => bare(self.take_line(), padded),
        }
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
        // As long as the rest of the text, so that it never moves and leaves a copy behind.
        let mut value = Zeroizing::new(Vec::with_capacity(inner.len()));
        let mut at = 0;
        loop {
            match inner.get(at).ok_or(Cause::Unclosed)? {
                b'"' => break,
                b'\\' => {
                    value.push(unescape(*inner.get(at + 1).ok_or(Cause::Unclosed)?)?);
                    at += 2;
                }
                byte => {
                    value.push(*byte);
                    at += 1;
                }
            }
        }
        self.close(&inner[..at], &inner[at + 1..])?;
        Ok(value)
    }

    /// Goes on behind a closing quote, where only a comment may follow.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, (usize, Cause)> {
        let text_of = |value: &Value| String::from_utf8_lossy(&value.0).into_owned();
        match parse(text.as_bytes()) {
            Ok(entries) => Ok(entries.iter().map(|e| (e.name.to_string(), text_of(&e.value))).collect()),
            Err(malformed) => Err((malformed.line, malformed.cause)),
        }
    }

    fn one(text: &str) -> Result<String, (usize, Cause)> {
        let shown = |(name, value)| format!("{name}|{value}");
        read(text).map(|entries| entries.into_iter().map(shown).collect::<Vec<_>>().concat())
    }

    #[test]
    fn values_are_literal() {
        let table = [
            ("K=v", "K|v"),
            ("K = v ", "K|v"),
            ("export K=v", "K|v"),
            ("export\tK=v", "K|v"),
            ("export=v", "export|v"),
            ("exports=v", "exports|v"),
            ("  K=v\r\n", "K|v"),
            ("\u{feff}K=v", "K|v"),
            ("# c\n\n   \nK=v", "K|v"),
            ("K=", "K|"),
            ("K=a b", "K|a b"),
            ("K=pa$word9", "K|pa$word9"),
            ("K=pa$HOME", "K|pa$HOME"),
            ("K=${HOME}", "K|${HOME}"),
            ("K=abc#def", "K|abc#def"),
            ("K=#abc", "K|#abc"),
            ("K=it's", "K|it's"),
            ("K=ab\\cd", "K|ab\\cd"),
            ("K=abc\\", "K|abc\\"),
            ("K={\"a\":\"b c\"}", "K|{\"a\":\"b c\"}"),
            ("K=a=b", "K|a=b"),
            ("K='a # b'", "K|a # b"),
            ("K='abc\\'", "K|abc\\"),
            ("K='pa$word' # why", "K|pa$word"),
            ("K='a\nb'", "K|a\nb"),
            ("K=\"a\\\\b\\\"c\\$d\\ne\\rf\\tg\"", "K|a\\b\"c$d\ne\rf\tg"),
            ("K=\"pa$\"", "K|pa$"),
            ("K=\"a\nb\"#c", "K|a\nb"),
            ("K=1\nK=1", "K|1"),
            ("K=\u{e4}\u{20ac}", "K|\u{e4}\u{20ac}"),
        ];
        for (text, expected) in table {
            assert_eq!(one(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_malformed() {
        let table = [
            ("K", Cause::NoEquals, 1),
            ("K v", Cause::NoEquals, 1),
            ("A=1\n=v", Cause::NoName, 2),
            ("MY-KEY=v", Cause::NoEquals, 1),
            ("9K=v", Cause::NoName, 1),
            ("MY.KEY=v", Cause::NoEquals, 1),
            ("K: v", Cause::NoEquals, 1),
            ("K=abc #def", Cause::Comment, 1),
            ("K= #def", Cause::Comment, 1),
            ("K=abc\t#def", Cause::Comment, 1),
            ("K=abc'", Cause::LoneQuote, 1),
            ("K=abc\"", Cause::LoneQuote, 1),
            ("A=1\n\nK='abc\nB=2\n", Cause::Unclosed, 3),
            ("K=\"abc\\\"", Cause::Unclosed, 1),
            ("K=\"abc\\", Cause::Unclosed, 1),
            ("K=\"C:\\dir\"", Cause::Escape, 1),
            ("K='a'b", Cause::AfterQuote, 1),
            ("K='a' 'b'", Cause::AfterQuote, 1),
            ("K='a\n\n'b\n", Cause::AfterQuote, 1),
            ("K=1\nX='a\nb'\nK=2", Cause::Twice, 4),
        ];
        for (text, cause, line) in table {
            assert_eq!(read(text), Err((line, cause)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_without_a_quote_survives_single_quotes(value in "[^'\0]{0,40}") {
            prop_assert_eq!(one(&format!("K='{value}'")), Ok(format!("K|{value}")));
        }

        #[test]
        fn errors_hold_nothing_of_the_file(value in "[a-z]{12,20}", shape in 0..6_usize) {
            let text = ["K='#", "K=\"# \\q", "# x\n-#", "K=# #", "K=#'", "K='x'#"][shape].replace('#', &value);
            if let Err(malformed) = parse(text.as_bytes()) {
                let shown = format!("{malformed} {malformed:?}");
                prop_assert!(!shown.contains(&value));
            }
        }

        #[test]
        fn no_bytes_crash_the_parser(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }
    }
}
