//! Values that can be sent, and that are hardly what was meant.

use crate::request::placeholder::Template;
use crate::secrets::file::Quoting;
use crate::secrets::secret::name_length;

/// Why a value does not look like a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Look {
    /// A space or tab at an end of a quoted value.
    #[error("the value starts or ends with a space, which is sent")]
    SpaceAtEnd,
    /// Quotes at both ends, after those of the file were taken off.
    #[error("the value itself starts and ends with a quote, which is sent")]
    Quoted,
    /// `\n` and the like without double quotes.
    #[error("the backslash in the value is literal without double quotes")]
    Backslash,
    /// `op://vault/item/field`.
    #[error("the value holds an op:// reference, which nothing here looks up")]
    Reference,
    /// `{{NAME}}`.
    #[error("the value holds a {{{{placeholder}}}}, which is not filled in")]
    Placeholder,
    /// `$NAME`, `${NAME}` or `$(command)`.
    #[error("the value is a shell expression, which is not filled in")]
    Shell,
    /// What stands in the example, or in the place of a value elsewhere.
    #[error("the value looks like an example's")]
    Example,
    /// Bytes beyond ASCII: perhaps a typographic quote or an invisible space.
    #[error("the value holds characters beyond ASCII, which keys rarely do")]
    BeyondAscii,
    /// A list of hosts, where the list of hosts is none.
    #[error("the value looks like a list of hosts, and the list of hosts does not")]
    Hosts,
}

impl Look {
    /// What to do about it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::SpaceAtEnd => "remove the space if it is not part of the secret",
            Self::Quoted => "take one pair of quotes off",
            Self::Backslash => "quote the value: in double quotes if escapes are meant, else in single ones",
            Self::Reference => "put the value itself here, or mount the file by 1Password",
            Self::Placeholder | Self::Shell | Self::Example => "put the value itself here",
            Self::BeyondAscii => "copy it anew, as plain text",
            Self::Hosts => "exchange the two values if they are swapped",
        }
    }
}

type Test = fn(&[u8], Quoting) -> bool;

const TESTS: [(Look, Test); 8] = [
    (Look::SpaceAtEnd, |value, _| value.trim_ascii().len() < value.len()),
    (Look::Quoted, |value, _| QUOTES.iter().any(|(open, close)| is_between(value, open, close))),
    (Look::Backslash, |value, quoting| quoting == Quoting::Bare && value.windows(2).any(is_escape)),
    (Look::Reference, |value, _| memchr::memmem::find(value, b"op://").is_some()),
    (Look::Placeholder, |value, _| Template::scan(value).is_some()),
    (Look::Shell, |value, quoting| quoting != Quoting::Single && is_shell(value)),
    (Look::Example, |value, _| is_example(value)),
    (Look::BeyondAscii, |value, _| !value.is_ascii()),
];

/// All that is odd about a value.
pub(super) fn looks(value: &[u8], quoting: Quoting) -> impl Iterator<Item = Look> {
    TESTS.iter().filter(move |(_, test)| test(value, quoting)).map(|(look, _)| *look)
}

const QUOTES: [(&str, &str); 5] =
    [("'", "'"), ("\"", "\""), ("`", "`"), ("\u{2018}", "\u{2019}"), ("\u{201c}", "\u{201d}")];

fn is_between(value: &[u8], open: &str, close: &str) -> bool {
    value.strip_prefix(open.as_bytes()).is_some_and(|rest| rest.ends_with(close.as_bytes()))
}

fn is_escape(pair: &[u8]) -> bool {
    matches!(pair, [b'\\', b'n' | b'r' | b't' | b'"' | b'\'' | b'$' | b'\\'])
}

/// `$NAME` only in capitals: a password may start with a dollar sign.
fn is_shell(value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b"$") else { return false };
    let is_name = !rest.is_empty() && name_length(rest) == rest.len() && !rest.iter().any(u8::is_ascii_lowercase);
    is_name || is_between(rest, "{", "}") || is_between(rest, "(", ")")
}

/// Texts that stand for a value, `secrets.env.example`'s among them.
const STAND_INS: [&str; 7] =
    ["changeme", "change-me", "change_me", "todo", "secret", "placeholder", "pa$$word # not a comment"];

fn is_example(value: &[u8]) -> bool {
    let starts = |with: &str| value.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()));
    let crossed_out = value.len() > 2 && value.iter().all(|byte| matches!(byte, b'x' | b'X'));
    value.ends_with(b"...")
        || is_between(value, "<", ">")
        || starts("your-")
        || starts("your_")
        || crossed_out
        || STAND_INS.iter().any(|text| value.eq_ignore_ascii_case(text.as_bytes()))
}
