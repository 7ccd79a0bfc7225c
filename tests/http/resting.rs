//! A kept HTTP/1.1 connection that nobody uses gives its buffers back. It is as good as new when it is used again,
//! and nothing that belonged to the last request is taken for the next.
//!
//! When exactly it rests is its own matter: the pauses that clients make here are shorter and longer than that.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::support::strict_origin::StrictOrigin;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Proxy, RawOrigin, Wire};

const HOST: &str = "good.example.test";
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(60), Duration::from_millis(400), Duration::from_millis(1500)];

async fn tunnel(proxy: &Proxy) -> Wire {
    proxy.client().raw_tls_tunnel("good.example.test:443", Sni::Host, &[]).await.expect("a tunnel")
}

async fn is_served(wire: &mut Wire, case: &str) {
    let head = wire.read_head().await.expect(case);
    assert!(head.starts_with("HTTP/1.1 200"), "{case}: {head}");
    let length =
        head.to_lowercase().split_once("content-length: ").and_then(|(_, rest)| rest.split_once('\r')?.0.parse().ok());
    wire.read_bytes(length.expect("a length")).await.expect(case);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_pause_the_next_request_is_served_however_it_comes() {
    let (canary, origin) = (Canary::new(), StrictOrigin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let request =
        format!("POST /case HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {{{{API_KEY}}}}\r\nContent-Length: 5\r\n\r\nhello");
    let in_halves = request.len() / 3;
    let mut sent = 0;
    for pause in PAUSES {
        let case = format!("{pause:?}");
        let mut wire = tunnel(&proxy).await;
        for cut in [request.len(), in_halves, 1, request.len() - 1] {
            let (first, rest) = request.split_at(cut);
            wire.send(first).await.expect("sent");
            if !rest.is_empty() {
                sleep(pause).await;
                wire.send(rest).await.expect("sent");
            }
            is_served(&mut wire, &case).await;
            sleep(pause).await;
        }
        wire.send(format!("{request}{request}{}", &request[..in_halves])).await.expect("sent");
        is_served(&mut wire, &case).await;
        is_served(&mut wire, &case).await;
        sleep(pause).await;
        wire.send(&request[in_halves..]).await.expect("sent");
        is_served(&mut wire, &case).await;
        sent += 7;
    }
    let messages = origin.messages();
    assert_eq!(messages.len(), sent);
    for message in messages {
        assert!(message.target == "/case" && message.body == b"hello", "{message:?}");
        assert_eq!(message.all("x-api-key"), [canary.bytes()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_resting_connection_is_told_to_both_sides() {
    let origin = StrictOrigin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for pause in PAUSES {
        let mut wire = tunnel(&proxy).await;
        wire.send(format!("GET /case HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.expect("sent");
        is_served(&mut wire, "before the end").await;
        sleep(pause).await;
        wire.shutdown().await.expect("ended");
        assert_eq!(wire.read_rest().await.expect("ended there, too"), b"", "{pause:?}");
    }
    proxy.status_becomes("without sessions", |status| status["sessions"]["active"] == 0);
}

/// The origin answers without reading the body, and the client pauses before it sends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_a_body_is_never_a_request() {
    let canary = Canary::new();
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream| async move {
        while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.expect("answered");
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let stolen = format!("GET /stolen HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {{{{API_KEY}}}}\r\n\r\n");
    let length = stolen.len();
    let chunk = format!("{length:x}\r\n{stolen}\r\n0\r\n\r\n");
    for pause in [PAUSES[0], PAUSES[2]] {
        for (framing, body) in
            [(format!("Content-Length: {length}"), &stolen), ("Transfer-Encoding: chunked".into(), &chunk)]
        {
            for early in [0, 1, body.len() / 2] {
                let mut wire = tunnel(&proxy).await;
                let head = format!("POST /case HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n");
                wire.send(format!("{head}{}", &body[..early])).await.expect("sent");
                is_served(&mut wire, "answered early").await;
                sleep(pause).await;
                // It may be closed by now.
                let _ = wire.send(&body[early..]).await;
                let mut answer = Vec::new();
                let _ = timeout(Duration::from_millis(100), wire.read_to_end(&mut answer)).await;
                assert_eq!(String::from_utf8_lossy(&answer), "", "{pause:?}, {framing}, {early}");
            }
        }
    }
    assert!(proxy.audit_lines().is_empty(), "nothing was asked for");
}
