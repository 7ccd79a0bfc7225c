//! Bodies of any size pass in flat memory, and an end that stops reading stops the other.
//!
//! With `SECRET_PROXY_LONG=1` each is a GiB, and stands still for a while on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::support::answer::Streaming;
use crate::support::body::BodySender;
use crate::support::eventually;
use crate::support::load::is_long;
use crate::support::routes_matrix::{ProxyRoute, Stage};

const PIECE: usize = 64 << 10;
/// By how much the memory of the proxy may grow, in KiB.
const GROWTH_MAX: u64 = 16 * 1024;
/// What may be under way while the reader stands still: the proxy's own buffers, and those of the system for
/// two connections, which grow to some MiB each.
const IN_FLIGHT_MAX: u64 = 40 << 20;
/// How often a sender is seen to stand still, 10 ms apart, before it is believed.
const LOOKS: usize = 40;

fn body_bytes() -> u64 {
    if is_long() { 1 << 30 } else { 64 << 20 }
}

/// How much has been handed to one end, by a task of its own.
struct Sending {
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Sending {
    fn start(body: BodySender) -> Self {
        let sent = Arc::<AtomicU64>::default();
        let counted = sent.clone();
        let task = tokio::spawn(async move {
            let piece = Bytes::from(vec![b'x'; PIECE]);
            while counted.load(Ordering::SeqCst) < body_bytes() && body.send(piece.clone()).await {
                counted.fetch_add(PIECE as u64, Ordering::SeqCst);
            }
        });
        Self { sent, task }
    }

    fn so_far(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Waits until no more is taken, and gives how much it was.
    fn stands_still(&self) -> u64 {
        let (mut last, mut looks) = (0, 0);
        eventually(Duration::from_secs(30), "the sender stands still", || {
            looks = if self.so_far() == last { looks + 1 } else { 0 };
            last = self.so_far();
            looks == LOOKS
        });
        assert!(!self.task.is_finished(), "all of it was taken");
        last
    }
}

/// How much the proxy's memory has ever been, once it has served a request.
async fn peak(stage: &Stage) -> Option<u64> {
    let (answer, ()) = tokio::join!(stage.request("POST", "/").body("warm").send(), async {
        let mut call = stage.origin.next().await;
        call.body.count().await.expect("not cut off");
        drop(call.answer(200, &[], "up"));
    });
    assert_eq!(answer.expect("answered").text(), "up");
    stage.proxy.footprint().peak
}

fn stays_flat(stage: &Stage, before: Option<u64>, what: &str) {
    let Some((before, now)) = before.zip(stage.proxy.footprint().peak) else { return };
    println!("{:?}: {what} of {} MiB: {before} KiB, at most {now} KiB", stage.route, body_bytes() >> 20);
    assert!(now - before < GROWTH_MAX, "{:?}: {what}: {before} KiB became {now} KiB", stage.route);
}

async fn download(stage: &Stage) -> (Streaming, Sending) {
    let (answer, origin) =
        tokio::join!(stage.request("GET", "/").open(), async { stage.origin.next().await.begin(200, &[]).0 });
    (answer.expect("a head"), Sending::start(origin))
}

async fn downloads(route: ProxyRoute) {
    let stage = route.stage();
    let before = peak(&stage).await;
    if !is_long() {
        let (answer, _origin) = download(&stage).await;
        assert_eq!(answer.count_unrecorded().await.expect("whole"), body_bytes());
        stays_flat(&stage, before, "a download");
    }
    let (mut answer, origin) = download(&stage).await;
    let mut read = 0;
    while read < 1 << 20 {
        read += answer.chunk().await.expect("whole").expect("more").len() as u64;
    }
    let in_flight = origin.stands_still() - read;
    println!("{route:?}: {in_flight} bytes under way while the client stands still");
    assert!(in_flight < IN_FLIGHT_MAX, "{route:?}: {in_flight}");
    assert_eq!(read + answer.count_unrecorded().await.expect("whole"), body_bytes());
    stays_flat(&stage, before, "a download that stands still");
}

async fn uploads(route: ProxyRoute) {
    let stage = route.stage();
    let before = peak(&stage).await;
    for what in ["an upload that stands still", "an upload"].into_iter().take(if is_long() { 1 } else { 2 }) {
        let (request, body) = stage.request("POST", "/").streaming();
        let (answer, client) = (tokio::spawn(request.send()), Sending::start(body));
        let mut call = stage.origin.next().await;
        let mut read = call.body.piece().await.expect("whole").expect("more").len() as u64;
        if what.contains("still") {
            let in_flight = client.stands_still() - read;
            println!("{route:?}: {in_flight} bytes under way while the origin stands still");
            assert!(in_flight < IN_FLIGHT_MAX, "{route:?}: {in_flight}");
        }
        read += call.body.count().await.expect("whole");
        assert_eq!(read, body_bytes());
        drop(call.answer(200, &[], "got it"));
        assert_eq!(answer.await.expect("no panic").expect("answered").text(), "got it");
        stays_flat(&stage, before, what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_downloads_pass_in_flat_memory_and_wait_for_their_reader() {
    for route in [ProxyRoute::Http1, ProxyRoute::Http2] {
        downloads(route).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_uploads_pass_in_flat_memory_and_wait_for_their_reader() {
    for route in [ProxyRoute::Http1, ProxyRoute::Http2] {
        uploads(route).await;
    }
}
