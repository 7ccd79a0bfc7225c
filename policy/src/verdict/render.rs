//! Fields with placeholders, and the same fields with values in them.
//!
//! This is the only place that exposes a value, and it does so only for a [`Permit`] and under the
//! table that is in force at that moment.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::request::hop;
use crate::request::placeholder::{Part, Template};
use crate::secrets::secret::{Name, SecretValue};
use crate::secrets::table::Table;
use crate::verdict::judge::{Permit, Verdict, judge};
use crate::verdict::refusal::Refusal;

/// Placeholders that one request may hold. With [`crate::secrets::table::VALUE_BYTES_MAX`] it bounds how far a
/// request can grow, to 512 KiB, whatever the values are: a bound on the outcome would tell a client
/// that tries many sizes how long a value is.
pub const PLACEHOLDERS_MAX: usize = 32;

/// Clients differ in whether they pad; servers take both.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const BASIC_SCHEME: &str = "basic ";

/// The fields of one request that hold placeholders. Never empty.
#[derive(Clone, Debug)]
pub struct Fields {
    fields: Vec<Field>,
    /// Whether there were more placeholders than a request may hold: then not all are in `fields`.
    too_many: bool,
}

#[derive(Clone, Debug)]
struct Field {
    name: HeaderName,
    /// Which of the values under this name, from 0.
    nth: usize,
    form: Form,
    template: Template,
}

/// How a value is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    /// The credentials of `Authorization: Basic`, decoded.
    Basic,
}

impl Fields {
    /// Finds the fields with placeholders; `None` if there are none.
    pub fn scan(headers: &HeaderMap) -> Option<Self> {
        let mut fields: Vec<Field> = Vec::new();
        let (mut previous, mut nth, mut placeholders) = (None, 0, 0);
        for (name, value) in headers {
            // Values of one name come one after the other.
            nth = if previous == Some(name) { nth + 1 } else { 0 };
            previous = Some(name);
            if let Some((form, template)) = scan_value(name, value.as_bytes()) {
                placeholders += template.names().count();
                fields.push(Field { name: name.clone(), nth, form, template });
            }
            if placeholders > PLACEHOLDERS_MAX {
                break;
            }
        }
        (!fields.is_empty()).then_some(Self { fields, too_many: placeholders > PLACEHOLDERS_MAX })
    }

    /// Refuses too many placeholders, and one in a field that routes or frames the request or that
    /// `Connection` names. `headers` are those that were scanned.
    ///
    /// # Errors
    /// That there are too many, or the first such field.
    pub fn check_places(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.too_many {
            return Err(Refusal::TooMany);
        }
        let connection = hop::named_by_connection(headers);
        match self.fields.iter().find(|field| hop::is_routing(&field.name) || connection.contains(&field.name)) {
            Some(field) => Err(Refusal::RoutingField(field.name.as_str().into())),
            None => Ok(()),
        }
    }

    /// The names that the placeholders ask for, each once, in order.
    pub fn names(&self) -> Vec<Name> {
        self.distinct().into_iter().filter_map(|name| Name::parse(name.as_bytes())).collect()
    }

    /// The same as text. If there are too many, these are not all.
    pub(crate) fn distinct(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.fields.iter().flat_map(|field| field.template.names()).take(PLACEHOLDERS_MAX) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether there are more placeholders than a request may hold.
    pub(crate) fn too_many(&self) -> bool {
        self.too_many
    }
}

fn scan_value(name: &HeaderName, value: &[u8]) -> Option<(Form, Template)> {
    if let Some(template) = Template::scan(value) {
        return Some((Form::Plain, template));
    }
    let credentials = basic_credentials(name, value)?;
    Template::scan(&credentials).map(|template| (Form::Basic, template))
}

/// The decoded credentials; malformed base64 is ordinary text.
fn basic_credentials(name: &HeaderName, value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = value.split_at_checked(BASIC_SCHEME.len())?;
    if name != header::AUTHORIZATION || !scheme.eq_ignore_ascii_case(BASIC_SCHEME.as_bytes()) {
        return None;
    }
    BASIC.decode(encoded.trim_ascii()).ok()
}

/// The fields of one request with values in them. Wiped on drop where this crate holds the bytes.
pub struct Rendered {
    values: Vec<(HeaderName, usize, HeaderValue)>,
    permit: Permit,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rendered(..)")
    }
}

impl Rendered {
    /// Forgets the values and gives the permit back.
    pub fn into_permit(self) -> Permit {
        self.permit
    }

    /// Puts the values where their placeholders stood. Gives the permit back: if the request has to be
    /// sent once more, it is to be asked for again.
    pub fn apply(self, headers: &mut HeaderMap) -> Permit {
        for (name, nth, value) in self.values {
            if let Entry::Occupied(mut entry) = headers.entry(name)
                && let Some(slot) = entry.iter_mut().nth(nth)
            {
                *slot = value;
            }
        }
        self.permit
    }
}

/// Judges the permitted request again, under the table of now, and puts the values in.
///
/// # Errors
/// The table no longer allows what it allowed when the permit was given.
pub fn render(table: &Table, permit: Permit) -> Result<Rendered, Refusal> {
    match judge(table, permit) {
        Verdict::Permit(permit) => Ok(Rendered { values: fill(table, permit.fields())?, permit }),
        Verdict::Refuse(refusal) => Err(refusal),
    }
}

fn fill(table: &Table, fields: &Fields) -> Result<Vec<(HeaderName, usize, HeaderValue)>, Refusal> {
    let values = fields.fields.iter().map(|field| {
        let bytes = expand(table, &field.template)?;
        let bytes = match field.form {
            Form::Plain => bytes,
            Form::Basic => encode_basic(&bytes),
        };
        // The owner wipes the bytes when the last header value that shares them is dropped.
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).map_err(|_| Refusal::Locked)?;
        value.set_sensitive(true);
        Ok((field.name.clone(), field.nth, value))
    });
    values.collect()
}

/// One pass: a value that itself holds `{{OTHER}}` is sent literally.
fn expand(table: &Table, template: &Template) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut pieces: Vec<&[u8]> = Vec::new();
    for part in template.parts() {
        pieces.push(match part {
            Part::Text(text) => text,
            Part::Placeholder(name) => value_of(table, name)?.expose(),
        });
    }
    // Of the final size from the start, so that it never moves and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    Ok(bytes)
}

fn value_of<'a>(table: &'a Table, name: &str) -> Result<&'a SecretValue, Refusal> {
    table.secret(name).and_then(|secret| secret.value.as_ref().ok()).ok_or(Refusal::Locked)
}

fn encode_basic(credentials: &[u8]) -> Zeroizing<Vec<u8>> {
    const PREFIX: &[u8] = b"Basic ";
    let length = base64::encoded_len(credentials.len(), true).unwrap_or_default();
    let mut bytes = Zeroizing::new(vec![0; PREFIX.len() + length]);
    let (prefix, encoded) = bytes.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    // The buffer has just the length that base64 asks for, so that this cannot fail.
    let _ = BASIC.encode_slice(credentials, encoded);
    bytes
}

#[cfg(test)]
mod tests;
