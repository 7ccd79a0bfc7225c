//! The beginning and the end of every request are unambiguous.
//!
//! The proxy refuses the request and closes the connection, or the origin gets one canonical request. The client sends
//! exact bytes; the origin has a strict parser.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::raw_origin::RawStream;
use crate::support::strict_origin::{Message, StrictOrigin};
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Proxy, RawOrigin, Wire, eventually};

const HOST: &str = "good.example.test";
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: good.example.test\r\nConnection: close\r\n\r\n";
const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

struct Stage {
    canary: Canary,
    origin: StrictOrigin,
    proxy: Proxy,
}

fn stage() -> Stage {
    let (canary, origin) = (Canary::new(), StrictOrigin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    Stage { canary, origin, proxy }
}

async fn tunnel(proxy: &Proxy) -> Wire {
    proxy.client().raw_tls_tunnel("good.example.test:443", Sni::Host, &[]).await.expect("a tunnel")
}

/// All that comes back until the connection ends.
async fn said(proxy: &Proxy, bytes: impl AsRef<[u8]>) -> String {
    let mut tunnel = tunnel(proxy).await;
    // A proxy that has read enough closes while the rest is still being written.
    let _ = tunnel.send(bytes).await;
    let answer = tunnel.read_rest().await.expect("the connection is ended");
    String::from_utf8_lossy(&answer).into_owned()
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// 4xx, closed, and nothing at the origin.
    Refused,
    /// It arrives with this body, and what follows it is a request of its own.
    Sent(&'static str),
    /// It arrives with this body, and the connection is closed: the end might have been meant elsewhere.
    SentLast(&'static str),
}
use Fate::{Refused, Sent, SentLast};

impl Stage {
    /// Sends a request with another one right behind it, and looks at what arrived.
    async fn meets(&self, request: &[u8], fate: Fate) {
        let before = self.origin.messages().len();
        let answer = said(&self.proxy, [request, NEXT.as_bytes()].concat()).await;
        let arrived = self.origin.messages().split_off(before);
        let case = format!("{:?} is to be {fate:?}: {answer} {arrived:?}", request.escape_ascii().to_string());
        let answers = answer.matches("HTTP/1.1 ").count();
        let (first, next) = match fate {
            Refused => {
                assert!(arrived.is_empty() && answers == 1 && answer.starts_with("HTTP/1.1 4"), "{case}");
                return;
            }
            Sent(body) => (body, 1),
            SentLast(body) => (body, 0),
        };
        assert!(arrived.len() == 1 + next && answers == 1 + next, "{case}");
        assert!(arrived[0].target == "/case" && arrived[0].body == first.as_bytes(), "{case}");
        assert!(arrived[0].all("x-api-key") == [self.canary.bytes()], "{case}");
        assert!(arrived[1..].iter().all(|message| message.target == "/next" && message.body.is_empty()), "{case}");
    }
}

/// Fields that frame, a body, and what becomes of both.
const BODIES: [(&str, &str, Fate); 42] = [
    ("Content-Length: 5", "hello", Sent("hello")),
    ("Transfer-Encoding: chunked", CHUNKS, Sent("hello")),
    ("Transfer-Encoding: Chunked", CHUNKS, Sent("hello")),
    ("Transfer-Encoding: \tchunked\t", CHUNKS, Sent("hello")),
    ("Content-Length: 5\r\nContent-Length: 5", "hello", Sent("hello")),
    ("Content-Length: 4\r\nTransfer-Encoding: chunked", CHUNKS, SentLast("hello")),
    ("Transfer-Encoding: chunked\r\nContent-Length: 4", CHUNKS, SentLast("hello")),
    ("Content-Length: 5\r\nContent-Length: 6", "hello", Refused),
    ("Content-Length: 0\r\nContent-Length: 5", "hello", Refused),
    ("Content-Length: 5, 6", "hello", Refused),
    ("Content-Length: +5", "hello", Refused),
    ("Content-Length: -5", "hello", Refused),
    ("Content-Length: 0x5", "hello", Refused),
    ("Content-Length: 5 5", "hello", Refused),
    ("Content-Length: 5_0", "hello", Refused),
    ("Content-Length: \"5\"", "hello", Refused),
    ("Content-Length: 5\x0b", "hello", Refused),
    ("Content-Length: 18446744073709551621", "hello", Refused),
    ("Content-Length : 5", "hello", Refused),
    ("Content-Length:\r\n 5", "hello", Refused),
    ("Content-Length: {{API_KEY}}", "hello", Refused),
    ("Transfer-Encoding: gzip, chunked", CHUNKS, Refused),
    ("Transfer-Encoding: chunked, chunked", CHUNKS, Refused),
    ("Transfer-Encoding: chunked, identity", CHUNKS, Refused),
    ("Transfer-Encoding: identity", CHUNKS, Refused),
    ("Transfer-Encoding: xchunked", CHUNKS, Refused),
    ("Transfer-Encoding: chunked;q=1", CHUNKS, Refused),
    ("Transfer-Encoding: \"chunked\"", CHUNKS, Refused),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", CHUNKS, Refused),
    ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", CHUNKS, Refused),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKS, Refused),
    ("Transfer-Encoding: \x0bchunked", CHUNKS, Refused),
    ("Transfer-Encoding: chunked\x0b", CHUNKS, Refused),
    ("Transfer-Encoding: \0chunked", CHUNKS, Refused),
    ("Transfer-Encoding : chunked", CHUNKS, Refused),
    ("Transfer-Encoding\t: chunked", CHUNKS, Refused),
    ("Transfer-Encoding:\r\n chunked", CHUNKS, Refused),
    (" Transfer-Encoding: chunked", CHUNKS, Refused),
    ("Transfer-Encoding: ", CHUNKS, Refused),
    ("Transfer-Encoding: {{API_KEY}}", CHUNKS, Refused),
    ("Content-Length: 5\r\nTransfer-Encoding: xchunked", "hello", Refused),
    ("X: 1\r\n\tTransfer-Encoding: chunked\r\nContent-Length: 5", "hello", Refused),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_one_end_or_the_request_is_refused() {
    let stage = stage();
    for (fields, body, fate) in BODIES {
        let head = format!("POST /case HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {{{{API_KEY}}}}\r\n{fields}\r\n\r\n");
        stage.meets(format!("{head}{body}").as_bytes(), fate).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_is_canonical_or_refused() {
    let stage = stage();
    let rest = format!("Host: {HOST}\r\nx-api-key: {{{{API_KEY}}}}\r\n");
    let bare = rest.replace("\r\n", "\n");
    let line = "GET /case HTTP/1.1\r\n";
    let repaired = [format!("\r\n\r\n\n{line}{rest}\r\n"), format!("GET /case HTTP/1.1\n{bare}\n")];
    let repaired = repaired.into_iter().chain([format!("{line}{rest}x: 1\ny: 2\r\n\r\n"), format!("{line}{rest}\n")]);
    for request in repaired {
        stage.meets(request.as_bytes(), Sent("")).await;
    }
    let fields =
        ["x: a\rb", "x: a\r\n b", "x: a\0b", "x: a\x01b", "x: a\x7fb", "x: a\x0bb", "x\0y: 1", "x y: 1", "x\r: 1"];
    let fields =
        fields.into_iter().chain(["x : 1", "x(: 1", "x\x01: 1", ": 1", "x", "x\u{e9}: 1", "\x0bx: 1", " x: 1"]);
    let fields = fields.map(|field| format!("{line}{rest}{field}\r\n\r\n"));
    let lines = ["GET  /case HTTP/1.1", "GET\t/case HTTP/1.1", "GET /case HTTP/1.1 x", "GET /ca\0se HTTP/1.1"];
    let lines =
        lines.into_iter().chain(["G\x01T /case HTTP/1.1", "GET /case\rx HTTP/1.1", "GET /case", "GET /case HTTP/9"]);
    let lines = lines.chain(["GET /case HTTP/2.0", "GET /ca se HTTP/1.1", "GET case HTTP/1.1", " GET /case HTTP/1.1"]);
    let lines = lines.map(|line| format!("{line}\r\n{rest}\r\n"));
    for request in fields.chain(lines) {
        stage.meets(request.as_bytes(), Refused).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_chunk_in_mid_body_ends_both_legs() {
    let stage = stage();
    let head = format!("POST /case HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let bad = ["zz", "-1", "+1", "0x1", "1 1", "", "FFFFFFFFFFFFFFFFF", "1;a\rb", "1;a\nb", "1\n", "5\r\nhelloXX"];
    let trailers = ["0\r\nbad trailer\r\n", "0\r\nx\0y: 1\r\n", "0\r\n x: 1\r\n"];
    for chunk in bad.into_iter().chain(trailers) {
        let answer = said(&stage.proxy, format!("{head}{chunk}\r\nA\r\n0\r\n\r\n{NEXT}")).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{chunk:?}: {answer}");
        let records = stage.origin.records();
        eventually(Duration::from_secs(5), chunk, || records.open_connections() == 0);
        assert_eq!(stage.origin.messages(), [], "{chunk:?}");
    }
    assert!(stage.origin.records().connections() > 0, "the beginning was sent on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_judged_one_by_one() {
    let stage = stage();
    let request =
        |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nx-api-key: {{{{API_KEY}}}}\r\n\r\n");
    let sent = [request("/1", HOST), request("/2", "evil.example.test"), request("/3", HOST), NEXT.to_owned()].concat();
    let answer = said(&stage.proxy, sent).await;
    let statuses: Vec<&str> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "403", "200", "200"], "{answer}");
    let targets: Vec<_> = stage.origin.messages().into_iter().map(|message| message.target).collect();
    assert_eq!(targets, ["/1", "/3", "/next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_has_no_body() {
    let stage = stage();
    for field in ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        let mut wire = stage.proxy.client().raw().await.expect("open");
        wire.send(format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n{field}")).await.expect("sent");
        let answer = wire.read_rest().await.expect("it is closed");
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", answer.escape_ascii());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_the_clients_connection_goes_no_further() {
    let stage = stage();
    let head = "GET /case HTTP/1.1\r\nHost: GOOD.example.test.:443\r\nx-api-key: {{API_KEY}}\r\nTE: trailers, deflate\r\n\
         Connection: Upgrade, HTTP2-Settings, X-Mine\r\nConnection: x-also, close\r\nX-Mine: 1\r\nX-Also: 1\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
         Proxy-Authorization: Basic eA==\r\nProxy-Anything: 1\r\nExpect: 100-continue\r\nX-Theirs: 1\r\n\r\n";
    let answer = said(&stage.proxy, head).await;
    assert!(answer.contains("HTTP/1.1 200 ") && !answer.contains("101"), "{answer}");
    let [Message { mut fields, .. }] = <[Message; 1]>::try_from(stage.origin.messages()).expect("one request");
    fields.sort();
    let expected =
        [("host", HOST.as_bytes()), ("te", b"trailers"), ("x-api-key", stage.canary.bytes()), ("x-theirs", b"1")];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_vec())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn placeholders_are_refused_where_they_would_route_frame_or_come_back() {
    let stage = stage();
    let names = "Connection Keep-Alive TE Trailer Upgrade Expect Via Forwarded X-Forwarded-For X-Forwarded-Host \
                 X-Forwarded-Proto Proxy-Authorization Proxy-Connection Proxy-Anything";
    let fields = names.split(' ').map(|name| ("GET", format!("{name}: {{{{API_KEY}}}}")));
    let mine = ("GET", "X-Mine: {{API_KEY}}\r\nConnection: x-mine".to_owned());
    let echoes = ["TRACE", "TRACK", "trace", "Track"].map(|method| (method, "x-api-key: {{API_KEY}}".to_owned()));
    for (method, field) in fields.chain([mine]).chain(echoes) {
        let request = format!("{method} /case HTTP/1.1\r\nHost: {HOST}\r\n{field}\r\n\r\n{NEXT}");
        let answer = said(&stage.proxy, request).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{method} {field}: {answer}");
    }
    let answer = said(&stage.proxy, format!("GET /case HTTP/1.1\r\nHost: {{{{API_KEY}}}}\r\n\r\n{NEXT}")).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(stage.origin.messages().iter().all(|message| message.target == "/next"));
    assert_eq!(stage.origin.records().find(&stage.canary), None);
}

/// The drop check proves that the value, which stands in each of these answers but the hints, was not passed on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_but_hints_lose_their_fields_with_the_value_in_them() {
    let canary = Canary::new();
    let value = canary.value().to_owned();
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream: RawStream| {
        let interim = ["100 Continue", "102 Processing", "199 Other"];
        let interim =
            interim.map(|status| format!("HTTP/1.1 {status}\r\nx-api-key: {value}\r\nlink: <{value}>\r\n\r\n"));
        let interim = interim.concat() + "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        async move {
            while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
                let answer = format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                stream.write_all(answer.as_bytes()).await.expect("answered");
                stream.flush().await.expect("answered");
            }
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let first = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {{{{API_KEY}}}}\r\n\r\n");
    let answer = said(&proxy, format!("{first}{NEXT}")).await;
    let interim = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let begins = answer.starts_with(&format!("{interim}HTTP/1.1 200 OK\r\n"));
    assert!(origin.records().find(&canary).is_some() && begins, "{answer}");
    assert_eq!((answer.matches("HTTP/1.1 ").count(), answer.matches("HTTP/1.1 200").count()), (6, 2), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_connection_with_bytes_left_over_is_not_used_again() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        let good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let poison = "HTTP/1.1 200 OK\r\nx-poison: 1\r\ncontent-length: 2\r\n\r\nno";
        while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
            let _ = stream.write_all(format!("{good}{poison}").as_bytes()).await;
            let _ = stream.flush().await;
        }
        let _ = stream.read(&mut [0; 1]).await;
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let client = proxy.client().tunnel("good.example.test:443").await.expect("a tunnel");
    for turn in 0..20 {
        let answer = client.get("https://good.example.test/").send().await.expect("answered");
        assert_eq!((answer.text().as_str(), answer.header("x-poison")), ("ok", None), "turn {turn}");
    }
    assert_eq!(origin.records().connections(), 20);
}
