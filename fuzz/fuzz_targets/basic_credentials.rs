//! Attacks the promise that git and curl work: a placeholder inside the credentials of
//! `Authorization: Basic` is found, judged, filled and encoded again, and what is not base64 is text.
//!
//! Reference: [`reference::credentials`], which decodes with ready-made engines of the base64 crate, and
//! [`reference::world`] for what becomes of the request. One half sends the fuzzer's bytes as the value,
//! the other a value that is built of credentials, with the scheme, the spaces and the padding varied.

#![no_main]

use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use libfuzzer_sys::fuzz_target;
use policy::secrets::table::Table;
use reference::hosts::Place;
use reference::product;
use reference::world::{self, Headers, Outcome, Secret};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    secret: &'a [u8],
    listed: bool,
    /// Whether the field is `Authorization`; in any other, credentials are text.
    elsewhere: bool,
    value: Value<'a>,
}

#[derive(Arbitrary, Debug)]
enum Value<'a> {
    AsItIs(&'a [u8]),
    Built { scheme: u8, spaces: u8, before: &'a [u8], name: u8, after: &'a [u8], padding: Padding, tail: &'a [u8] },
}

#[derive(Arbitrary, Debug)]
enum Padding {
    Whole,
    None,
    /// A number of `=`, right or wrong.
    Some(u8),
    /// Another alphabet, which is not what Basic uses.
    UrlSafe,
}

fuzz_target!(|input: Input<'_>| {
    let list = if input.listed { "api.example" } else { "other.example" };
    let named = |name: &str, value: &[u8]| Secret { name: name.into(), value: value.into(), hosts: Some(list.into()) };
    // A value that looks like a placeholder is sent as it is.
    let secrets = [named("KEY", input.secret), named("OTHER", b"{{KEY}}")];
    let field = if input.elsewhere { "x-authorization" } else { "authorization" };
    let value: Vec<u8> = written(&input.value).into_iter().filter(|byte| is_legal(*byte)).collect();
    check(&secrets, &vec![(field.to_owned(), value)]);
});

fn check(secrets: &[Secret], fields: &Headers) {
    let place = Place { tls: true, host: "api.example".to_owned(), port: 443 };
    let table = Table::read(&world::file(secrets)).expect("well-formed");
    let headers = product::headers(fields).expect("made legal");
    let outcome = product::outcome(&table, &table, &place, &headers);
    assert_eq!(outcome, world::outcome(secrets, &place, fields));
    if let Outcome::Sent(sent) = outcome {
        check_sent(&fields[0], &sent[0].1);
    }
}

/// What is sent in place of hidden credentials is what every server decodes.
fn check_sent((name, asked): &(String, Vec<u8>), sent: &[u8]) {
    let in_the_open = !reference::placeholders::find(asked).is_empty();
    if in_the_open || name != "authorization" {
        return;
    }
    let encoded = sent.strip_prefix(b"Basic ").expect("the scheme in its usual spelling");
    let credentials = STANDARD.decode(encoded).expect("padded base64");
    assert_eq!(STANDARD.encode(credentials).as_bytes(), encoded);
}

fn is_legal(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn written(value: &Value<'_>) -> Vec<u8> {
    let Value::Built { scheme, spaces, before, name, after, padding, tail } = value else {
        let Value::AsItIs(text) = value else { return Vec::new() };
        return text.to_vec();
    };
    let scheme =
        ["Basic ", "basic ", "BASIC ", "bAsIc ", "Basic\t", "Basic", "Bearer ", " Basic "][usize::from(scheme % 8)];
    let placeholder = ["{{KEY}}", "{{OTHER}}", "{{ KEY }}", "{{MISSING}}"][usize::from(name % 4)];
    let credentials = [before, placeholder.as_bytes(), after].concat();
    let encoded = match padding {
        Padding::Whole => STANDARD.encode(credentials),
        Padding::None => STANDARD_NO_PAD.encode(credentials),
        Padding::Some(number) => STANDARD_NO_PAD.encode(credentials) + &"=".repeat(usize::from(number % 5)),
        Padding::UrlSafe => URL_SAFE.encode(credentials),
    };
    [scheme.as_bytes(), &b" ".repeat(usize::from(spaces % 3)), encoded.as_bytes(), tail].concat()
}
