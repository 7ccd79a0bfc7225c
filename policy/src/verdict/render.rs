//! A permitted request's fields, with the values put in.
//!
//! No other code puts a value into a request, and this code does so only for a [`Permit`] and under
//! the tables in force at that moment.

use bytes::Bytes;
use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::request::basic;
use crate::request::fields::{Encoding, Field, Fields};
use crate::request::placeholder::{Part, Template};
use crate::verdict::judge::{Permit, Verdict};
use crate::verdict::refusal::Refusal;
use crate::verdict::tables::Tables;

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
    /// Puts the values into the fields that were judged. Gives the permit back: a request that has to be sent once
    /// more is judged and filled again.
    pub fn apply(self, headers: &mut HeaderMap) -> Permit {
        for (name, nth, value) in self.values {
            set(headers, name, nth, value);
        }
        self.permit
    }
}

impl Permit {
    /// Empties the fields that it is for: a request that waits to be sent once more holds no value.
    pub fn clear(&self, headers: &mut HeaderMap) {
        for field in self.fields().iter() {
            set(headers, field.name.clone(), field.nth, HeaderValue::from_static(""));
        }
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, nth: usize, value: HeaderValue) {
    if let Entry::Occupied(mut entry) = headers.entry(name)
        && let Some(slot) = entry.iter_mut().nth(nth)
    {
        *slot = value;
    }
}

/// Judges the permitted request again, under the tables in force, and puts the values in.
///
/// # Errors
/// The tables no longer allow what it allowed when the permit was given.
pub fn render(tables: &Tables<'_>, permit: Permit) -> Result<Rendered, Refusal> {
    match permit.judge_again(tables) {
        Verdict::Permit(permit) => Ok(Rendered { values: fill(tables, permit.fields())?, permit }),
        Verdict::Refuse(refusal) => Err(refusal),
    }
}

fn fill(tables: &Tables<'_>, fields: &Fields) -> Result<Vec<(HeaderName, usize, HeaderValue)>, Refusal> {
    fields.iter().map(|field| Ok((field.name.clone(), field.nth, fill_field(tables, field)?))).collect()
}

fn fill_field(tables: &Tables<'_>, field: &Field) -> Result<HeaderValue, Refusal> {
    let bytes = expand(tables, &field.template)?;
    let bytes = match field.encoding {
        Encoding::Plain => bytes,
        Encoding::Basic => basic::encode(&bytes),
    };
    // The owner wipes the bytes when the last header value that shares them is dropped.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).map_err(|_| Refusal::Locked)?;
    value.set_sensitive(true);
    Ok(value)
}

/// One pass: a value that itself holds `{{OTHER}}` is sent literally.
fn expand(tables: &Tables<'_>, template: &Template) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut pieces: Vec<&[u8]> = Vec::new();
    for part in template.parts() {
        pieces.push(match part {
            Part::Text(text) => text,
            Part::Placeholder(name) => tables.value(name).ok_or(Refusal::Locked)?.expose(),
        });
    }
    // Of the final size from the start, so that it never moves and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    Ok(bytes)
}

#[cfg(test)]
mod tests;
