//! Scanning, judging and rendering together: tables and properties.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::destination::host::Destination;
use crate::request::fields::PLACEHOLDERS_MAX;
use crate::secrets::table::Table;
use crate::verdict::judge::{InjectionRequest, judge};

const FILE: &str = "KEY=sk-{{OTHER}}-$x\nKEY_HOSTS=api.example\nOTHER=other-value\nOTHER_HOSTS=api.example,b.example\n\
                    NOHOSTS=n\nBIG='0123456789'\nBIG_HOSTS=api.example\nEMPTY=\nEMPTY_HOSTS=api.example\n";

/// Header fields as a client sends them.
type Sent<'a> = &'a [(&'a str, &'a [u8])];

fn table() -> Table {
    Table::read(FILE.as_bytes()).expect("well-formed")
}

fn headers(fields: &[(&str, &[u8])]) -> HeaderMap {
    let pair = |(name, value): &(&str, &[u8])| {
        (HeaderName::from_bytes(name.as_bytes()).expect("name"), HeaderValue::from_bytes(value).expect("value"))
    };
    fields.iter().map(pair).collect()
}

fn to(target: &str) -> Destination {
    Destination::from_connect(target).expect("a destination")
}

/// The values after the whole way, or the reason why not.
fn go(target: &str, fields: &[(&str, &[u8])]) -> Result<Vec<Vec<u8>>, String> {
    let mut headers = headers(fields);
    if let Some(fields) = Fields::scan(&headers) {
        fields.check_places(&headers).map_err(|misplaced| Refusal::from(misplaced).to_string())?;
        let permit =
            match judge(&Tables::default_only(&table(), None), InjectionRequest { destination: to(target), fields }) {
                Verdict::Permit(permit) => permit,
                Verdict::Refuse(refusal) => return Err(refusal.to_string()),
            };
        render(&Tables::default_only(&table(), None), permit)
            .map_err(|refusal| refusal.to_string())?
            .apply(&mut headers);
    }
    Ok(headers.values().map(|value| value.as_bytes().to_vec()).collect())
}

fn good(target: &str, fields: &[(&str, &[u8])]) -> Vec<String> {
    let values = go(target, fields).expect("permitted");
    values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn values_are_put_in_once_and_literally() {
    assert_eq!(good("api.example:443", &[("x-api-key", b"{{KEY}}")]), ["sk-{{OTHER}}-$x"]);
    assert_eq!(good("api.example:443", &[("authorization", b"Bearer {{OTHER}}")]), ["Bearer other-value"]);
    assert_eq!(good("api.example:443", &[("a", b"{{OTHER}}/{{KEY}}")]), ["other-value/sk-{{OTHER}}-$x"]);
    assert_eq!(good("api.example:443", &[("a", b"{{ KEY }}")]), ["{{ KEY }}"]);
}

#[test]
fn only_the_value_that_held_the_placeholder_changes() {
    let fields: &[(&str, &[u8])] = &[("cookie", b"a=1"), ("cookie", b"b={{OTHER}}"), ("cookie", b"c=3")];
    assert_eq!(good("b.example:443", fields), ["a=1", "b=other-value", "c=3"]);
}

#[test]
fn basic_credentials_are_decoded_judged_and_encoded_again() {
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text)).into_bytes();
    let sent = basic("x-access-token:{{OTHER}}");
    assert_eq!(go("b.example:443", &[("authorization", &sent)]), Ok(vec![basic("x-access-token:other-value")]));
    let lower = [b"bAsIc ", sent.strip_prefix(b"Basic ").expect("ours")].concat();
    assert_eq!(go("b.example:443", &[("authorization", &lower)]), Ok(vec![basic("x-access-token:other-value")]));
    assert_eq!(
        go("evil.example:443", &[("authorization", &sent)]),
        Err("Host 'evil.example' not allowed for OTHER".to_owned())
    );
    // Elsewhere than in Authorization, and when it is not base64, it is ordinary text.
    assert_eq!(go("evil.example:443", &[("x-auth", &sent)]), Ok(vec![sent.clone()]));
    assert_eq!(good("evil.example:443", &[("authorization", b"Basic {{{{")]), ["Basic {{{{"]);
}

#[test]
fn one_refused_name_refuses_the_request() {
    let table: &[(&str, Sent<'_>, &str)] = &[
        ("evil.example:443", &[("a", b"{{KEY}}")], "Host 'evil.example' not allowed for KEY"),
        ("api.example:8443", &[("a", b"{{KEY}}")], "Host 'api.example:8443' not allowed for KEY"),
        ("b.example:443", &[("a", b"{{OTHER}}"), ("b", b"{{KEY}}")], "Host 'b.example' not allowed for KEY"),
        ("api.example:443", &[("a", b"{{KEY}}{{NONE}}")], "Secret not found: NONE"),
        ("api.example:443", &[("a", b"{{KEY_HOSTS}}")], "Secret not found: KEY_HOSTS"),
        ("api.example:443", &[("a", b"{{key}}")], "Secret not found: key"),
        ("api.example:443", &[("a", b"{{NOHOSTS}}")], "No allowed hosts defined for: NOHOSTS (missing NOHOSTS_HOSTS)"),
        ("api.example:443", &[("a", b"{{EMPTY}}")], "Value of EMPTY is empty, too long or not legal in a header"),
        (
            "api.example:443",
            &[("host", b"{{KEY}}")],
            "Placeholder in header 'host', which routes or frames the request",
        ),
        (
            "api.example:443",
            &[("connection", b"x-key"), ("x-key", b"{{KEY}}")],
            "Placeholder in header 'x-key', which routes or frames the request",
        ),
    ];
    for (target, fields, reason) in table {
        assert_eq!(go(target, fields), Err((*reason).to_owned()), "{target} {fields:?}");
    }
}

#[test]
fn cleartext_is_refused_unless_it_is_listed() {
    let fields = || Fields::scan(&headers(&[("a", b"{{KEY}}")])).expect("one");
    let clear = to("api.example:80").with_scheme(crate::destination::host::Scheme::Http);
    let Verdict::Refuse(refusal) =
        judge(&Tables::default_only(&table(), None), InjectionRequest { destination: clear, fields: fields() })
    else {
        panic!("cleartext was permitted");
    };
    assert_eq!(refusal.to_string(), "Host 'http://api.example' not allowed for KEY");
}

#[test]
fn placeholders_are_bounded_whatever_the_values_are() {
    let many = "{{BIG}}".repeat(PLACEHOLDERS_MAX + 1);
    let refused = Err(Refusal::TooMany.to_string());
    assert_eq!(go("api.example:443", &[("a", many.as_bytes())]), refused);
    let spread: Vec<(&str, &[u8])> = vec![("a", b"{{NONE}}"); PLACEHOLDERS_MAX + 1];
    assert_eq!(go("api.example:443", &spread), refused);
    let fits = "{{BIG}}".repeat(PLACEHOLDERS_MAX);
    assert_eq!(good("api.example:443", &[("a", fits.as_bytes())])[0].len(), PLACEHOLDERS_MAX * 10);
}

#[test]
fn a_permit_is_worth_nothing_once_the_table_changed() {
    let fields = Fields::scan(&headers(&[("a", b"{{KEY}}")])).expect("one");
    let Verdict::Permit(permit) =
        judge(&Tables::default_only(&table(), None), InjectionRequest { destination: to("api.example:443"), fields })
    else {
        panic!("it is listed");
    };
    let narrowed = Table::read(b"KEY=sk\nKEY_HOSTS=other.example\n").expect("well-formed");
    let mut map = headers(&[("a", b"{{KEY}}")]);
    let permit = render(&Tables::default_only(&table(), None), permit).expect("still listed").apply(&mut map);
    assert!(render(&Tables::default_only(&narrowed, None), permit).is_err(), "also when it was good for a first try");
}

#[test]
fn a_head_that_is_filled_again_gets_the_values_of_now() {
    let mut map = headers(&[("a", b"plain"), ("a", b"x {{KEY}}"), ("b", b"{{KEY}}"), ("c", b"kept")]);
    let fields = Fields::scan(&map).expect("two");
    let request = InjectionRequest { destination: to("api.example:443"), fields };
    let Verdict::Permit(permit) = judge(&Tables::default_only(&table(), None), request) else {
        panic!("it is listed");
    };
    let values = |map: &HeaderMap| map.values().map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>();
    let permit = render(&Tables::default_only(&table(), None), permit).expect("still listed").apply(&mut map);
    permit.clear(&mut map);
    assert_eq!(values(&map), [&b"plain"[..], b"", b"", b"kept"], "no value while it waits");
    let replaced = Table::read(b"KEY=new\nKEY_HOSTS=api.example\n").expect("well-formed");
    render(&Tables::default_only(&replaced, None), permit).expect("still listed").apply(&mut map);
    assert_eq!(values(&map), [&b"plain"[..], b"x new", b"new", b"kept"]);
}

#[test]
fn rendered_values_are_never_printed() {
    let mut map = headers(&[("a", b"{{KEY}}")]);
    let fields = Fields::scan(&map).expect("one");
    let Verdict::Permit(permit) =
        judge(&Tables::default_only(&table(), None), InjectionRequest { destination: to("api.example:443"), fields })
    else {
        panic!("it is listed");
    };
    let rendered = render(&Tables::default_only(&table(), None), permit).expect("still listed");
    assert!(!format!("{rendered:?}").contains("sk-"));
    rendered.apply(&mut map);
    assert!(!format!("{map:?}").contains("sk-"), "hyper and h2 must see the value as sensitive");
}

fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..12);
    let piece = prop_oneof![
        text,
        Just(b"{{KEY}}".to_vec()),
        Just(b"{{OTHER}}".to_vec()),
        Just(b"{{NONE}}".to_vec()),
        Just(b"{{".to_vec()),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// What a value must become when KEY and OTHER are both allowed.
fn reference(value: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut rest = value;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(b"{{KEY}}") {
            sent.extend_from_slice(b"sk-{{OTHER}}-$x");
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"{{OTHER}}") {
            sent.extend_from_slice(b"other-value");
            rest = after;
        } else {
            sent.push(*first);
            rest = &rest[1..];
        }
    }
    sent
}

proptest! {
    #[test]
    fn permitted_values_are_the_reference_and_high_bytes_survive(value in header_bytes()) {
        prop_assume!(!value.windows(8).any(|window| window == b"{{NONE}}"));
        prop_assert_eq!(go("api.example:443", &[("a", &value)]), Ok(vec![reference(&value)]));
    }

    #[test]
    fn without_a_permit_no_output_holds_a_value(values in prop::collection::vec(header_bytes(), 1..4)) {
        let fields: Vec<(&str, &[u8])> = values.iter().map(|value| ("a", value.as_slice())).collect();
        let shown = match go("evil.example:443", &fields) {
            Ok(sent) => { prop_assert_eq!(&sent, &values); format!("{sent:?}") }
            Err(reason) => reason,
        };
        prop_assert!(!shown.contains("sk-") && !shown.contains("other-value"));
    }
}
