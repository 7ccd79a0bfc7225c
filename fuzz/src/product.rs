//! The way of a request through the product: scan, check the places, judge, render, apply.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use policy::destination::host::{Authority, Destination, Scheme};
use policy::request::fields::Fields;
use policy::secrets::table::Table;
use policy::verdict::judge::{InjectionRequest, Verdict, judge};
use policy::verdict::refusal::Refusal;
use policy::verdict::render::render;
use policy::verdict::tables::Tables;

use crate::hosts::Place;
use crate::world::{Headers, Outcome};

/// The fields as the product holds them; `None` if a name or a value is not legal in HTTP.
pub fn headers(fields: &[(String, Vec<u8>)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(map)
}

/// The fields of a map, in its order.
pub fn listed(headers: &HeaderMap) -> Headers {
    headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

/// The product's own word for a place.
pub fn destination(place: &Place) -> Destination {
    let authority = Authority::parse(&format!("{}:{}", place.host, place.port)).expect("a place is well-formed");
    authority.under(if place.tls { Scheme::Https } else { Scheme::Http })
}

/// What becomes of these fields, if `now` is in force when they are judged and `later` when the
/// values are put in. A refused request keeps its fields as they were.
pub fn outcome(now: &Table, later: &Table, place: &Place, headers: &HeaderMap) -> Outcome {
    let mut sent = headers.clone();
    let before = listed(headers);
    match go(now, later, place, &mut sent) {
        Ok(true) => {
            check_marks(&before, &sent);
            Outcome::Sent(listed(&sent))
        }
        Ok(false) => Outcome::Plain,
        Err(refusal) => {
            assert_eq!(listed(&sent), before, "a refused request was changed");
            Outcome::Refused(refusal.to_string())
        }
    }
}

/// Whether there was something to fill.
fn go(now: &Table, later: &Table, place: &Place, headers: &mut HeaderMap) -> Result<bool, Refusal> {
    let Some(fields) = Fields::scan(headers) else { return Ok(false) };
    fields.check_places(headers)?;
    let permit =
        match judge(&Tables::default_only(now, None), InjectionRequest { destination: destination(place), fields }) {
            Verdict::Permit(permit) => permit,
            Verdict::Refuse(refusal) => return Err(refusal),
        };
    assert_eq!(*permit.destination(), destination(place), "the permit is for another place");
    let rendered = render(&Tables::default_only(later, None), permit)?;
    assert_eq!(format!("{rendered:?}"), "Rendered(..)");
    let permit = rendered.apply(headers);
    assert_eq!(*permit.destination(), destination(place), "the permit came back for another place");
    Ok(true)
}

/// A value that was put in is marked, so that nobody prints it and no compression learns it.
fn check_marks(before: &Headers, sent: &HeaderMap) {
    for ((_, old), new) in before.iter().zip(sent.values()) {
        assert!(new.is_sensitive() || old == new.as_bytes(), "a value is not marked as sensitive");
    }
}
