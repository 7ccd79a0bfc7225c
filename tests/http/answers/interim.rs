//! Interim answers: 103 and 102 reach HTTP/1.1 clients, in order and before the answer.

use tokio::io::AsyncWriteExt as _;

use crate::support::raw_origin::RawStream;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Proxy, RawOrigin, Wire};

const HOST: &str = "interim.example.test";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn origin(interims: &'static str) -> RawOrigin {
    RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream: RawStream| async move {
        while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
            let _ = stream.write_all(interims.as_bytes()).await;
            let _ = stream.flush().await;
            // In a piece of its own, or with them: both must do.
            tokio::task::yield_now().await;
            let _ = stream.write_all(LAST.as_bytes()).await;
            let _ = stream.flush().await;
        }
    })
}

async fn wire(proxy: &Proxy) -> Wire {
    proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel")
}

async fn heads(wire: &mut Wire, version: &str, count: usize) -> Vec<String> {
    wire.send(format!("GET / {version}\r\nHost: {HOST}\r\n\r\n")).await.expect("sent");
    let mut heads = Vec::new();
    for _ in 0..count {
        heads.push(wire.read_head().await.expect("a head"));
    }
    assert_eq!(wire.read_bytes(5).await.expect("the body"), b"hello");
    heads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_before_the_answer_on_each_request_of_a_connection() {
    let origin = origin(HINTS);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let mut wire = wire(&proxy).await;
    for _ in 0..50 {
        let heads = heads(&mut wire, "HTTP/1.1", 2).await;
        assert_eq!(heads[0], "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n");
        assert!(heads[1].starts_with("HTTP/1.1 200 OK\r\n"), "{heads:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_passed_on_and_what_a_client_does_not_know_is_not() {
    let origin = origin("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 x\r\n\r\n");
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let heads = heads(&mut wire(&proxy).await, "HTTP/1.1", 2).await;
    assert_eq!(heads[0], "HTTP/1.1 102 Processing\r\n\r\n");
    assert!(heads[1].starts_with("HTTP/1.1 200 OK\r\n"), "{heads:?}");
}

/// RFC 9110, section 15.2, for the first; the HTTP library has no way for the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_http_1_0_or_http_2_gets_the_answer_alone() {
    let origin = origin(HINTS);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let heads = heads(&mut wire(&proxy).await, "HTTP/1.0", 1).await;
    assert!(heads[0].starts_with("HTTP/1.0 200 OK\r\n"), "{heads:?}");
    let answer = proxy.client().http2().get(&format!("https://{HOST}/")).send().await.expect("answered");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_sends_nothing_else_is_given_up() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        let _ = read_until(&mut stream, b"\r\n\r\n").await;
        while stream.write_all(HINTS.as_bytes()).await.is_ok() && stream.flush().await.is_ok() {}
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let answer = proxy.client().http2().get(&format!("https://{HOST}/")).send().await.expect("answered");
    assert_eq!(answer.status, 502);
}
