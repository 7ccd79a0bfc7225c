//! Texts of a record, and how much of them is kept.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The longest text kept of one field, in bytes. Longer ones end in [`CUT_MARKER`].
pub const FIELD_BYTES_MAX: usize = 1024;
/// The longest method that is kept, in bytes. The longest registered one has 16 (`UPDATEREDIRECTREF`, RFC 4437).
pub const METHOD_BYTES_MAX: usize = 64;
/// The longest name of a secret that is kept, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// The most that is kept of the names of one request, in bytes, with their quotes and commas: no record is much
/// longer than a few of the others.
pub const NAMES_BYTES_MAX: usize = 2048;
/// What a field that was cut ends in.
pub const CUT_MARKER: &str = "...[cut]";

/// Text that is copied only if its JSON holds escapes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// Copies a text, cut to [`FIELD_BYTES_MAX`] bytes at a character, with the marker.
pub fn bounded(text: &str) -> Text<'static> {
    bounded_to(text, FIELD_BYTES_MAX)
}

/// The same for a method, with its own bound.
pub fn bounded_method(method: &str) -> Text<'static> {
    bounded_to(method, METHOD_BYTES_MAX)
}

/// The names for a record: as many as fit into [`NAMES_BYTES_MAX`].
pub fn bounded_names(names: impl ExactSizeIterator<Item = impl AsRef<str>>) -> Vec<Text<'static>> {
    let (mut bounded, mut bytes) = (Vec::with_capacity(names.len()), 0);
    for name in names {
        let name = bounded_to(name.as_ref(), NAME_BYTES_MAX);
        bytes += name.len() + "\"\",".len();
        if bytes > NAMES_BYTES_MAX {
            bounded.push(CUT_MARKER.into());
            break;
        }
        bounded.push(name);
    }
    bounded
}

fn bounded_to(text: &str, bytes_max: usize) -> Text<'static> {
    if text.len() <= bytes_max {
        return text.to_owned().into();
    }
    let mut end = bytes_max - CUT_MARKER.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT_MARKER}", text.get(..end).unwrap_or_default()).into()
}
