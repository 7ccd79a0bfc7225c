//! A client that asks first (`Expect: 100-continue`) sends its body when the origin wants it, and not before.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::support::raw_origin::RawStream;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Proxy, RawOrigin, Wire};

const HOST: &str = "good.example.test";
const HEAD: &str = "POST /upload HTTP/1.1\r\nHost: good.example.test\r\nx-api-key: {{API_KEY}}\r\n\
                    Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const WITHIN: Duration = Duration::from_secs(10);

/// Sends the head through a proxy to an origin, and gives the client's end.
async fn asked(origin: &RawOrigin) -> (Proxy, Wire) {
    let proxy = Proxy::builder().origin(HOST, origin).secret("API_KEY", &Canary::new(), HOST).start();
    let mut wire = proxy.client().raw_tls_tunnel("good.example.test:443", Sni::Host, &[]).await.expect("a tunnel");
    wire.send(HEAD).await.expect("sent");
    (proxy, wire)
}

async fn read_head(stream: &mut RawStream) -> String {
    String::from_utf8(read_until(stream, b"\r\n\r\n").await.expect("a head")).expect("text").to_lowercase()
}

async fn read_body(stream: &mut RawStream) -> Vec<u8> {
    let mut body = vec![0; 5];
    stream.read_exact(&mut body).await.expect("the body");
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_body_waits_for_the_origin() {
    let origin = RawOrigin::start(&[HOST], &[], async |mut stream| {
        assert!(read_head(&mut stream).await.contains("expect: 100-continue\r\n"));
        let early = timeout(Duration::from_millis(300), stream.read_u8()).await;
        assert!(early.is_err(), "not a byte of the body before it is wanted");
        stream.write_all(CONTINUE).await.expect("sent");
        assert_eq!(read_body(&mut stream).await, b"hello");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("answered");
    });
    let (_proxy, mut client) = asked(&origin).await;
    assert_eq!(client.read_bytes(CONTINUE.len()).await.expect("told to send"), CONTINUE);
    client.send("hello").await.expect("sent");
    assert!(client.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_refuses_the_body_is_never_sent_it_nor_is_the_client_asked_for_it() {
    let origin = RawOrigin::start(&[HOST], &[], async |mut stream| {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await.expect("answered");
        let more = timeout(WITHIN, stream.read_u8()).await.expect("the connection is closed");
        assert!(more.is_err(), "and nothing came");
    });
    let (_proxy, mut client) = asked(&origin).await;
    let answer = client.read_head().await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 401 "), "no 100 comes first: {answer}");
    assert_eq!(client.read_bytes(2).await.expect("the body"), b"no");
}

/// Its connection goes on after the answer's head, for as long as the answer takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_refuses_the_body_in_many_pieces_is_heard_to_the_end() {
    let origin = RawOrigin::start(&[HOST], &[], async |mut stream| {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\n").await.expect("answered");
        for piece in [b"h", b"e", b"l", b"l", b"o"] {
            stream.write_all(piece).await.expect("sent");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let (_proxy, mut client) = asked(&origin).await;
    assert!(client.read_head().await.expect("answered").starts_with("HTTP/1.1 401 "));
    assert_eq!(client.read_bytes(5).await.expect("the body"), b"hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_says_nothing_gets_the_body_after_a_second() {
    let origin = RawOrigin::start(&[HOST], &[], async |mut stream| {
        read_head(&mut stream).await;
        assert_eq!(read_body(&mut stream).await, b"hello");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("answered");
    });
    let (_proxy, mut client) = asked(&origin).await;
    let begun = Instant::now();
    assert_eq!(client.read_bytes(CONTINUE.len()).await.expect("told to send"), CONTINUE);
    assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
    client.send("hello").await.expect("sent");
    assert!(client.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "));
}
