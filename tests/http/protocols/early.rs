//! An answer that comes while the upload is still under way arrives, and the upload stops.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::time::timeout;

use crate::support::RawOrigin;
use crate::support::routes_matrix::{HOST, ProxyRoute};
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Origin, Proxy};

const PIECE: usize = 64 << 10;
/// More than all buffers between the two ends hold.
const FAR_TOO_MUCH: usize = 256 << 20;
const WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_413_arrives_in_mid_upload_and_the_upload_stops() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        let (request, body) = stage.request("POST", "/upload").streaming();
        let answer = tokio::spawn(request.send());
        assert!(body.send("first").await);
        let mut call = stage.origin.next().await;
        assert!(call.body.piece().await.is_ok());
        drop(call.answer(413, &[("content-type", "text/plain")], "too much"));
        let answer = timeout(WITHIN, answer).await.expect("at once").expect("no panic").expect("answered");
        assert_eq!((answer.status, answer.text().as_str()), (413, "too much"), "{route:?}");
        let mut sent = 0;
        while timeout(WITHIN, body.send(vec![b'x'; PIECE])).await.expect("told or stopped") {
            sent += PIECE;
            assert!(sent < FAR_TOO_MUCH, "{route:?}: the upload goes on");
        }
    }
}

/// Servers close as soon as they have answered: the answer is there to be read although writing has failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_read_though_the_origin_has_closed_under_the_upload() {
    let origin = Origin::builder(&[HOST]).http1_only().start();
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for turn in 0..30 {
        let wire = proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel");
        let (mut read, mut write) = split(wire);
        let uploading = tokio::spawn(async move {
            let head = format!("POST /early/413 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {FAR_TOO_MUCH}\r\n\r\n");
            write.write_all(head.as_bytes()).await.expect("sent");
            while write.write_all(&vec![b'x'; PIECE]).await.is_ok() {}
        });
        let mut answer = Vec::new();
        let _ = timeout(WITHIN, read.read_to_end(&mut answer)).await.expect("it is closed");
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("413 Payload Too Large"),
            "turn {turn}: {answer:?}"
        );
        uploading.await.expect("the upload is stopped");
    }
}

/// The proxy reads on for a moment: a connection that is closed with bytes unread may take the answer along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_finish_a_small_upload_that_was_answered_already() {
    const PIECES: usize = 12;
    for route in [ProxyRoute::Http1, ProxyRoute::Http1ToHttp2] {
        let stage = route.stage();
        let mut wire = stage.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel");
        let length = (PIECES + 1) * PIECE;
        let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n");
        wire.send([head.as_bytes(), &vec![b'x'; PIECE]].concat()).await.expect("sent");
        let mut call = stage.origin.next().await;
        assert!(call.body.piece().await.is_ok());
        drop(call.answer(413, &[], "no"));
        assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 413 "));
        assert_eq!(wire.read_bytes(2).await.expect("the body"), b"no");
        for piece in 0..PIECES {
            tokio::time::sleep(Duration::from_millis(5)).await;
            wire.send(vec![b'x'; PIECE]).await.unwrap_or_else(|error| panic!("{route:?}, piece {piece}: {error}"));
        }
    }
}

/// Some clients read only when they have written all, or can write no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_writes_first_gets_to_read_the_answer() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], async |mut stream| {
        read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
        let answer = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 8\r\n\r\ntoo much";
        stream.write_all(answer.as_bytes()).await.expect("answered");
        stream.shutdown().await.expect("closed");
        // As servers do that want their answer read: what still comes is thrown away for a while.
        let _ = timeout(Duration::from_secs(2), tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
    });
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &Canary::new(), HOST).start();
    for turn in 0..20 {
        let wire = proxy.client().raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &[]).await.expect("a tunnel");
        let (mut read, mut write) = split(wire);
        let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {FAR_TOO_MUCH}\r\n\r\n");
        write.write_all(head.as_bytes()).await.expect("sent");
        let mut sent = 0;
        while sent < FAR_TOO_MUCH && write.write_all(&vec![b'x'; PIECE]).await.is_ok() {
            sent += PIECE;
        }
        assert!(sent < FAR_TOO_MUCH, "the upload is stopped");
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too much"), "turn {turn}: {answer:?}");
    }
}
