//! Attacks the promise that a secret goes nowhere but to the destination that is dialled, through a whole
//! request head: whenever it is permitted, every reading of its bytes names that destination alone, and
//! ends where we think it ends.
//!
//! The first byte of an input picks the way that the request came by (a tunnel, a tunnel that speaks
//! HTTP/2, or an absolute URI on the port), the rest is the head. `httparse` and a stand-in for what hyper
//! does with lengths make a request of it; then it takes the product's way: agreement, framing, scan,
//! places, judge, strip, render. Reference: [`reference::raw_head`], which reads the bytes line by line and
//! knows nothing of `http` or `httparse`, and [`reference::world`].
//!
//! Not reached, because it is private to `actors/src/session`: the refusal of TRACE and TRACK and of
//! CONNECT inside a tunnel, the TLS server name, `Expect` and `Upgrade` on the way on (`request.rs`), how a
//! CONNECT target is read out of the request (`outer.rs`), and bodies.

#![no_main]

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Uri, Version};
use libfuzzer_sys::fuzz_target;
use policy::destination::host::{Authority, Destination, Scheme};
use policy::secrets::table::Table;
use policy::{destination::agreement, request::hop};
use reference::hosts::Place;
use reference::raw_head::{self, Head};
use reference::world::{self, Headers, Outcome, Secret};
use reference::{authority, product};

/// How the request came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Tunnel,
    /// The target stands for `:scheme`, `:authority` and `:path`.
    TunnelHttp2,
    Absolute,
}

/// What a client's connection makes of a head.
struct Request {
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
}

fuzz_target!(|data: &[u8]| {
    let Some((way, raw)) = data.split_first() else { return };
    let way = match way {
        b'2' => Way::TunnelHttp2,
        b'A' => Way::Absolute,
        _ => Way::Tunnel,
    };
    let Some(request) = parse(raw, way) else { return };
    let Some(destination) = destination(way, &request.uri) else { return };
    let Request { version, uri, headers, .. } = &request;
    let agreed = match way {
        Way::Absolute => agreement::absolute_form(*version, headers, &destination),
        _ => agreement::inside_tunnel(*version, uri, headers, &destination),
    };
    if agreed.is_err() || !hop::is_plainly_framed(headers) {
        return;
    }
    let head = raw_head::read(raw).expect("a head that can be read in two ways was accepted");
    let place = check_place(way, &head, &destination);
    check_framing(way, &head);
    check_sent(&request, &head, &place);
});

/// The stand-in for hyper's HTTP/1 server: one meaning for every length, or none.
fn parse(raw: &[u8], way: Way) -> Option<Request> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Request::new(&mut fields);
    if !head.parse(raw).ok()?.is_complete() {
        return None;
    }
    let version = match (way, head.version?) {
        (Way::TunnelHttp2, _) => Version::HTTP_2,
        (_, 1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    };
    let (mut headers, mut length) = (HeaderMap::new(), None);
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(field.value).ok()?;
        if name == TRANSFER_ENCODING {
            if version != Version::HTTP_11 {
                return None;
            }
            headers.remove(CONTENT_LENGTH);
        }
        if name == CONTENT_LENGTH {
            let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
            let number: u64 = digits.parse().ok()?;
            if length.replace(number).is_some_and(|before| before != number) {
                return None;
            }
            if headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH) {
                continue;
            }
        }
        headers.append(name, value);
    }
    Some(Request { method: head.method?.parse().ok()?, uri: head.path?.parse().ok()?, version, headers })
}

/// Where the request goes: where the tunnel goes, or what an absolute URI names, as `outer.rs` reads it.
fn destination(way: Way, uri: &Uri) -> Option<Destination> {
    if way != Way::Absolute {
        return Destination::from_connect("api.example:443").ok();
    }
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
    Authority::parse(authority.as_str()).ok().map(|authority| authority.under(Scheme::Http))
}

/// Every line that names a place names the destination.
fn check_place(way: Way, head: &Head<'_>, destination: &Destination) -> Place {
    let tls = destination.scheme == Scheme::Https;
    let named = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| Place::named(text, tls));
    let mut places: Vec<Option<Place>> = head.all("host").into_iter().map(named).collect();
    let most = if way == Way::TunnelHttp2 { 0..=1 } else { 1..=1 };
    let fewer_is_fine = head.version == b"HTTP/1.0" && places.is_empty();
    assert!(most.contains(&places.len()) || fewer_is_fine, "{} Host lines", places.len());
    match way {
        Way::Tunnel => assert!(head.target.starts_with(b"/") || head.target == b"*", "not the origin form"),
        Way::TunnelHttp2 => places.extend(target_place(head.target, "https").map(Some)),
        Way::Absolute => places.push(target_place(head.target, "http")),
    }
    assert!(!places.is_empty() || fewer_is_fine, "nothing names a place");
    let expected = Place { tls, host: destination.host.to_string(), port: destination.port };
    assert_eq!(authority::host(&expected.host).as_ref(), Some(&expected.host));
    assert!(places.iter().all(|place| place.as_ref() == Some(&expected)), "{places:?} for {expected}");
    expected
}

/// What an absolute target names; a target that starts with a slash names nothing.
fn target_place(target: &[u8], expected: &str) -> Option<Place> {
    let text = String::from_utf8_lossy(target);
    let (scheme, rest) = text.split_once("://").filter(|_| !text.starts_with('/'))?;
    assert_eq!(scheme.to_ascii_lowercase(), expected, "another scheme");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let place = Place::named(&rest[..end], expected == "https");
    Some(place.expect("a target that nobody can read was accepted"))
}

/// One coding, and it is `chunked`; lengths that agree.
fn check_framing(way: Way, head: &Head<'_>) {
    let codings = head.all("transfer-encoding");
    let plain = codings.is_empty() || codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked");
    assert!(plain, "another framing than one chunked");
    assert!(codings.is_empty() || way != Way::TunnelHttp2, "chunks in HTTP/2");
    let lengths: Vec<Option<u64>> = head.all("content-length").into_iter().map(length).collect();
    assert!(lengths.iter().all(|length| length.is_some() && *length == lengths[0]), "{lengths:?}");
}

fn length(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn secrets() -> [Secret; 3] {
    let named = |name: &str, value: &str, hosts: &str| Secret {
        name: name.to_owned(),
        value: value.into(),
        hosts: Some(hosts.to_owned()),
    };
    [
        named("KEY", "value-of-key", "api.example, http://api.example:8080"),
        named("CLEAR", "value-{{KEY}}-of-clear", "http://api.example"),
        named("OTHER", "value-of-other", "other.example"),
    ]
}

/// The fields that are sent, next to those that the bytes hold.
fn check_sent(request: &Request, head: &Head<'_>, place: &Place) {
    let secrets = secrets();
    let table = Table::read(&world::file(&secrets)).expect("well-formed");
    let asked = product::listed(&request.headers);
    let expected = world::outcome(&secrets, place, &asked);
    let outcome = product::outcome(&table, &table, place, &request.headers);
    assert_eq!(outcome, expected);
    let Outcome::Sent(filled) = outcome else { return };
    let mut sent = product::headers(&filled).expect("legal");
    hop::strip(&mut sent);
    check_on_the_wire(request, &product::listed(&sent), head);
}

/// Written down and read again, the head has the same fields; what routes or frames is what the client
/// wrote.
fn check_on_the_wire(request: &Request, sent: &Headers, head: &Head<'_>) {
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut wire = format!("{} {target} HTTP/1.1\r\n", request.method).into_bytes();
    for (name, value) in sent {
        wire.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    wire.extend(b"\r\n");
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut again = httparse::Request::new(&mut fields);
    assert_eq!(again.parse(&wire), Ok(httparse::Status::Complete(wire.len())));
    assert_eq!(again.headers.len(), sent.len());
    let read = raw_head::read(&wire).expect("our own head can be read in two ways");
    assert_eq!(read.fields.len(), sent.len());
    let gone = ["connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings"];
    for (name, value) in sent {
        assert!(!gone.contains(&name.as_str()) && !name.starts_with("proxy-"), "{name} goes on");
        if world::is_routing(name) && name != "te" {
            assert!(head.all(name).contains(&value.as_slice()), "{name} was changed");
        }
    }
    assert!(read.all("te").iter().all(|te| te == b"trailers"));
}
