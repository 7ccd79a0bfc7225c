//! Attacks the promises about placeholders: a value goes only to a place that is listed for it, all of a
//! request's placeholders are filled or none, in one pass, and never in a field that routes or frames.
//!
//! Reference: [`reference::world`], which finds every placeholder by trying every byte, fills from the
//! right to the left, and reads the design's list of refusals. The table may change between the judgement
//! and the filling: then the later one counts as well.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use policy::request::fields::Fields;
use policy::secrets::table::Table;
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
const ANYWHERE: &str = "api.example,api.example:8443,http://api.example,*.api.example,evil.example,[2001:db8::1]:8443";
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

/// A request, the secrets when it is judged, and one that changes before it is filled.
#[derive(Arbitrary, Debug)]
struct Input<'a> {
    fields: Vec<(u8, Vec<Piece<'a>>)>,
    place: u8,
    secrets: [Kept<'a>; 5],
    later: Option<(u8, Kept<'a>)>,
}

/// A secret; with most values of `flaw` it may go anywhere here, so that most requests are permitted.
#[derive(Arbitrary, Debug)]
struct Kept<'a> {
    flaw: u8,
    value: &'a [u8],
}

impl Kept<'_> {
    /// `None` if the table does not hold it.
    fn named(&self, name: &str) -> Option<Secret> {
        let mut value = if self.value.is_empty() { name.as_bytes() } else { self.value }.to_vec();
        // Some hold a placeholder themselves, which is sent as it is.
        value.extend(if self.flaw % 4 == 1 { &b"{{TOKEN_2}}"[..] } else { b"" });
        let secret = |value: &[u8], hosts: Option<&str>| {
            Some(Secret { name: name.to_owned(), value: value.to_vec(), hosts: hosts.map(str::to_owned) })
        };
        let long = |length: usize| value.iter().copied().cycle().take(length).collect::<Vec<u8>>();
        match self.flaw {
            0..160 => secret(&value, Some(ANYWHERE)),
            160..200 => secret(&value, Some(LISTS[usize::from(self.flaw) % LISTS.len()])),
            200..210 => secret(&value, Some("*.com")),
            210..220 => secret(&value, None),
            220..230 => None,
            230..240 => secret(b"", Some(ANYWHERE)),
            240..248 => secret(&long(world::VALUE_BYTES_MAX), Some(ANYWHERE)),
            248.. => secret(&long(world::VALUE_BYTES_MAX + 1), Some(ANYWHERE)),
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Text(&'a [u8]),
    Placeholder(u8),
    Many(u8, u8),
    Open,
    Close,
    Name(u8),
    /// The name of a field, as `Connection` holds it.
    Field(u8),
    Comma,
}

fuzz_target!(|input: Input<'_>| {
    let now: Vec<Secret> = input.secrets.iter().zip(SECRETS).filter_map(|(kept, name)| kept.named(name)).collect();
    let mut later = now.clone();
    if let Some((number, kept)) = &input.later {
        let name = SECRETS[usize::from(*number) % SECRETS.len()];
        later.retain(|secret| secret.name != name);
        later.extend(kept.named(name));
    }
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
        Piece::Field(number) => field(*number).into_bytes(),
        Piece::Comma => b", ".to_vec(),
    };
    pieces.iter().flat_map(written).collect()
}
