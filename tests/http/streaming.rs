//! No body is held back: events, uploads, downloads, upgrades, over both versions.

mod events;
mod flow;
mod gone;
mod windows;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Canary, Origin, Proxy};

const HOST: &str = "api.example.test";

fn stage() -> (Canary, Origin, Proxy) {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    (canary, origin, proxy)
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
