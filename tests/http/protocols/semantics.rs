//! Bodies that are not there, ranges, codings and trailers, over every route.

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncWriteExt as _;

use crate::support::raw_origin::RawStream;
use crate::support::routes_matrix::{HOST, ProxyRoute, Stage};
use crate::support::wire::read_until;
use crate::support::{Answer, Proxy, RawOrigin, Tunnel};

/// What a request asks, what the origin answers, and what is to arrive.
struct Case {
    method: &'static str,
    asks: &'static [(&'static str, &'static str)],
    status: u16,
    says: &'static [(&'static str, &'static str)],
    body: &'static [u8],
}

const CASES: &[Case] = &[
    Case { method: "HEAD", asks: &[], status: 200, says: &[("content-length", "1073741824")], body: b"" },
    Case { method: "HEAD", asks: &[], status: 404, says: &[], body: b"" },
    Case { method: "DELETE", asks: &[], status: 204, says: &[], body: b"" },
    Case { method: "GET", asks: &[("if-none-match", "\"1\"")], status: 304, says: &[("etag", "\"1\"")], body: b"" },
    Case { method: "GET", asks: &[], status: 304, says: &[("content-length", "5"), ("etag", "\"1\"")], body: b"" },
    Case {
        method: "GET",
        asks: &[("range", "bytes=1-3"), ("if-range", "\"1\"")],
        status: 206,
        says: &[("content-range", "bytes 1-3/5"), ("accept-ranges", "bytes"), ("content-length", "3")],
        body: b"ell",
    },
    Case {
        method: "GET",
        asks: &[("range", "bytes=9-")],
        status: 416,
        says: &[("content-range", "bytes */5"), ("content-length", "0")],
        body: b"",
    },
    Case {
        method: "GET",
        asks: &[("accept-encoding", "gzip, br, zstd;q=0.5")],
        status: 200,
        says: &[("content-encoding", "gzip"), ("vary", "accept-encoding")],
        // Not gzip at all: what looks into it would stumble.
        body: b"\x1f\x8b\x08\0 \xff\xfe not so\0",
    },
    Case {
        method: "PROPFIND",
        asks: &[("depth", "1")],
        status: 207,
        says: &[("content-type", "application/xml"), ("set-cookie", "a=1"), ("set-cookie", "b=2")],
        body: b"<x/>",
    },
    Case { method: "GET", asks: &[], status: 301, says: &[("location", "https://elsewhere.example.test/")], body: b"" },
    Case { method: "GET", asks: &[], status: 503, says: &[("retry-after", "3")], body: b"later" },
];

impl Case {
    async fn meets(&self, stage: &Stage, tunnel: &Tunnel) {
        let case = format!("{:?}: {} {} {:?}", stage.route, self.method, self.status, self.says);
        let fields = self.asks.iter();
        let request = stage.inside(tunnel, self.method, "/a?b=c");
        let request = fields.fold(request, |request, (name, value)| request.header(name, value));
        let (answer, ()) = tokio::join!(request.send(), async {
            let call = stage.origin.next().await;
            assert_eq!((call.head.method.as_str(), call.head.uri.path()), (self.method, "/a"), "{case}");
            for (name, value) in self.asks {
                assert_eq!(call.field(name), Some(value.as_bytes()), "{case}");
            }
            call.answer(self.status, self.says, self.body);
        });
        let answer = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
        self.arrived(&answer, &case);
    }

    fn arrived(&self, answer: &Answer, case: &str) {
        assert_eq!((answer.status, &answer.body[..]), (self.status, self.body), "{case}");
        let framing = ["content-length", "connection", "transfer-encoding"];
        let said = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut expected: Vec<_> = self.says.iter().map(said).collect();
        let heard =
            |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().expect("text").to_owned());
        let mut arrived: Vec<_> = answer.headers.iter().map(heard).collect();
        if self.body.is_empty() {
            // What is said of a body that is not there must be the origin's words alone.
            let length = |fields: &[(String, String)]| fields.iter().find(|it| it.0 == "content-length").cloned();
            let empty = length(&arrived).is_some_and(|it| it.1 == "0");
            let told = length(&arrived) == length(&expected) || (self.method != "HEAD" && length(&arrived).is_none());
            let honest = told || (empty && self.method != "HEAD" && self.status != 304);
            assert!(honest, "{case}: {arrived:?}");
        }
        for fields in [&mut expected, &mut arrived] {
            fields.retain(|(name, _)| !framing.contains(&name.as_str()));
            fields.sort();
        }
        assert_eq!(arrived, expected, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_arrives_as_it_was_given() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        // One connection for all: an end in the wrong place spoils the next.
        let tunnel = stage.tunnel().await;
        for case in CASES {
            case.meets(&stage, &tunnel).await;
        }
    }
}

fn trailers(text: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("x-checksum"), HeaderValue::from_static(text))])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_arrive_both_ways_where_they_are_announced() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        let (request, body) = stage.request("POST", "/").header("te", "trailers").streaming();
        let request = request.header("trailer", "x-checksum");
        let answer = tokio::spawn(request.send());
        assert!(body.send("hello").await && body.trailers(trailers("{{API_KEY}}")).await);
        let mut call = stage.origin.next().await;
        assert_eq!(call.body.count().await.expect("not cut off"), 5, "{route:?}");
        assert_eq!(call.body.trailers.take(), Some(trailers("{{API_KEY}}")), "{route:?}: it stays text");
        let (origin, _) = call.begin(200, &[("trailer", "x-checksum")]);
        assert!(origin.send("world").await && origin.trailers(trailers("2")).await);
        let answer = answer.await.expect("no panic").expect("answered");
        assert_eq!((answer.text().as_str(), answer.trailers), ("world", Some(trailers("2"))), "{route:?}");
    }
}

/// Answers without a length, and closes.
async fn ending(mut stream: RawStream, says_so: bool) {
    read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.expect("answered");
    stream.flush().await.expect("answered");
    if says_so {
        stream.shutdown().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_ends_with_the_connection_is_whole_only_if_tls_says_so() {
    for says_so in [true, false] {
        let origin = RawOrigin::start(&[HOST], &["http/1.1"], move |stream| ending(stream, says_so));
        let proxy = Proxy::builder().origin(HOST, &origin).start();
        for client in [proxy.client(), proxy.client().http2()] {
            let answer = client.get(&format!("https://{HOST}/")).send().await;
            assert_eq!(answer.as_ref().ok().map(Answer::text), says_so.then(|| "hello".to_owned()), "{answer:?}");
        }
    }
}
