//! Header blocks that differ from a good one, and what becomes of each.

use Change::{First, Last, Set, Without};
use Fate::{Refused, Sent};

use super::EVIL;

/// How a header block differs from a good one. `HOST` stands for the right host.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Another value in the place of the field.
    Set(&'static str, &'static str),
    /// One more field at the beginning.
    First(&'static str, &'static str),
    /// One more at the end.
    Last(&'static str, &'static str),
    Without(&'static str),
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// An error or a refusal, and nothing arrives.
    Refused,
    /// It arrives, with this path.
    Sent(&'static str),
}

const CASE: Fate = Sent("/case");

/// Changes to one header block, and what becomes of it.
pub(super) const BLOCKS: &[(&[Change], Fate)] = &[
    (&[], CASE),
    // Who is asked.
    (&[First(":authority", "HOST")], Refused),
    (&[First(":authority", EVIL)], Refused),
    (&[Last(":authority", EVIL)], Refused),
    (&[Without(":authority"), Last(":authority", "HOST")], Refused),
    (&[Without(":authority")], Refused),
    (&[Without(":authority"), Last("host", "HOST")], CASE),
    (&[Without(":authority"), Last("host", EVIL)], Refused),
    (&[Last("host", "HOST")], CASE),
    (&[Last("host", EVIL)], Refused),
    (&[Last("host", "HOST"), Last("host", "HOST")], Refused),
    (&[Last("host", "{{API_KEY}}")], Refused),
    (&[Set(":authority", EVIL), Last("host", "HOST")], Refused),
    (&[Set(":authority", ""), Last("host", "HOST")], Refused),
    (&[Set(":authority", "HOST:443")], CASE),
    (&[Set(":authority", "HOST:80")], Refused),
    (&[Set(":authority", "user@HOST")], Refused),
    (&[Set(":authority", "HOST@evil.example.test")], Refused),
    (&[Set(":authority", "HOST/case")], Refused),
    (&[Set(":authority", "HOST evil.example.test")], Refused),
    (&[Set(":authority", "HOST\r\nx: y")], Refused),
    (&[Set(":authority", "{{API_KEY}}")], Refused),
    // What is asked for.
    (&[Without(":path")], Refused),
    (&[Set(":path", "")], Refused),
    (&[First(":path", "/other")], Refused),
    (&[Without(":path"), Last(":path", "/case")], Refused),
    (&[Set(":path", "case")], Refused),
    (&[Set(":path", "*")], Refused),
    (&[Set(":path", "@evil.example.test/")], Refused),
    (&[Set(":path", ".evil.example.test/")], Refused),
    (&[Set(":path", "https://evil.example.test/")], Refused),
    (&[Set(":path", "\\\\evil.example.test\\x")], Refused),
    (&[Set(":path", "//evil.example.test/")], Sent("//evil.example.test/")),
    (&[Set(":path", "?query")], Sent("/?query")),
    (&[Set(":path", "/case#fragment")], CASE),
    (&[Set(":path", "/ca se")], Refused),
    (&[Set(":path", "/ca\tse")], Refused),
    (&[Set(":path", "/ca\0se")], Refused),
    (&[Set(":path", "/ca\x7fse")], Refused),
    (&[Set(":path", "/ca\u{e9}se")], Refused),
    (&[Set(":path", "/case HTTP/1.1\r\nhost: evil.example.test\r\n\r\n")], Refused),
    (&[Set(":path", "/{{API_KEY}}")], Sent("/{{API_KEY}}")),
    (&[Without(":method")], Refused),
    (&[Set(":method", "")], Refused),
    (&[First(":method", "POST")], Refused),
    (&[Set(":method", "GET /evil HTTP/1.1\r\nx: y")], Refused),
    (&[Set(":method", "{{API_KEY}}")], Refused),
    (&[Set(":method", "TRACE")], Refused),
    (&[Without(":scheme")], Refused),
    (&[First(":scheme", "https")], Refused),
    (&[Set(":scheme", "http")], Refused),
    (&[Set(":scheme", "ftp")], Refused),
    (&[Set(":scheme", "")], Refused),
    (&[Set(":scheme", "https://evil.example.test/?")], Refused),
    (&[First(":status", "200")], Refused),
    (&[First(":protocol", "websocket")], Refused),
    (&[First(":evil", "1")], Refused),
    (&[Last("", "1")], Refused),
    // Tunnels in tunnels.
    (&[Set(":method", "CONNECT")], Refused),
    (&[Set(":method", "CONNECT"), Without(":scheme"), Without(":path")], Refused),
    (&[Set(":method", "CONNECT"), Without(":scheme"), Without(":path"), Set(":authority", EVIL)], Refused),
    (&[Set(":method", "CONNECT"), First(":protocol", "websocket")], Refused),
    // Names and values that would be more than one in HTTP/1.1.
    (&[Last("X-Upper", "1")], Refused),
    (&[Without(":path"), First(":Path", "/case")], Refused),
    (&[Last("x y", "1")], Refused),
    (&[Last("x:y", "1")], Refused),
    (&[Last("x\r\ny", "1")], Refused),
    (&[Last("x\0", "1")], Refused),
    (&[Last("x\u{e9}", "1")], Refused),
    (&[Last("x", "1\r\ny: 2")], Refused),
    (&[Last("x", "1\ny: 2")], Refused),
    (&[Last("x", "1\ry: 2")], Refused),
    (&[Last("x", "1\0")], Refused),
    (&[Last("x", " 1")], Refused),
    (&[Last("x", "1\t")], Refused),
    // What belongs to a connection.
    (&[Last("connection", "close")], Refused),
    (&[Last("connection", "x-api-key")], Refused),
    (&[Last("keep-alive", "timeout=5")], Refused),
    (&[Last("proxy-connection", "keep-alive")], Refused),
    (&[Last("upgrade", "websocket")], Refused),
    (&[Last("transfer-encoding", "chunked")], Refused),
    (&[Last("transfer-encoding", "identity")], Refused),
    (&[Last("te", "gzip")], Refused),
    (&[Last("te", "trailers, gzip")], Refused),
    (&[Last("te", "trailers")], CASE),
    (&[Last("http2-settings", "AAMAAABkAAQ")], CASE),
    (&[Last("proxy-authorization", "Basic eA==")], CASE),
    (&[Last("expect", "100-continue")], CASE),
    // Lengths of a body that is not there.
    (&[Last("content-length", "0")], CASE),
    (&[Last("content-length", "5")], Refused),
    (&[Last("content-length", "+0")], Refused),
    (&[Last("content-length", "0"), Last("content-length", "0")], Refused),
    (&[Last("content-length", "0"), Last("content-length", "5")], Refused),
    (&[Last("cookie", "a=1"), Last("cookie", "b=2")], CASE),
];
