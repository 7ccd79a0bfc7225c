//! Requests that an HTTP/2 server says that it did not process (RFC 9113, section 8.7): they are sent again, whatever
//! their method, on kept connections and on fresh ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::h2_frames::{
    self, ACK, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, NONE, RST_STREAM, SETTINGS, frame, settings,
};
use crate::support::raw_origin::RawStream;
use crate::support::routes_matrix::HOST;
use crate::support::wire::read_until;
use crate::support::{Proxy, RawOrigin};

/// How a server turns a request down.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// `RST_STREAM` with `REFUSED_STREAM`.
    Stream,
    /// A GOAWAY that leaves the stream out, and the end of the connection.
    Connection,
}

impl Refusal {
    fn of(self, stream: u32) -> Vec<u8> {
        match self {
            Self::Stream => frame(RST_STREAM, NONE, stream, 7_u32.to_be_bytes()),
            Self::Connection => frame(GOAWAY, NONE, 0, [stream.saturating_sub(2).to_be_bytes(), [0; 4]].concat()),
        }
    }
}

/// The first bytes of an HTTP/2 server.
async fn greet(stream: &mut RawStream) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.expect("a preface");
    send(stream, &[settings(&[]), frame(SETTINGS, ACK, 0, [])].concat()).await;
}

async fn send(stream: &mut RawStream, bytes: &[u8]) {
    stream.write_all(bytes).await.expect("sent");
    stream.flush().await.expect("sent");
}

fn ends(heard: &Frame) -> bool {
    [HEADERS, DATA].contains(&heard.kind) && heard.flags & END_STREAM != 0
}

/// A server that turns every request with this number down, and answers the others.
fn refusing(refusal: Refusal, number: usize, body_first: bool) -> (RawOrigin, Arc<AtomicUsize>) {
    let answered = Arc::<AtomicUsize>::default();
    let (count, seen) = (answered.clone(), Arc::<AtomicUsize>::default());
    let origin = RawOrigin::start(&[HOST], &["h2"], move |mut stream: RawStream| {
        let (count, seen) = (count.clone(), seen.clone());
        async move {
            greet(&mut stream).await;
            let mut refused = 0;
            while let Some(heard) = h2_frames::next(&mut stream).await {
                let decides = if body_first { ends(&heard) } else { heard.kind == HEADERS };
                if decides && seen.fetch_add(1, Ordering::SeqCst) + 1 == number {
                    refused = heard.stream;
                    send(&mut stream, &refusal.of(refused)).await;
                } else if ends(&heard) && heard.stream != refused {
                    count.fetch_add(1, Ordering::SeqCst);
                    send(&mut stream, &frame(HEADERS, END_HEADERS | END_STREAM, heard.stream, [0x88])).await;
                }
            }
        }
    });
    (origin, answered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_did_not_process_is_sent_again() {
    for refusal in [Refusal::Stream, Refusal::Connection] {
        // The first request comes by a fresh connection, the second one by a kept one.
        for number in [1, 2] {
            for (method, body) in [("GET", ""), ("POST", ""), ("POST", "all of it"), ("PATCH", "all of it")] {
                for body_first in [false, true] {
                    let (origin, answered) = refusing(refusal, number, body_first);
                    let proxy = Proxy::builder().origin(HOST, &origin).start();
                    let tunnel = proxy.client().http2().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
                    for turn in 1..=2 {
                        let request = tunnel.request(method, &format!("https://{HOST}/")).body(body);
                        let status = request.send().await.expect("answered").status;
                        assert_eq!(status, 200, "{refusal:?} {number} {method} {body:?} {body_first}, turn {turn}");
                    }
                    assert_eq!(answered.load(Ordering::SeqCst), 2, "each once");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_for_ever_is_asked_a_few_times() {
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    let origin = RawOrigin::start(&[HOST], &["h2"], move |mut stream: RawStream| {
        let count = counted.clone();
        async move {
            greet(&mut stream).await;
            while let Some(heard) = h2_frames::next(&mut stream).await {
                if heard.kind == HEADERS {
                    count.fetch_add(1, Ordering::SeqCst);
                    send(&mut stream, &Refusal::Stream.of(heard.stream)).await;
                }
            }
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let answer = proxy.client().http2().request("POST", &format!("https://{HOST}/")).body("x").send().await;
    assert_eq!((answer.expect("answered").status, count.load(Ordering::SeqCst)), (502, 4));
}

/// As servers with NTLM do (RFC 9113, section 7).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_a_server_wants_in_http_1_1_is_sent_so() {
    let origin = RawOrigin::start(&[HOST], &["h2", "http/1.1"], |mut stream: RawStream| async move {
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.expect("a request");
        if first != *b"PRI " {
            read_until(&mut stream, b"the body").await.expect("a request");
            return send(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
        let mut preface = [0; 20];
        stream.read_exact(&mut preface).await.expect("a preface");
        send(&mut stream, &[settings(&[]), frame(SETTINGS, ACK, 0, [])].concat()).await;
        while let Some(heard) = h2_frames::next(&mut stream).await {
            if heard.kind == HEADERS {
                send(&mut stream, &frame(RST_STREAM, NONE, heard.stream, 0xd_u32.to_be_bytes())).await;
            }
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let answer = proxy.client().http2().request("POST", &format!("https://{HOST}/")).body("the body").send().await;
    assert_eq!(answer.expect("answered").status, 200);
}
