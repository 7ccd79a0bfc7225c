//! The bound of every resource.
//!
//! The proxy serves requests within a bound, refuses or delays requests beyond it, and serves other clients as before.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::bystander::visit;
use crate::support::h2_frames::{END_STREAM, Frames, Outcome, headers, reset};
use crate::support::raw_origin::RawStream;
use crate::support::strict_origin::StrictOrigin;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Client, Origin, PlainOrigin, Proxy, RawOrigin, Silent, Wire, eventually};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";
const TARGET: &str = "api.example.test:443";

/// A stream that was refused before anything was made of it (RFC 9113, section 7).
const REFUSED_STREAM: u32 = 7;

fn stage() -> (Canary, Origin, Proxy) {
    let (canary, origin) = (Canary::new(), Origin::builder(&[HOST]).http1_only().start());
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    (canary, origin, proxy)
}

async fn tunnel(client: &Client) -> Wire {
    client.raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel")
}

/// The status of one request with so many fields, that have so many bytes each.
async fn status(client: &Client, fields: usize, bytes: usize) -> u16 {
    let mut request = client.get(URL);
    for number in 0..fields {
        request = request.header(&format!("x-{number}"), "y".repeat(bytes));
    }
    request.send().await.expect("answered").status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_64_kib_and_a_hundred_fields() {
    let origin = StrictOrigin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    // `Host` is a field too.
    let http1 = [(99, 1, 200), (100, 1, 431), (60, 1000, 200), (64, 1000, 200), (65, 1010, 431), (1, 140_000, 431)];
    for (fields, bytes, expected) in http1 {
        assert_eq!(status(&proxy.client(), fields, bytes).await, expected, "{fields} fields of {bytes} bytes");
    }
    for (fields, bytes, expected) in [(100, 1, 200), (101, 1, 431), (60, 1000, 200), (70, 1000, 431)] {
        let client = proxy.client().http2();
        assert_eq!(status(&client, fields, bytes).await, expected, "{fields} fields of {bytes} bytes, HTTP/2");
    }
    assert_eq!(origin.messages().len(), 5);
}

/// It goes on after its refusal has come, on the port itself and in a tunnel.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_still_sending_a_refused_head_is_not_reset() {
    let (_canary, _origin, proxy) = stage();
    let client = proxy.client();
    for mut wire in [client.raw().await.expect("open"), tunnel(&client).await] {
        wire.send(format!("GET http://{HOST}/ HTTP/1.1\r\nx-long: {}", "y".repeat(100_000))).await.expect("sent");
        let refusal = wire.read_head().await.expect("answered");
        assert!(refusal.starts_with("HTTP/1.1 431 "), "{refusal}");
        for _ in 0..10 {
            wire.send("y".repeat(10_000)).await.expect("read, though nobody wants it");
        }
        assert_eq!(wire.read_rest().await.expect("ended"), b"");
    }
    proxy.at_rest();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_32_placeholders() {
    let (_canary, origin, proxy) = stage();
    for client in [proxy.client(), proxy.client().http2()] {
        for (count, expected) in [(32, 200), (33, 403)] {
            let one = client.get(URL).header("x-api-key", "{{API_KEY}}".repeat(count));
            assert_eq!(one.send().await.expect("answered").status, expected, "{count} in one field");
            let fields = (0..count).fold(client.get(URL), |request, _| request.header("x-api-key", "{{API_KEY}}"));
            assert_eq!(fields.send().await.expect("answered").status, expected, "{count} fields");
        }
    }
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_has_a_hundred_streams() {
    let (_canary, origin, proxy) = stage();
    let mut frames = Frames::open(&proxy.client(), TARGET).await.expect("a connection");
    let open = |stream: u32, path| {
        headers(END_STREAM, stream, &[(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", path)])
    };
    let streams: Vec<u8> = (0..101).flat_map(|number| open(2 * number + 1, "/hang")).collect();
    frames.send(streams).await.expect("sent");
    assert_eq!(frames.outcome(201).await, Outcome::Reset(REFUSED_STREAM));
    eventually(Duration::from_secs(10), "a hundred at the origin", || origin.requests().len() == 100);
    frames.send([reset(1), open(203, "/echo")].concat()).await.expect("sent");
    assert_eq!(frames.outcome(203).await, Outcome::Answered(200), "there is room for another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_kept_for_as_many_clients_as_there_were_and_destinations_are_bounded() {
    let origin = PlainOrigin::start();
    let hosts: Vec<String> = (0..1100).map(|number| format!("host-{number}.example.test")).collect();
    let proxy = hosts.iter().fold(Proxy::builder(), |builder, host| builder.origin(host, &origin)).start();
    let mut dialled = [0; 2];
    for dialled in &mut dialled {
        let mut clients = JoinSet::new();
        for _ in 0..100 {
            clients.spawn(proxy.client().get("http://host-0.example.test/slow?ms=3000").send());
        }
        clients.join_all().await;
        *dialled = origin.records().connections();
    }
    assert!(dialled[0] > 64 && dialled[1] < dialled[0] + 10, "{dialled:?}");
    let client = proxy.client().forward().await.expect("open");
    for host in &hosts[1..] {
        assert_eq!(client.get(&format!("http://{host}/echo")).send().await.expect("answered").status, 200, "{host}");
    }
    eventually(Duration::from_secs(10), "1024 are kept", || origin.records().open_connections() <= 1024);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_http_2_connection_has_the_requests_of_one_client_at_a_time() {
    let (canary, origin) = (Canary::new(), Origin::builder(&[HOST]).http2_only().start());
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    assert_eq!(proxy.client().http2().get(URL).send().await.expect("answered").status, 200);
    let mut clients = JoinSet::new();
    for requests in [60, 40, 20] {
        let tunnel = proxy.client().http2().tunnel(TARGET).await.expect("a tunnel");
        for _ in 0..requests {
            clients.spawn(tunnel.get("https://api.example.test/hang").send());
        }
        let before = origin.requests().len();
        eventually(Duration::from_secs(10), "they arrive", || origin.requests().len() >= before.max(1));
    }
    eventually(Duration::from_secs(10), "all arrive", || origin.requests().len() == 121);
    // The first of them is that of the request that was answered.
    assert_eq!(origin.connections(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_body_is_read_up_to_a_mebibyte_and_for_a_pause() {
    let (_canary, _origin, proxy) = stage();
    let head = |length: u64| {
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {{{{UNKNOWN}}}}\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut pausing = tunnel(&proxy.client()).await;
    pausing.send(head(1000) + "half").await.expect("sent");
    let answer = timeout(Duration::from_secs(5), pausing.read_head()).await;
    assert!(answer.expect("in time").expect("answered").starts_with("HTTP/1.1 403 "));

    let mut endless = tunnel(&proxy.client()).await;
    endless.send(head(1 << 40)).await.expect("sent");
    let (piece, mut taken) = (vec![b'x'; 1 << 16], 0);
    while taken < 64 << 20 && matches!(timeout(Duration::from_secs(5), endless.send(&piece)).await, Ok(Ok(()))) {
        taken += piece.len();
    }
    assert!(taken < 64 << 20, "what is beyond the bound waits in the system's buffers");
    drop((pausing, endless));
    proxy.at_rest();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_body_that_drips_is_read_for_five_seconds() {
    let (_canary, _origin, proxy) = stage();
    let mut wire = tunnel(&proxy.client()).await;
    let fields = "x-api-key: {{UNKNOWN}}\r\nContent-Length: 1000000";
    let begun = Instant::now();
    wire.send(format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n\r\n")).await.expect("sent");
    let (mut read, mut write) = tokio::io::split(wire);
    let dripping = tokio::spawn(async move {
        while write.write_all(b"x").await.and(write.flush().await).is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let answer = timeout(Duration::from_secs(15), read_until(&mut read, b"\r\n\r\n")).await;
    assert!(answer.expect("in time").expect("answered").starts_with(b"HTTP/1.1 403 "));
    timeout(Duration::from_secs(8), dripping).await.expect("it is no longer read").expect("no panic");
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(4500) && took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_has_a_head_of_128_kib() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await else { return };
        let length = if head.starts_with(b"GET /large ") { 400_000 } else { 100_000 };
        let answer = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(length));
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.flush().await;
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for (path, expected) in [("small", 200), ("large", 502)] {
        let answer = proxy.client().get(&format!("https://{HOST}/{path}")).send().await;
        assert_eq!(answer.expect("answered").status, expected, "{path}");
    }
}

/// Hosts that a client makes up: each takes a certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaves_are_kept_for_1024_hosts_and_memory_with_them() {
    let (_canary, _origin, proxy) = stage();
    handshakes(&proxy, 0..1100).await;
    let full = proxy.at_rest();
    assert!(proxy.status()["ca"]["leaves_cached"].as_u64() <= Some(1024));
    handshakes(&proxy, 1100..1500).await;
    let more = proxy.returns_to(&full, "more hosts");
    assert!(proxy.status()["ca"]["leaves_cached"].as_u64() <= Some(1024));
    let added = more.resident.zip(full.resident).map(|(after, before)| after.saturating_sub(before));
    assert!(added <= Some(2 * 1024), "{added:?} KiB for 400 more hosts");
    visit(&proxy.client(), URL).await;
}

async fn handshakes(proxy: &Proxy, hosts: std::ops::Range<usize>) {
    let mut clients = JoinSet::new();
    for share in 0..8 {
        let (client, hosts) = (proxy.client(), hosts.clone().skip(share).step_by(8));
        clients.spawn(async move {
            for host in hosts {
                let target = format!("host-{host}.example.test:443");
                client.raw_tls_tunnel(&target, Sni::Host, &[]).await.expect("a handshake");
            }
        });
    }
    clients.join_all().await;
}

/// Both ends of a handshake have ten seconds. The only test that waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_has_ten_seconds() {
    let (canary, origin, silent) = (Canary::new(), Origin::start(&[HOST]), Silent::start());
    let builder = Proxy::builder().origin(HOST, &origin).origin("silent.example.test", &silent);
    let proxy = builder.secret("API_KEY", &canary, HOST).start();
    visit(&proxy.client(), URL).await;
    let (start, begun) = (proxy.at_rest(), Instant::now());
    let upstream = tokio::spawn(proxy.client().get("https://silent.example.test/").send());
    let mut held = Vec::new();
    for first in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1, 0]] {
        for _ in 0..20 {
            let mut wire = proxy.client().raw_tunnel(TARGET).await.expect("a tunnel");
            wire.send(first).await.expect("sent");
            held.push(wire);
        }
    }
    for wire in &mut held {
        assert_eq!(wire.read_rest().await.expect("ended"), b"");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(upstream.await.expect("no panic").expect("answered").status, 504);
    proxy.returns_to(&start, "clients that hold on");
}
