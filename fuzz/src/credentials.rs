//! `Authorization: Basic`, by the base64 crate's ready-made engines.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// The credentials in a value of `Authorization`, decoded; `None` if it is anything else.
///
/// The scheme's letters may have either case, one space must follow it and more may. Padding may be
/// left out, in part or wholly.
pub fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let rest = rest.trim_matches([' ', '\t']);
    let bare = rest.trim_end_matches('=');
    let padding = rest.len() - bare.len();
    let needed = (4 - bare.len() % 4) % 4;
    if padding > needed { None } else { STANDARD_NO_PAD.decode(bare).ok() }
}

/// The value that carries these credentials.
pub fn encoded(credentials: &[u8]) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(credentials)).into_bytes()
}
