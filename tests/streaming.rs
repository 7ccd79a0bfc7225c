//! No body is held back: events, uploads, downloads, upgrades, over both versions.

mod events;
mod gone;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Canary, Client, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";

fn stage() -> (Canary, Origin, Proxy) {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    (canary, origin, proxy)
}

fn both(proxy: &Proxy) -> [Client; 2] {
    [proxy.client(), proxy.client().http2()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_one_by_one() {
    let (_canary, _origin, proxy) = stage();
    for client in both(&proxy) {
        let request = client.get("https://api.example.test/sse?n=3&gap_ms=300").header("x-api-key", "{{API_KEY}}");
        let begun = Instant::now();
        let mut stream = request.open().await.expect("a head");
        let first = stream.chunk().await.expect("no error").expect("an event");
        assert!(begun.elapsed() < Duration::from_millis(300), "the first did not wait for the second");
        assert!(first.len() < 200);
        stream.collect().await.expect("the rest");
        assert!(begun.elapsed() >= Duration::from_millis(600));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_stream_at_once() {
    let (_canary, _origin, proxy) = stage();
    let client = proxy.client().http2();
    let request = client.request("POST", "https://api.example.test/stream-echo").header("x-api-key", "{{API_KEY}}");
    let (request, upload) = request.streaming();
    let mut stream = request.open().await.expect("a head before the body ends");
    for word in ["one", "two", "three"] {
        assert!(upload.send(word).await);
        assert_eq!(stream.chunk().await.expect("no error").as_deref(), Some(word.as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_pass_in_flat_memory() {
    const BYTES: usize = 64 << 20;
    let (_canary, _origin, proxy) = stage();
    for client in both(&proxy) {
        let before = peak_kib(&proxy);
        let url = format!("https://api.example.test/bytes/{BYTES}");
        let stream = client.get(&url).header("x-api-key", "{{API_KEY}}").open().await.expect("a head");
        assert_eq!(stream.count().await.expect("the body"), BYTES as u64);
        let upload = client.request("POST", "https://api.example.test/upload").header("x-api-key", "{{API_KEY}}");
        let answer = upload.body(vec![b'x'; BYTES]).send().await.expect("answered");
        assert_eq!(answer.text(), BYTES.to_string());
        let grown = peak_kib(&proxy) - before;
        assert!(grown < 24 * 1024, "{grown} KiB for bodies of {} KiB", BYTES / 1024);
    }
}

/// The most memory that the daemon has ever had.
fn peak_kib(proxy: &Proxy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_passes_through_with_its_credential() {
    let (canary, origin, proxy) = stage();
    let request = proxy.client().get("https://api.example.test/ws-echo").header("x-api-key", "{{API_KEY}}");
    let stream = request.header("connection", "Upgrade").header("upgrade", "echo").open().await.expect("a head");
    assert_eq!(stream.status, 101);
    let mut stream = stream.upgraded().await.expect("upgraded");
    for word in ["hello", "again"] {
        stream.write_all(word.as_bytes()).await.expect("written");
        let mut echo = vec![0; word.len()];
        stream.read_exact(&mut echo).await.expect("echoed");
        assert_eq!(echo, word.as_bytes());
    }
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_with_a_body_of_unknown_length_keeps_it() {
    let (_canary, origin, proxy) = stage();
    let (request, upload) = proxy.client().get("https://api.example.test/upload").streaming();
    let request = request.header("transfer-encoding", "chunked").header("x-api-key", "{{API_KEY}}");
    let answer = tokio::spawn(request.send());
    assert!(upload.send("unusual").await);
    drop(upload);
    assert_eq!(answer.await.expect("no panic").expect("answered").text(), "7");
    assert_eq!(origin.last_request().body, b"unusual");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_arrive() {
    let (_canary, _origin, proxy) = stage();
    let request = proxy.client().http2().get("https://api.example.test/trailers").header("te", "trailers");
    let answer = request.header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
    let trailers = answer.trailers.expect("trailers");
    assert_eq!(trailers.get("grpc-status").map(|value| value.as_bytes()), Some(b"0".as_slice()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_is_noticed_by_the_origin() {
    let (_canary, origin, proxy) = stage();
    for client in both(&proxy) {
        let url = "https://api.example.test/sse?n=10000&gap_ms=20";
        let mut stream = client.get(url).header("x-api-key", "{{API_KEY}}").open().await.expect("a head");
        stream.chunk().await.expect("no error").expect("an event");
        drop(stream);
    }
    let http1_closed = || origin.records().open_connections() <= 1;
    eventually(Duration::from_secs(5), "the origin's HTTP/1.1 connection closes", http1_closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_of_one_client_do_not_wait_for_each_other() {
    let (_canary, _origin, proxy) = stage();
    let tunnel = proxy.client().http2().tunnel("api.example.test:443").await.expect("a tunnel");
    let hanging = tunnel.get("https://api.example.test/slow?ms=4000").header("x-api-key", "{{API_KEY}}");
    let hanging = tokio::spawn(hanging.send());
    let begun = Instant::now();
    for _ in 0..20 {
        let answer = tunnel.get("https://api.example.test/echo").header("x-api-key", "{{API_KEY}}").send().await;
        assert_eq!(answer.expect("answered").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(3) && !hanging.is_finished());
    assert_eq!(hanging.await.expect("no panic").expect("answered").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_exchanges_do_not_wait_for_acknowledgements() {
    let (_canary, _origin, proxy) = stage();
    let tunnel = proxy.client().tunnel("api.example.test:443").await.expect("a tunnel");
    let mut times = Vec::new();
    for _ in 0..30 {
        let request = tunnel.request("POST", "https://api.example.test/upload").header("x-api-key", "{{API_KEY}}");
        times.push(request.body(vec![b'x'; 1024]).send().await.expect("answered").elapsed);
    }
    times.sort();
    assert!(times[times.len() / 2] < Duration::from_millis(35), "{times:?}");
}
