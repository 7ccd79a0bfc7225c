//! Events arrive one by one: the origin writes the next only when the client has read the one before.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::Request;
use crate::support::answer::Streaming;
use crate::support::body::BodySender;
use crate::support::load::is_long;
use crate::support::routes_matrix::{ProxyRoute, Stage};

const STREAMS: usize = 8;
const EVENTS: usize = 20;
const GAP: Duration = Duration::from_millis(20);
const FIELDS: [(&str, &str); 2] = [("content-type", "text/event-stream"), ("cache-control", "no-store")];

/// Opens one stream: the client's end and the origin's.
async fn opened(stage: &Stage, request: Request) -> (Streaming, BodySender) {
    let (answer, origin) = tokio::join!(request.open(), async {
        let call = stage.origin.next().await;
        assert_eq!(call.field("x-api-key"), Some(stage.canary.bytes()));
        call.begin(200, &FIELDS).0
    });
    (answer.expect("a head before any event"), origin)
}

/// An event that is held back is never read, and then the next is never written.
async fn in_step(mut answer: Streaming, origin: BodySender) {
    for number in 0..EVENTS {
        let event = format!("id: {number}\ndata: {{\"text\": \"\u{1f511}\"}}\n\n");
        assert!(origin.send(event.clone()).await);
        assert_eq!(answer.chunk().await.expect("not cut off").as_deref(), Some(event.as_bytes()), "event {number}");
        tokio::time::sleep(GAP).await;
    }
    drop(origin);
    assert_eq!(answer.chunk().await.expect("a proper end"), None);
}

async fn streams_in_step(stage: &Stage) {
    // In HTTP/2 all of them share one connection, as those of a browser do.
    let (tunnel, mut streams) = (stage.tunnel().await, JoinSet::new());
    for number in 0..STREAMS {
        let path = format!("/events/{number}");
        let shared = stage.route.is_http2().then(|| stage.inside(&tunnel, "GET", &path));
        let (answer, origin) = opened(stage, shared.unwrap_or_else(|| stage.request("GET", &path))).await;
        streams.spawn(in_step(answer, origin));
    }
    while let Some(stream) = streams.join_next().await {
        stream.expect("every event in step");
    }
}

/// Longer than every idle timer of the proxy, if there is time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_stays_open() {
    let mut streams = Vec::new();
    for route in [ProxyRoute::Http1, ProxyRoute::Http2] {
        let stage = route.stage();
        let (answer, origin) = opened(&stage, stage.request("GET", "/events")).await;
        streams.push((stage, answer, origin));
    }
    tokio::time::sleep(Duration::from_secs(if is_long() { 66 } else { 3 })).await;
    for (stage, answer, origin) in streams {
        in_step(answer, origin).await;
        drop(stage);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_read_before_the_next_is_written() {
    for route in ProxyRoute::ALL {
        println!("{route:?}");
        streams_in_step(&route.stage()).await;
    }
}
