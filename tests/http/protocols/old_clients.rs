//! HTTP/1.0 clients and origins: no chunks for those who cannot read them, and no end in doubt.

use tokio::io::AsyncWriteExt as _;

use crate::support::strict_origin::StrictOrigin;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Proxy, RawOrigin, Wire};

const HOST: &str = "old.example.test";
const KEY: &str = "x-api-key: {{API_KEY}}\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// An origin that answers every request without a body with the same bytes, and closes if they say so.
fn answering(answer: &'static str) -> RawOrigin {
    RawOrigin::start(&[HOST], &["http/1.1"], async move |mut stream| {
        while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
            stream.write_all(answer.as_bytes()).await.expect("answered");
            stream.flush().await.expect("answered");
            if answer.starts_with("HTTP/1.0") {
                return drop(stream.shutdown().await);
            }
        }
    })
}

async fn wire(origin: &RawOrigin) -> (Canary, Proxy, Wire) {
    let canary = Canary::new();
    let proxy = Proxy::builder().origin(HOST, origin).secret("API_KEY", &canary, HOST).start();
    let wire = proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel");
    (canary, proxy, wire)
}

async fn read_rest(wire: &mut Wire) -> String {
    String::from_utf8(wire.read_rest().await.expect("it is closed")).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_connection_ends_an_answer_without_a_length() {
    for connection in ["", "Connection: keep-alive\r\n"] {
        let origin = answering(CHUNKED);
        let (canary, _proxy, mut wire) = wire(&origin).await;
        wire.send(format!("GET / HTTP/1.0\r\n{KEY}{connection}\r\n")).await.expect("sent");
        let head = wire.read_head().await.expect("answered").to_lowercase();
        assert!(head.starts_with("http/1.0 200 ok\r\n") && !head.contains("transfer-encoding"), "{head}");
        assert_eq!(read_rest(&mut wire).await, "hello");
        assert!(origin.records().find(&canary).is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_kept_for_who_asks_and_closed_for_who_does_not() {
    let origin = answering(LONG);
    let (_canary, _proxy, mut wire) = wire(&origin).await;
    for _ in 0..3 {
        wire.send(format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n{KEY}Connection: Keep-Alive\r\n\r\n"))
            .await
            .expect("sent");
        let head = wire.read_head().await.expect("answered").to_lowercase();
        assert!(head.contains("connection: keep-alive\r\n") && head.contains("content-length: 5\r\n"), "{head}");
        assert_eq!(wire.read_bytes(5).await.expect("the body"), b"hello");
    }
    wire.send(format!("GET / HTTP/1.0\r\n{KEY}\r\n")).await.expect("sent");
    assert!(read_rest(&mut wire).await.ends_with("\r\n\r\nhello"), "and then it is closed");
    assert_eq!(origin.records().connections(), 1, "the origin's is kept all the while");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_one_canonical_request_of_http_1_1() {
    let (canary, origin) = (Canary::new(), StrictOrigin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let mut wire = proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel");
    wire.send(format!("POST /form HTTP/1.0\r\n{KEY}Content-Length: 5\r\n\r\nhello")).await.expect("sent");
    assert!(read_rest(&mut wire).await.ends_with("ok"));
    let message = &origin.messages()[0];
    assert_eq!((message.target.as_str(), message.body.as_slice()), ("/form", b"hello".as_slice()));
    assert_eq!((message.all("host"), message.all("x-api-key")), (vec![HOST.as_bytes()], vec![canary.bytes()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_and_absolute_targets_work_in_http_1_0() {
    let origin = RawOrigin::plain(async |mut stream| {
        while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
            stream.write_all(CHUNKED.as_bytes()).await.expect("answered");
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let connect = format!("CONNECT {HOST}:80 HTTP/1.0\r\n\r\n");
    for first in [Some(connect), None] {
        let mut wire = proxy.client().raw().await.expect("open");
        let target = if let Some(connect) = first {
            wire.send(connect).await.expect("sent");
            let head = wire.read_head().await.expect("answered");
            assert!(head.contains(" 200 "), "{head}");
            "/".to_owned()
        } else {
            format!("http://{HOST}/")
        };
        wire.send(format!("GET {target} HTTP/1.0\r\n\r\n")).await.expect("sent");
        let answer = read_rest(&mut wire).await;
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_of_http_1_0_does_not_make_its_clients_old() {
    for answer in ["HTTP/1.0 200 OK\r\n\r\nhello", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"] {
        let origin = answering(answer);
        let (_canary, _proxy, mut wire) = wire(&origin).await;
        for _ in 0..2 {
            wire.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{KEY}\r\n")).await.expect("sent");
            let head = wire.read_head().await.expect("answered").to_lowercase();
            assert!(head.starts_with("http/1.1 200 ok\r\n") && !head.contains("close"), "{head}");
            let body: &[u8] = if head.contains("chunked") { b"5\r\nhello\r\n0\r\n\r\n" } else { b"hello" };
            assert_eq!(wire.read_bytes(body.len()).await.expect("the body"), body);
        }
    }
}
