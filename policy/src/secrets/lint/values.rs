//! Values that can be sent, but do not look like secrets.

use crate::name::name_length;
use crate::request::placeholder::Template;
use crate::secrets::file::Quoting;
use crate::secrets::lint::hosts::{PublicSuffixes, are_internet_names};
use crate::secrets::secret::SecretValue;

/// Why a value does not look like a secret.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum SuspiciousValue {
    /// A space or tab at an end of a quoted value.
    #[error("the value starts or ends with a space, which is sent")]
    SpaceAtEnd,
    /// Quotes at both ends, inside those of the file.
    #[error("the value itself starts and ends with a quote, which is sent")]
    Quoted,
    /// `\n` and the like without double quotes.
    #[error("the backslash in the value is literal without double quotes")]
    Backslash,
    /// `op://vault/item/field`.
    #[error("the value holds an op:// reference, which secret-proxy does not resolve")]
    Reference,
    /// `{{NAME}}`.
    #[error("the value holds a {{{{placeholder}}}}, which secret-proxy does not fill in")]
    Placeholder,
    /// `$NAME`, `${NAME}` or `$(command)`.
    #[error("the value is a shell expression, which secret-proxy does not fill in")]
    Shell,
    /// A value of the example file, or a usual stand-in for one.
    #[error("the value looks like an example")]
    Example,
    /// Bytes beyond ASCII: perhaps a typographic quote or an invisible space.
    #[error("the value holds characters beyond ASCII, which keys rarely do")]
    BeyondAscii,
    /// A list of hosts, while the `_HOSTS` line holds none.
    #[error("the value looks like a list of hosts, and the list of hosts does not")]
    Hosts,
}

impl SuspiciousValue {
    /// How to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::SpaceAtEnd => "remove the space if it is not part of the secret",
            Self::Quoted => "remove one pair of quotes",
            Self::Backslash => "quote the value: in double quotes if escapes are meant, else in single ones",
            Self::Reference => "put the value itself here, or mount the file by 1Password",
            Self::Placeholder | Self::Shell | Self::Example => "put the value itself here",
            Self::BeyondAscii => "copy it again, as plain text",
            Self::Hosts => "swap the two values if they are the wrong way round",
        }
    }
}

type Test = fn(&[u8], Quoting) -> bool;

const TESTS: [(SuspiciousValue, Test); 8] = [
    (SuspiciousValue::SpaceAtEnd, |value, _| value.trim_ascii().len() < value.len()),
    (SuspiciousValue::Quoted, |value, _| QUOTES.iter().any(|(open, close)| is_between(value, open, close))),
    (SuspiciousValue::Backslash, |value, quoting| quoting == Quoting::Bare && value.windows(2).any(is_escape)),
    (SuspiciousValue::Reference, |value, _| memchr::memmem::find(value, b"op://").is_some()),
    (SuspiciousValue::Placeholder, |value, _| Template::scan(value).is_some()),
    (SuspiciousValue::Shell, |value, quoting| quoting != Quoting::Single && is_shell(value)),
    (SuspiciousValue::Example, |value, _| is_example(value)),
    (SuspiciousValue::BeyondAscii, |value, _| !value.is_ascii()),
];

/// Every reason to suspect a value.
pub(super) fn suspicions(value: &SecretValue, quoting: Quoting) -> impl Iterator<Item = SuspiciousValue> {
    let value = value.expose();
    TESTS.iter().filter(move |(_, test)| test(value, quoting)).map(|(suspicion, _)| *suspicion)
}

/// Whether the value reads as a list of hosts on the Internet.
pub(super) fn is_list_of_hosts(value: &SecretValue, public: PublicSuffixes<'_>) -> bool {
    std::str::from_utf8(value.expose()).is_ok_and(|text| are_internet_names(text, public))
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

/// Usual stand-ins for a value, those of `secrets.env.example` among them.
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
