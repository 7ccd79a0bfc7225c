//! Promise: an answer that comes while the client is still sending is seen by it. A reset that follows at once would
//! take the answer along, in the HTTP/2 of Debian's curl for one.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::h2_frames::{ACK, DATA, END_STREAM, Frames, NONE, Outcome, PING, RST_STREAM, frame, headers};
use crate::support::tls::Sni;
use crate::support::{Canary, Origin, Proxy};

const HOST: &str = "good.example.test";
const OTHER: &str = "other.example.test";
const WITHIN: Duration = Duration::from_secs(20);
const FRAME: usize = 16 << 10;

fn post(host: &str, path: &str, key: &str) -> Vec<u8> {
    let fields = [(":method", "POST"), (":scheme", "https"), (":authority", host), (":path", path), ("x-api-key", key)];
    headers(NONE, 1, &fields)
}

/// So many frames of a body.
fn body(frames: usize) -> Vec<u8> {
    frame(DATA, NONE, 1, vec![b'x'; FRAME]).repeat(frames)
}

/// Sends the head and a part of the body, gets the answer, sends the rest, and is never told to stop.
async fn is_heard_out(proxy: &Proxy, host: &str, path: &str, status: u16) {
    let mut frames = Frames::open(&proxy.client(), &format!("{host}:443")).await.expect("a tunnel");
    // No more than may be sent before the other side has said how much it takes.
    frames.send([post(host, path, "{{API_KEY}}"), body(3)].concat()).await.expect("sent");
    let answered = timeout(WITHIN, frames.outcome(1)).await.expect("in time");
    assert_eq!(answered, Outcome::Answered(status));
    let rest = [body(10), frame(DATA, END_STREAM, 1, b"end"), frame(PING, NONE, 0, [7; 8])].concat();
    frames.send(rest).await.expect("sent");
    let pong = async {
        while let Some(it) = frames.next().await {
            assert!(it.kind != RST_STREAM, "the stream is reset: {it:?}");
            if it.kind == PING && it.flags & ACK != 0 {
                return;
            }
        }
        panic!("the connection has ended");
    };
    timeout(WITHIN, pong).await.expect("in time");
}

fn proxy(origin: &Origin, canary: &Canary) -> Proxy {
    Proxy::builder().origin(HOST, origin).origin(OTHER, origin).secret("API_KEY", canary, HOST).start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_over_http2_is_not_taken_back_by_a_reset() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST, OTHER]));
    is_heard_out(&proxy(&origin, &canary), OTHER, "/echo", 403).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_of_the_origin_is_not_either() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST, OTHER]));
    is_heard_out(&proxy(&origin, &canary), HOST, "/early/404", 404).await;
}

/// More than is read for the sake of the answer: it was there before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_a_large_upload_comes_before_the_connection_is_closed() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST, OTHER]));
    let proxy = proxy(&origin, &canary);
    let mut wire = proxy.client().raw_tls_tunnel("other.example.test:443", Sni::Host, &[]).await.expect("a tunnel");
    let head =
        format!("POST / HTTP/1.1\r\nHost: {OTHER}\r\nx-api-key: {{{{API_KEY}}}}\r\nContent-Length: 99999999\r\n\r\n");
    wire.send([head.as_bytes(), b"the beginning"].concat()).await.expect("sent");
    let answer = timeout(WITHIN, wire.read_head()).await.expect("while it still sends").expect("answered");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    wire.send(vec![b'x'; 500_000]).await.expect("what follows is read");
}
