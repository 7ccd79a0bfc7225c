//! Attacks the promises about placeholders: a value goes only to a place that is listed for it, all of a
//! request's placeholders are filled or none, in one pass, and never in a field that routes or frames.
//!
//! Reference: [`reference::world`], which finds every placeholder by trying every byte, fills from the
//! right to the left, and reads the design's list of refusals. The table may change between the judgement
//! and the filling: then the later one counts as well.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use policy::rewrite::Fields;
use policy::table::Table;
use reference::hosts::Place;
use reference::product;
use reference::world::{self, Headers, Outcome, Secret};

const NAMES: [&str; 6] = ["A", "KEY", "key", "_x9", "TOKEN_2", "A_HOSTS"];
/// The last one is never in the table: a list of hosts is no secret.
const SECRETS: &[&str] = NAMES.split_at(5).0;
const LISTS: [&str; 8] = [
    "api.example",
    "api.example:8443",
    "http://api.example",
    "*.api.example",
    "evil.example, api.example",
    "[2001:db8::1]:8443",
    "*.example.api.example,sub.api.example",
    "*.example",
];
const FIELDS: [&str; 20] = [
    "authorization",
    "x-api-key",
    "cookie",
    "accept",
    "x-forwarded",
    "x-other",
    "proxied",
    "hosts",
    "connection",
    "host",
    "te",
    "via",
    "content-length",
    "transfer-encoding",
    "x-forwarded-for",
    "proxy-authorization",
    "expect",
    "keep-alive",
    "forwarded",
    "trailer",
];

/// A request, the secrets when it is judged, and what they are when it is filled.
#[derive(Arbitrary, Debug)]
struct Input<'a> {
    place: u8,
    secrets: [Option<Kept<'a>>; 5],
    later: Option<[Option<Kept<'a>>; 5]>,
    fields: Vec<(u8, Vec<Piece<'a>>)>,
}

#[derive(Arbitrary, Clone, Debug)]
struct Kept<'a> {
    value: &'a [u8],
    size: Size,
    list: Option<u8>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Size {
    AsItIs,
    /// As long as a value may be, or a byte longer.
    Filled(bool),
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Text(&'a [u8]),
    Placeholder(u8),
    Many(u8, u8),
    Open,
    Close,
    Name(u8),
}

fuzz_target!(|input: Input<'_>| {
    let now = secrets(&input.secrets);
    let later = input.later.as_ref().map_or_else(|| now.clone(), secrets);
    let fields: Headers = input.fields.iter().map(|(name, pieces)| (field(*name), value(pieces))).collect();
    check(&now, &later, &place(input.place), &fields);
});

fn check(now: &[Secret], later: &[Secret], place: &Place, fields: &Headers) {
    let headers = product::headers(fields).expect("made legal");
    let names: Option<Vec<String>> =
        Fields::scan(&headers).map(|found| found.names().iter().map(ToString::to_string).collect());
    assert_eq!(names.unwrap_or_default(), world::names(fields));
    let expected = match world::outcome(now, place, fields) {
        Outcome::Sent(_) => world::outcome(later, place, fields),
        other => other,
    };
    let outcome = product::outcome(&table(now), &table(later), place, &headers);
    assert_eq!(outcome, expected);
}

fn table(secrets: &[Secret]) -> Table {
    Table::read(&world::file(secrets)).expect("well-formed")
}

fn secrets(kept: &[Option<Kept<'_>>; 5]) -> Vec<Secret> {
    let named = SECRETS.iter().zip(kept).filter_map(|(name, kept)| kept.as_ref().map(|kept| (name, kept)));
    let secret = |(name, kept): (&&str, &Kept<'_>)| Secret {
        name: (*name).to_owned(),
        value: sized(kept.value, kept.size),
        hosts: kept.list.map(|list| LISTS[usize::from(list) % LISTS.len()].to_owned()),
    };
    named.map(secret).collect()
}

fn sized(value: &[u8], size: Size) -> Vec<u8> {
    match size {
        Size::AsItIs => value.to_vec(),
        Size::Filled(over) => {
            let length = world::VALUE_BYTES_MAX + usize::from(over);
            value.iter().chain(b"*").copied().cycle().take(length).collect()
        }
    }
}

fn place(number: u8) -> Place {
    let (tls, host, port) = match number % 8 {
        0..=2 => (true, "api.example", 443),
        3 => (true, "api.example", 8443),
        4 => (false, "api.example", 80),
        5 => (true, "sub.api.example", 443),
        6 => (true, "evil.example", 443),
        _ => (true, "[2001:db8::1]", 8443),
    };
    Place { tls, host: host.to_owned(), port }
}

/// Half of the fields are ordinary ones.
fn field(number: u8) -> String {
    let number = usize::from(number);
    FIELDS[if number < 128 { number % 8 } else { number % FIELDS.len() }].to_owned()
}

fn value(pieces: &[Piece<'_>]) -> Vec<u8> {
    let name = |number: u8| NAMES[usize::from(number) % NAMES.len()];
    let placeholder = |number: u8| format!("{{{{{}}}}}", name(number)).into_bytes();
    let written = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => {
            text.iter().copied().filter(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f).collect()
        }
        Piece::Placeholder(number) => placeholder(*number),
        Piece::Many(number, times) => placeholder(*number).repeat(usize::from(*times % 40)),
        Piece::Open => b"{{".to_vec(),
        Piece::Close => b"}}".to_vec(),
        Piece::Name(number) => name(*number).into(),
    };
    pieces.iter().flat_map(written).collect()
}
