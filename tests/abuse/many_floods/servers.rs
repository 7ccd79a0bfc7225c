//! Floods from servers of the attacker's own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{ATTACKERS, HOST, RECONNECT_AFTER, Scene, TARGET, UNKNOWN, both};
use crate::support::h2_frames::{
    ACK, DATA, END_HEADERS, END_STREAM, HEADERS, NONE, PING, PRIORITY, SETTINGS, frame, literal, next, settings, window,
};
use crate::support::raw_origin::RawStream;
use crate::support::wire::read_until;
use crate::support::{Proxy, RawOrigin};

/// What a hostile server sends over and over once it was asked.
fn pieces() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let interim =
        |more: &[u8]| frame(HEADERS, END_HEADERS, 1, [literal(0x00, ":status", "103"), more.to_vec()].concat());
    let planted = frame(HEADERS, END_HEADERS, 1, [literal(0x00, ":status", "103"), literal(0x40, "x", "")].concat());
    let body = frame(HEADERS, END_HEADERS, 1, [0x88]);
    vec![
        ("interim", vec![], interim(&[]).repeat(1000)),
        ("fields", planted, interim(&[0xbe; 1900]).repeat(10)),
        ("priority", vec![], frame(PRIORITY, NONE, 1, [0, 0, 0, 0, 3]).repeat(1000)),
        ("unknown", vec![], frame(UNKNOWN, NONE, 1, []).repeat(1000)),
        ("window", vec![], window(0, 1).repeat(1000)),
        ("ping", vec![], frame(PING, NONE, 0, [0; 8]).repeat(1000)),
        ("settings", vec![], settings(&[]).repeat(1000)),
        ("data", body, frame(DATA, NONE, 1, []).repeat(1000)),
    ]
}

/// Begins to speak HTTP/2.
async fn greet(stream: &mut RawStream) -> io::Result<()> {
    stream.read_exact(&mut [0; 24]).await?;
    stream.write_all(&[settings(&[]), frame(SETTINGS, ACK, 0, [])].concat()).await?;
    stream.flush().await
}

/// Reads up to the next request: its stream.
async fn next_request(stream: &mut RawStream) -> Option<u32> {
    loop {
        let frame = next(stream).await?;
        if frame.kind == HEADERS {
            return Some(frame.stream);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_servers_that_flood_delay_others_by_a_bound() {
    let turn = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&turn);
    let target = RawOrigin::start(&[TARGET], &["h2"], move |mut stream: RawStream| {
        let turn = now.load(Ordering::SeqCst);
        async move {
            let (Ok(()), Some(1)) = (greet(&mut stream).await, next_request(&mut stream).await) else { return };
            let Some((_, opening, piece)) = pieces().into_iter().nth(turn) else { return };
            both(split(stream), opening, piece).await;
        }
    });
    let scene = Scene::open(&target).await;
    for (name, ..) in pieces() {
        scene.outlasts(name, |proxy| askers(proxy, true)).await;
        turn.fetch_add(1, Ordering::SeqCst);
    }
    drop(target);
    scene.close().await;
}

/// Clients that ask the hostile server, again when they are answered.
fn askers(proxy: &Proxy, http2: bool) -> JoinSet<()> {
    let mut askers = JoinSet::new();
    for _ in 0..ATTACKERS {
        let client = if http2 { proxy.client().http2() } else { proxy.client() };
        askers.spawn(async move {
            loop {
                let _ = client.get(&format!("https://{TARGET}/")).send().await;
                sleep(RECONNECT_AFTER).await;
            }
        });
    }
    askers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_http_1_servers_that_flood_delay_others_by_a_bound() {
    let turn = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&turn);
    let floods: [(&str, &str, &str); 3] = [
        ("interim responses", "", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("a head without an end", "HTTP/1.1 200 OK\r\n", "x: y\r\n"),
        ("a body in crumbs", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ];
    let target = RawOrigin::start(&[TARGET], &["http/1.1"], move |mut stream: RawStream| {
        let turn = now.load(Ordering::SeqCst);
        async move {
            let (Ok(_), Some((_, opening, piece))) = (read_until(&mut stream, b"\r\n\r\n").await, floods.get(turn))
            else {
                return;
            };
            both(split(stream), opening.as_bytes().to_vec(), piece.as_bytes().repeat(1000)).await;
        }
    });
    let scene = Scene::open(&target).await;
    for (name, ..) in floods {
        scene.outlasts(name, |proxy| askers(proxy, false)).await;
        turn.fetch_add(1, Ordering::SeqCst);
    }
    drop(target);
    scene.close().await;
}

/// Both versions, just within the bound of 1,000 or 32 and beyond it. In HTTP/2 a head that ends its stream may be a trailer: one more
/// passes before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interim_responses_to_a_request_are_bounded() {
    let http1 = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        while let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await {
            let few = head.starts_with(b"GET /few ");
            let interim = "HTTP/1.1 103 x\r\nlink: </a>\r\n\r\n".repeat(if few { 1000 } else { 1001 });
            let answer = format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await.and(stream.flush().await);
        }
    });
    let count = Arc::new(AtomicUsize::new(32));
    let now = Arc::clone(&count);
    let http2 = RawOrigin::start(&[TARGET], &["h2"], move |mut stream: RawStream| {
        let now = Arc::clone(&now);
        async move {
            let _ = greet(&mut stream).await;
            while let Some(request) = next_request(&mut stream).await {
                let interim = frame(HEADERS, END_HEADERS, request, literal(0x00, ":status", "103"));
                let last = frame(HEADERS, END_STREAM | END_HEADERS, request, [0x88]);
                let answer = [interim.repeat(now.load(Ordering::SeqCst)), last].concat();
                let _ = stream.write_all(&answer).await.and(stream.flush().await);
            }
        }
    });
    let proxy = Proxy::builder().origin(HOST, &http1).origin(TARGET, &http2).start();
    for (path, expected, interim) in [("few", 200, 32), ("few", 200, 32), ("many", 502, 34)] {
        count.store(interim, Ordering::SeqCst);
        let answer = proxy.client().get(&format!("https://{HOST}/{path}")).send().await;
        assert_eq!(answer.expect("answered").status, expected, "HTTP/1.1, {path}");
        let answer = proxy.client().http2().get(&format!("https://{TARGET}/{path}")).send().await;
        assert_eq!(answer.expect("answered").status, expected, "HTTP/2, {path}");
    }
}
