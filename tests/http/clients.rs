//! Clients as they are: raw targets, many cookies, half-closed connections, other ALPN, HTTP/2 in cleartext.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

use crate::support::raw_origin::RawStream;
use crate::support::scripted_origin::{ScriptedOrigin, Speaks};
use crate::support::strict_origin::StrictOrigin;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Origin, Proxy, RawOrigin, Wire};

const HOST: &str = "real.example.test";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn tunnel(proxy: &Proxy) -> Wire {
    proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_characters_in_a_target_reach_the_server() {
    let origin = StrictOrigin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let mut wire = tunnel(&proxy).await;
    let table = [
        ("/?query=up{job=\"x\"}", "/?query=up{job=%22x%22}"),
        ("/?q=a<b>c", "/?q=a%3Cb%3Ec"),
        ("/a`b", "/a%60b"),
        ("/<id>/\"{}|\\^[]", "/%3Cid%3E/\"{}|\\^[]"),
        ("/?a=`b`|{}\\^[]'", "/?a=`b`|{}\\^[]'"),
        ("/%3C?%22", "/%3C?%22"),
    ];
    for (target, expected) in table {
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.expect("sent");
        let head = wire.read_head().await.expect("answered");
        assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {head}");
        let length =
            head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.split_once('\r')?.0.parse().ok());
        wire.read_bytes(length.expect("a length")).await.expect("the body");
        let arrived = origin.messages().pop().expect("a request");
        assert_eq!(arrived.target, expected, "{target}");
    }
}

/// An origin that answers later than gone clients are missed, and keeps the first lines of its requests.
fn slow() -> RawOrigin {
    RawOrigin::plain(|mut stream: RawStream| async move {
        while let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await {
            if head.starts_with(b"POST") {
                let _ = read_until(&mut stream, b"body").await;
            }
            if !head.starts_with(b"OPTIONS") {
                sleep(Duration::from_secs(2)).await;
            }
            let _ = stream.write_all(OK.as_bytes()).await;
            let _ = stream.flush().await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_has_ended_its_side_gets_its_answer() {
    let origin = slow();
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let fields = format!("Host: {HOST}\r\n\r\n");
    let post = format!("Host: {HOST}\r\nContent-Length: 4\r\n\r\nbody");
    let chunks = format!("Host: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
    for (method, rest) in [("GET", &fields), ("POST", &post), ("POST", &chunks)] {
        for in_tunnel in [false, true] {
            let client = proxy.client();
            let (mut wire, target) = if in_tunnel {
                (client.raw_tunnel(&format!("{HOST}:80")).await.expect("a tunnel"), "/".to_owned())
            } else {
                (client.raw().await.expect("connected"), format!("http://{HOST}/"))
            };
            wire.send(format!("{method} {target} HTTP/1.1\r\n{rest}")).await.expect("sent");
            wire.shutdown().await.expect("ended");
            let said = String::from_utf8(wire.read_rest().await.expect("closed")).expect("text");
            let answer = said.trim_start_matches("HTTP/1.1 102 Processing\r\n\r\n");
            assert!(
                answer.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("ok"),
                "{method} {in_tunnel}: {said:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_without_a_path_ask_about_the_server() {
    let origin = slow();
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let mut wire = proxy.client().raw().await.expect("connected");
    for target in ["", "/", "?a"] {
        let sent = format!("OPTIONS http://{HOST}{target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        wire.send(sent).await.expect("sent");
        assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "));
        wire.read_bytes(2).await.expect("the body");
    }
    let came = origin.records().received().concat();
    let came = String::from_utf8_lossy(&came);
    for line in ["OPTIONS * HTTP/1.1\r\n", "OPTIONS / HTTP/1.1\r\n", "OPTIONS /?a HTTP/1.1\r\n"] {
        assert!(came.contains(line), "{line}: {came}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_cookies_are_one_field_and_too_many_fields_are_431() {
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for (name, count, expected) in [("cookie", 120, 200), ("cookie", 300, 200), ("x-a", 90, 200), ("x-a", 120, 431)] {
        let request = proxy.client().http2().get(&format!("https://{HOST}/"));
        let request = (0..count).fold(request, |request, at| request.header(name, format!("k{at}=v")));
        let answer = request.send().await.expect("answered");
        assert_eq!(answer.status, expected, "{name} {count}");
        assert!(!answer.text().contains("This is a proxy"));
    }
    let mut wire = tunnel(&proxy).await;
    let many = "x-a: b\r\n".repeat(120);
    wire.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{many}\r\n")).await.expect("sent");
    assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 431 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_our_alpn_is_served_as_http_1() {
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for alpn in [&["http/1.0"][..], &["spdy/3", "h3"], &["x", "http/1.1"], &[]] {
        let wire = proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, alpn).await;
        let mut wire = wire.unwrap_or_else(|error| panic!("{alpn:?}: {error}"));
        wire.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.expect("sent");
        assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "), "{alpn:?}");
    }
}

/// An origin that speaks HTTP/2 without TLS, and answers a request with this key with its body.
fn clear_http2(key: &Canary) -> RawOrigin {
    let key = key.value().to_owned();
    RawOrigin::plain(move |stream: RawStream| serve_http2(stream, key.clone()))
}

async fn serve_http2(stream: RawStream, key: String) {
    let echo = service_fn(move |request: Request<Incoming>| {
        let has_key = request.headers().get("x-api-key").is_some_and(|value| *value == key);
        async move {
            let same = request.version() == Version::HTTP_2 && request.uri().scheme_str() == Some("http");
            let body = request.into_body().collect().await?.to_bytes();
            let status = if same && has_key { 200 } else { 500 };
            Ok::<_, hyper::Error>(Response::builder().status(status).body(Full::new(body)).expect("a response"))
        }
    });
    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), echo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_by_prior_knowledge_is_served_and_sent_on_as_http2() {
    let canary = Canary::new();
    let origin = clear_http2(&canary);
    let listed = format!("http://{HOST}");
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, &listed).start();
    let tunnel = proxy.client().raw_tunnel(&format!("{HOST}:80")).await.expect("a tunnel");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tunnel)).await;
    let (mut sender, connection) = handshake.expect("HTTP/2");
    let driver = tokio::spawn(connection);
    for body in ["", "hello"] {
        let request = Request::post(format!("http://{HOST}/a.Service/Method")).header("x-api-key", "{{API_KEY}}");
        let request = request.body(Full::new(Bytes::from_static(body.as_bytes()))).expect("a request");
        let answer = sender.send_request(request).await.expect("answered");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.expect("whole").to_bytes(), body);
    }
    driver.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_begins_like_http2_and_is_not_is_http1() {
    let origin = slow();
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for method in ["PUT", "PRINT", "PROPFIND", "P"] {
        let mut wire = proxy.client().raw_tunnel(&format!("{HOST}:80")).await.expect("a tunnel");
        let request = format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        for byte in request.as_bytes().chunks(1) {
            wire.send(byte).await.expect("sent");
        }
        assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_with_underscores_are_reached_and_verified() {
    for host in ["my_host.example.test", "_a._b.example.test"] {
        let origin = ScriptedOrigin::start(&[host], Speaks::Both);
        let proxy = Proxy::builder().origin(host, &origin).start();
        for client in [proxy.client(), proxy.client().http2()] {
            let (answer, ()) = tokio::join!(client.get(&format!("https://{host}/")).send(), async {
                drop(origin.next().await.answer(200, &[], "ok"));
            });
            assert_eq!(answer.expect("answered").status, 200, "{host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_with_hyphens_at_an_end_are_reached_in_cleartext() {
    for host in ["foo-.example.test", "-foo.example.test"] {
        let origin = slow();
        let proxy = Proxy::builder().origin(host, &origin).start();
        let mut wire = proxy.client().raw_tunnel(&format!("{host}:80")).await.expect("a tunnel");
        wire.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.expect("sent");
        assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "), "{host}");
    }
}
