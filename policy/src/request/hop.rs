//! Fields that belong to one connection, or that route and frame a message.

use std::collections::HashSet;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Fields that are dropped on every hop (RFC 9110, section 7.6.1, and those that older clients send).
/// `Trailer` is not among them: it announces fields that are forwarded.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields that route or frame a message; a placeholder in one of them is refused.
const ROUTING: [&str; 11] = [
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "via",
    "forwarded",
];

/// Whether a placeholder in this field is refused because the field routes or frames the request.
pub fn is_routing(name: &HeaderName) -> bool {
    let name = name.as_str();
    ROUTING.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("proxy-")
}

/// The fields that `Connection` names, in lower case: they belong to this connection alone.
pub fn named_by_connection(headers: &HeaderMap) -> HashSet<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter();
    let tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok()).collect()
}

/// The number of fields. HTTP/2 clients may send each cookie in a field of its own: they are one (RFC 9113, section
/// 8.2.3).
pub fn count_fields(headers: &HeaderMap) -> usize {
    let cookies = headers.get_all(header::COOKIE).iter().count();
    headers.len() - cookies.saturating_sub(1)
}

/// Whether no value begins or ends with a space. In HTTP/1.1 such spaces are not part of a value; in HTTP/2 they
/// make the message malformed (RFC 9113, section 8.2.1).
pub fn is_trimmed(headers: &HeaderMap) -> bool {
    headers.values().all(|value| value.as_bytes().trim_ascii().len() == value.len())
}

/// Removes fields that must not stand in trailers: those that route or frame were read before the body.
pub fn strip_trailers(trailers: &mut HeaderMap) {
    let out_of_place: Vec<HeaderName> = trailers.keys().filter(|name| is_routing(name)).cloned().collect();
    for name in out_of_place {
        trailers.remove(name);
    }
}

/// Whether the client sends its body only after a 100 response (RFC 9110, section 10.1.1).
pub fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Removes the fields of a request that belong to one connection. `te: trailers` stays: gRPC needs it.
pub fn strip(headers: &mut HeaderMap) {
    let keeps_trailers = accepts_trailers(headers);
    strip_connection(headers);
    let proxy_fields: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in proxy_fields {
        headers.remove(name);
    }
    if keeps_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes the fields of a response that belong to one connection. What a server says with `Proxy-Authenticate` or
/// `Proxy-Status` is for the client: they stay (RFC 9110, section 15.5.8; RFC 9209).
pub fn strip_response(headers: &mut HeaderMap) {
    strip_connection(headers);
    headers.remove(PROXY_CONNECTION);
}

fn strip_connection(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether the peer accepts trailers.
fn accepts_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::TE).into_iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Whether all servers agree on the framing of the body: by one length, or by one `Transfer-Encoding` that is
/// just `chunked`.
///
/// Another coding would be dropped from the head and stay in the body. HTTP/2 allows the same length twice, and
/// without a body one that is not a number; an HTTP/1.1 server may read the first as two lengths, and the second
/// in any way.
pub fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let is_number = |length: &HeaderValue| !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    if !lengths.next().is_none_or(is_number) || lengths.next().is_some() {
        return false;
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// The protocol of a well-formed upgrade request (`Connection: upgrade` and one `Upgrade` field). `h2c` never
/// counts: the proxy would not see its requests.
pub fn upgrade_wanted(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(header::UPGRADE)?;
    let single = headers.get_all(header::UPGRADE).iter().count() == 1;
    let asked = named_by_connection(headers).contains(&header::UPGRADE);
    let mut protocols = protocol.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let cleartext_h2 = protocols.any(|protocol| protocol.to_ascii_lowercase().starts_with(b"h2"));
    (single && asked && !cleartext_h2).then(|| protocol.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).expect("name"), HeaderValue::from_str(value).expect("value"))
        };
        fields.iter().map(pair).collect()
    }

    fn stripped(fields: &[(&str, &str)]) -> Vec<String> {
        let mut map = headers(fields);
        strip(&mut map);
        let mut names: Vec<String> = map.iter().map(|(n, v)| format!("{n}: {}", v.to_str().expect("text"))).collect();
        names.sort();
        names
    }

    #[test]
    fn only_end_to_end_fields_stay() {
        let kept = stripped(&[
            ("connection", "x-private, Close"),
            ("connection", "keep-alive"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic eA=="),
            ("proxy-anything", "1"),
            ("te", "gzip, trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQ"),
            ("accept", "*/*"),
        ]);
        assert_eq!(kept, ["accept: */*", "te: trailers"]);
        assert_eq!(stripped(&[("te", "gzip")]), [""; 0]);
    }

    #[test]
    fn a_response_keeps_what_its_client_must_know() {
        let mut map = headers(&[
            ("connection", "close, x-own"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authenticate", "Basic"),
            ("proxy-status", "a; error=x"),
            ("proxy-authentication-info", "x"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("trailer", "x"),
        ]);
        strip_response(&mut map);
        let mut kept: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        kept.sort_unstable();
        assert_eq!(kept, ["proxy-authenticate", "proxy-authentication-info", "proxy-status", "trailer"]);
    }

    #[test]
    fn upgrades_are_asked_for_by_the_rules() {
        let ws = [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")];
        assert_eq!(upgrade_wanted(&headers(&ws)), Some(HeaderValue::from_static("websocket")));
        assert_eq!(upgrade_wanted(&headers(&ws[1..])), None);
        for cleartext in ["h2c", "H2C", "h2", "h2c, websocket", "websocket, h2c"] {
            assert_eq!(upgrade_wanted(&headers(&[("connection", "upgrade"), ("upgrade", cleartext)])), None);
        }
    }

    #[test]
    fn all_cookies_are_one_field() {
        for (cookies, expected) in [(0, 1), (1, 2), (2, 2), (500, 2)] {
            let mut map = headers(&[("accept", "*/*")]);
            for _ in 0..cookies {
                map.append(header::COOKIE, HeaderValue::from_static("a=b"));
            }
            assert_eq!(count_fields(&map), expected);
        }
    }

    #[test]
    fn one_way_of_framing() {
        for good in [&[][..], &[("transfer-encoding", "chunked")], &[("transfer-encoding", "Chunked")]] {
            assert!(is_plainly_framed(&headers(good)), "{good:?}");
        }
        for odd in ["gzip, chunked", "chunked, chunked", "identity", "x", "", "chunked;q=1", "\"chunked\""] {
            assert!(!is_plainly_framed(&headers(&[("transfer-encoding", odd)])), "{odd}");
        }
        assert!(!is_plainly_framed(&headers(&[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")])));
        assert!(!is_plainly_framed(&headers(&[("content-length", "5"), ("content-length", "5")])));
        assert!(is_plainly_framed(&headers(&[("content-length", "50")])));
        for odd in ["", "+5", "-0", "5,5", "0x5", "5 5"] {
            assert!(!is_plainly_framed(&headers(&[("content-length", odd)])), "{odd}");
        }
    }

    #[test]
    fn fields_that_route_or_frame() {
        for name in ["host", "content-length", "x-forwarded-for", "proxy-authorization", "via", "expect", "te"] {
            assert!(is_routing(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["authorization", "x-api-key", "cookie", "x-forwarded"] {
            assert!(!is_routing(&HeaderName::from_static(name)), "{name}");
        }
    }
}
