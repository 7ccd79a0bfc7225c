//! Every way to frame an answer, in every combination, judged by RFC 9112, section 6.3.
//!
//! A second client uses the same connections of the pool meanwhile, and always gets its own answer.

use tokio::io::AsyncWriteExt as _;

use crate::support::raw_origin::RawStream;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Proxy, RawOrigin, Tunnel, Wire};

const HOST: &str = "frames.example.test";
const BODY: &str = "hello world";
const CHUNKS: &str = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";

const LENGTHS: [(&str, Length); 11] = [
    ("", Length::None),
    ("Content-Length: 11\r\n", Length::Number(11)),
    ("Content-Length: 3\r\n", Length::Number(3)),
    ("Content-Length: 50\r\n", Length::Number(50)),
    ("Content-Length: 0\r\n", Length::Number(0)),
    ("Content-Length: 11, 11\r\n", Length::Number(11)),
    ("content-length : 11\r\nContent-Length:11\r\n", Length::Number(11)),
    ("Content-Length: 3, 11\r\n", Length::Ambiguous),
    ("Content-Length: 11\r\nContent-Length: 3\r\n", Length::Ambiguous),
    ("Content-Length: +11\r\n", Length::Ambiguous),
    ("Content-Length: 11\x01\r\n", Length::Ambiguous),
];

const CODINGS: [(&str, Coding); 10] = [
    ("", Coding::None),
    ("Transfer-Encoding: chunked\r\n", Coding::Chunked),
    ("transfer-encoding : CHUNKED \r\n", Coding::Chunked),
    ("Transfer-Encoding:\r\n chunked\r\n", Coding::Chunked),
    ("Transfer-Encoding: gzip, chunked\r\n", Coding::Other),
    ("Transfer-Encoding: chunked, gzip\r\n", Coding::Other),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Coding::Other),
    ("Transfer-Encoding: chunked,\r\n", Coding::Other),
    ("Transfer-Encoding: chun\x01ked\r\n", Coding::Other),
    ("Transfer Encoding: chunked\r\n", Coding::Other),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    None,
    Number(usize),
    Ambiguous,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Coding {
    None,
    Chunked,
    /// Not to be read by a client that has not asked for it, or not to be read at all.
    Other,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
struct Case {
    version: &'static str,
    status: u16,
    method: &'static str,
    length: (&'static str, Length),
    coding: (&'static str, Coding),
    closes: bool,
}

/// What may arrive.
#[derive(Debug, PartialEq)]
enum Meant {
    /// This body, and nothing else.
    Body(&'static str),
    /// This body, or a 502.
    BodyOr502(&'static str),
    /// A 502 alone.
    Refused,
    /// Nothing that looks whole.
    Cut,
    /// The answer has no end.
    Endless,
}

/// What arrived.
#[derive(Debug, PartialEq)]
enum Arrived {
    Whole(u16, String),
    Cut,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (version, status, method) in [
            ("1.1", 200, "GET"),
            ("1.0", 200, "GET"),
            ("1.1", 529, "POST"),
            ("1.1", 200, "HEAD"),
            ("1.0", 200, "HEAD"),
            ("1.1", 204, "GET"),
            ("1.1", 304, "GET"),
        ] {
            for length in LENGTHS {
                for coding in CODINGS {
                    cases.extend([true, false].map(|closes| Self { version, status, method, length, coding, closes }));
                }
            }
        }
        cases.retain(|case| case.meant() != Meant::Endless);
        cases
    }

    fn has_body(&self) -> bool {
        self.method != "HEAD" && ![204, 304].contains(&self.status)
    }

    /// By RFC 9112, section 6.3, and strictly.
    fn meant(&self) -> Meant {
        match (self.length.1, self.coding.1) {
            _ if !self.has_body() && self.coding.1 == Coding::Other => Meant::BodyOr502(""),
            (Length::Ambiguous, _) if !self.has_body() => Meant::BodyOr502(""),
            _ if !self.has_body() => Meant::Body(""),
            (_, Coding::Other) | (Length::Ambiguous, Coding::None) => Meant::Refused,
            (Length::None, Coding::Chunked) => Meant::Body(BODY),
            (_, Coding::Chunked) => Meant::BodyOr502(BODY),
            (Length::Number(length), Coding::None) if length > BODY.len() && self.closes => Meant::Cut,
            (Length::Number(length), Coding::None) => BODY.get(..length).map_or(Meant::Endless, Meant::Body),
            (Length::None, Coding::None) if self.closes => Meant::Body(BODY),
            (Length::None, Coding::None) => Meant::Endless,
        }
    }

    /// The bytes of the server.
    fn answer(&self) -> String {
        let Self { version, status, length, coding, .. } = self;
        let connection = match (self.closes, *version) {
            (true, _) => "Connection: close\r\n",
            (false, "1.0") => "Connection: keep-alive\r\n",
            (false, _) => "",
        };
        let body = match coding.1 {
            _ if !self.has_body() => "",
            Coding::None => BODY,
            _ => CHUNKS,
        };
        format!("HTTP/{version} {status} Said\r\n{}{}{connection}\r\n{body}", length.0, coding.0)
    }

    fn judge(&self, arrived: &Arrived, client: &str) {
        let meant = self.meant();
        let whole = |body: &str| *arrived == Arrived::Whole(self.status, body.to_owned());
        let refused = matches!(arrived, Arrived::Whole(502, _));
        let right = match meant {
            Meant::Body(body) => whole(body),
            Meant::BodyOr502(body) => whole(body) || refused,
            Meant::Refused => refused,
            Meant::Cut => refused || *arrived == Arrived::Cut,
            Meant::Endless => false,
        };
        let said = self.answer();
        assert!(right, "{client}: {} {said:?} means {meant:?}, and {arrived:?} arrived", self.method);
    }
}

/// Plays the cases by their number, and answers anything else with its own path.
async fn serve(mut stream: RawStream) {
    let cases = Case::all();
    while let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await {
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let case = path.strip_prefix("/case/").and_then(|number| cases.get(number.parse::<usize>().ok()?));
        let plain = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
        let answer = case.map_or(plain, Case::answer);
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if case.is_some_and(|case| case.closes) {
            return drop(stream.shutdown().await);
        }
    }
}

/// Reads one answer and repairs nothing.
async fn read_answer(wire: &mut Wire, case: &Case) -> Arrived {
    read_whole(wire, case).await.unwrap_or(Arrived::Cut)
}

async fn read_whole(wire: &mut Wire, case: &Case) -> std::io::Result<Arrived> {
    let head = wire.read_head().await?.to_ascii_lowercase();
    let status: u16 = head[9..12].parse().expect("a status");
    let values = |name: &str| -> Vec<String> {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.filter(|(named, _)| *named == name).map(|(_, value)| value.to_owned()).collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    assert!(lengths.len() + codings.len() <= 1, "it is framed twice: {head}");
    let body = match (lengths.first(), codings.first()) {
        _ if !case.has_body() && (status != 502 || case.method == "HEAD") => Vec::new(),
        (Some(length), _) => wire.read_bytes(length.parse().expect("a number")).await?,
        (None, Some(coding)) => {
            assert_eq!(coding, "chunked");
            read_chunks(wire).await?
        }
        (None, None) => panic!("it has no end: {head}"),
    };
    Ok(Arrived::Whole(status, String::from_utf8(body).expect("text")))
}

async fn read_chunks(wire: &mut Wire) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = wire.read_until(b"\r\n").await?;
        let size = std::str::from_utf8(&line).expect("text").trim_end();
        let size = usize::from_str_radix(size, 16).expect("a size");
        let chunk = wire.read_bytes(size + 2).await?;
        assert!(chunk.ends_with(b"\r\n"));
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

struct Stage {
    proxy: Proxy,
    _origin: RawOrigin,
}

fn stage() -> Stage {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], serve);
    Stage { proxy: Proxy::builder().origin(HOST, &origin).start(), _origin: origin }
}

impl Stage {
    async fn wire(&self) -> Wire {
        self.proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel")
    }

    async fn http2(&self) -> Tunnel {
        self.proxy.client().http2().tunnel(&format!("{HOST}:443")).await.expect("a tunnel")
    }
}

/// The second client. Its connection is kept for as long as the test.
async fn ask_beside(tunnel: &Tunnel, at: usize) {
    let path = format!("/beside/{at}");
    let answer = tunnel.get(&format!("https://{HOST}{path}")).send().await.expect("answered");
    assert_eq!((answer.status, answer.text()), (200, path));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http1_client_gets_what_was_meant_or_502() {
    let stage = stage();
    let beside = stage.proxy.client().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
    let (cases, mut wire) = (Case::all(), stage.wire().await);
    assert!(cases.len() > 500, "{}", cases.len());
    for (at, case) in cases.iter().enumerate() {
        wire.send(format!("{} /case/{at} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", case.method)).await.expect("sent");
        let arrived = read_answer(&mut wire, case).await;
        case.judge(&arrived, "HTTP/1.1");
        if arrived == Arrived::Cut {
            wire = stage.wire().await;
        }
        ask_beside(&beside, at).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_client_gets_what_was_meant_or_502_or_a_stream_error() {
    let stage = stage();
    let (beside, tunnel) = (stage.http2().await, stage.http2().await);
    for (at, case) in Case::all().iter().enumerate() {
        let asked = tunnel.request(case.method, &format!("https://{HOST}/case/{at}")).send().await;
        let arrived = asked.map_or(Arrived::Cut, |answer| Arrived::Whole(answer.status, answer.text()));
        case.judge(&arrived, "HTTP/2");
        ask_beside(&beside, at).await;
    }
}
