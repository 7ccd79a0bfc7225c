//! A hostile client that is refused, times out or is cut off at any point leaves nothing behind:
//! sessions, tasks, descriptors, threads and memory return to where they were.
//!
//! Each stage is a point at which a hundred clients stop and go away, half of them with a reset, in equal
//! rounds. What is forgotten adds to memory in each of them; what the allocator keeps does not.

use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::bystander::visit;
use crate::support::h2_frames::{END_STREAM, Frames, HEADERS, NONE, frame, headers};
use crate::support::raw_origin::RawStream;
use crate::support::tls::{self, Sni};
use crate::support::wire::read_until;
use crate::support::{Canary, Client, Fifo, Origin, Proxy, RawOrigin, Silent, Wire, eventually};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";
const TARGET: &str = "target.example.test:443";

/// Clients of one round.
const CLIENTS: usize = 100;

/// Rounds, of which one after the first must add next to nothing to resident memory.
const ROUNDS: usize = 5;

/// That is, in KiB: ten for each client, less than what a forgotten connection takes.
const ADDED_MAX: u64 = 1000;

/// A client on its way to the point where it stops.
pub(super) type Going = Pin<Box<dyn Future<Output = Wire> + Send>>;

/// Connects and says this.
pub(super) fn outside(text: &'static str) -> impl Fn(Client) -> Going {
    move |client| {
        Box::pin(async move {
            let mut wire = client.raw().await.expect("the port is open");
            wire.send(text).await.expect("sent");
            wire
        })
    }
}

/// Says these bytes after CONNECT, and waits until so many came back.
pub(super) fn in_tunnel(bytes: &[u8], answer: usize) -> impl Fn(Client) -> Going {
    let bytes = bytes.to_vec();
    move |client| {
        let bytes = bytes.clone();
        Box::pin(async move {
            let mut wire = client.raw_tunnel(TARGET).await.expect("a tunnel");
            wire.send(bytes).await.expect("sent");
            wire.read_bytes(answer).await.expect("answered");
            wire
        })
    }
}

/// Says this inside TLS, and waits until an answer has come up to its mark.
pub(super) fn inside(text: String, mark: &'static str) -> impl Fn(Client) -> Going {
    move |client| {
        let text = text.clone();
        Box::pin(async move {
            let mut wire = client.raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel");
            wire.send(text).await.expect("sent");
            wire.read_until(mark.as_bytes()).await.expect("answered");
            wire
        })
    }
}

/// Says these frames after the preface of HTTP/2.
pub(super) fn in_frames(frames: Vec<u8>) -> impl Fn(Client) -> Going {
    move |client| {
        let frames = frames.clone();
        Box::pin(async move {
            let mut connection = Frames::open(&client, TARGET).await.expect("a connection");
            connection.send(frames).await.expect("sent");
            connection.into_wire()
        })
    }
}

pub(super) fn post(path: &str, key: &str, length: usize, sent: usize) -> String {
    let fields = format!("Host: target.example.test\r\nx-api-key: {key}\r\nContent-Length: {length}\r\n");
    format!("POST {path} HTTP/1.1\r\n{fields}\r\n{}", "x".repeat(sent))
}

pub(super) fn open(path: &str, key: &str, flags: u8) -> Vec<u8> {
    let target = [(":method", "POST"), (":scheme", "https"), (":authority", TARGET), (":path", path)];
    headers(flags, 1, &[&target[..], &[("x-api-key", key)]].concat())
}

pub(super) const PERMITTED: &str = "{{API_KEY}}";
const REFUSED: &str = "{{UNKNOWN}}";

/// A daemon with an origin for good clients and one for others, both of which it has met.
struct Scene {
    proxy: Proxy,
    target: Origin,
    _origin: Origin,
}

impl Scene {
    async fn set() -> Self {
        let canary = Canary::new();
        let [origin, target] = [HOST, "target.example.test"].map(|name| Origin::start(&[name]));
        let builder = Proxy::builder().origin(HOST, &origin).origin("target.example.test", &target);
        let proxy = builder.secret("API_KEY", &canary, "*.example.test").start();
        visit(&proxy.client(), URL).await;
        visit(&proxy.client(), "https://target.example.test/").await;
        Self { proxy, target, _origin: origin }
    }

    /// Clients that are there once they are connected.
    async fn connected(&self, what: &str, going: impl Fn(Client) -> Going) {
        stage(&self.proxy, what, going, |_| is_full(&self.proxy)).await;
    }

    /// Clients that are there once the origin has their request.
    async fn at_the_origin(&self, what: &str, going: impl Fn(Client) -> Going) {
        let before = self.target.requests().len();
        stage(&self.proxy, what, going, |come| self.target.requests().len() == before + come).await;
    }

    /// Clients that are there once their refusal is recorded.
    async fn refused(&self, what: &str, going: impl Fn(Client) -> Going) {
        let refused = || self.proxy.status()["audit"]["refused"].as_u64().expect("a number");
        let before = refused();
        stage(&self.proxy, what, going, |come| refused() == before + come as u64).await;
    }
}

fn is_full(proxy: &Proxy) -> bool {
    proxy.status()["sessions"]["active"] == CLIENTS
}

/// Clients come to a point and go away, in rounds; `there` says whether so many have come, in all of them.
async fn stage(proxy: &Proxy, what: &str, going: impl Fn(Client) -> Going, there: impl Fn(usize) -> bool) {
    let start = proxy.at_rest();
    let mut resident = Vec::new();
    for round in 1..=ROUNDS {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = if number % 2 == 0 { proxy.client() } else { proxy.client().abrupt() };
            clients.spawn(going(client));
        }
        let held = clients.join_all().await;
        eventually(Duration::from_secs(20), what, || there(round * CLIENTS));
        drop(held);
        let left = proxy.returns_to(&start, what).resident.unwrap_or_default();
        if resident.last().is_some_and(|before| left <= before + ADDED_MAX) {
            return;
        }
        resident.push(left);
    }
    panic!("{what}: memory grows with each round: {resident:?} KiB");
}

/// The first flight of a handshake.
pub(super) fn hello() -> Vec<u8> {
    let roots = tls::roots(&[tls::TestCa::new().pem()]).expect("a root");
    let (config, name) = tls::client(roots, "target.example.test", &Sni::Host, &["h2"]).expect("settings");
    let mut bytes = Vec::new();
    let mut handshake = rustls::ClientConnection::new(config, name).expect("a handshake");
    handshake.write_tls(&mut bytes).expect("written");
    bytes
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "no /proc here: of what is held, sessions and tasks alone are compared")]
fn descriptors_threads_and_memory_are_counted_where_proc_shows_them() {
    let held = Proxy::builder().start().footprint();
    assert!(held.threads.is_some() && held.resident.is_some() && held.peak.is_some(), "{held:?}");
    // The daemon is not dumpable: its descriptors are shown to root alone.
    assert!(held.descriptors.is_some() || !rustix::process::geteuid().is_root(), "{held:?}");
    if held.descriptors.is_none() {
        eprintln!("not run as root: descriptors are not compared");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_handshake_is_done() {
    let (scene, hello) = (Scene::set().await, hello());
    scene.connected("silence", outside("")).await;
    scene.connected("half a CONNECT", outside("CONNECT target.exam")).await;
    scene.connected("CONNECT", in_tunnel(b"", 0)).await;
    scene.connected("half a ClientHello", in_tunnel(&hello[..hello.len() / 2], 0)).await;
    scene.connected("a ClientHello", in_tunnel(&hello, 100)).await;
    scene.connected("a handshake", inside(String::new(), "")).await;
    scene.connected("a handshake for HTTP/2", in_frames(Vec::new())).await;
    visit(&scene.proxy.client(), URL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_request() {
    let scene = Scene::set().await;
    scene.connected("half a head", inside("GET /echo HTT".to_owned(), "")).await;
    scene.connected("a slow head", slow_head).await;
    scene.connected("half a block", in_frames(frame(HEADERS, NONE, 1, [0x10]))).await;
    scene.at_the_origin("a head without its body", inside(post("/upload", PERMITTED, 1000, 0), "")).await;
    scene.at_the_origin("half a body", inside(post("/upload", PERMITTED, 100_000, 50_000), "")).await;
    scene.at_the_origin("a stream without its body", in_frames(open("/upload", PERMITTED, NONE))).await;
    visit(&scene.proxy.client(), URL).await;
}

/// A byte every 100 ms.
fn slow_head(client: Client) -> Going {
    Box::pin(async move {
        let mut wire = inside(String::new(), "")(client).await;
        for byte in ["G", "E", "T", " "] {
            wire.send(byte).await.expect("sent");
            sleep(Duration::from_millis(100)).await;
        }
        wire
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_refused() {
    let scene = Scene::set().await;
    scene.refused("refused, unread", inside(post("/", REFUSED, 0, 0), "")).await;
    scene.refused("refused, half read", inside(post("/", REFUSED, 0, 0), "403 F")).await;
    scene.refused("refused while uploading", inside(post("/", REFUSED, 10_000_000, 300_000), "")).await;
    scene.refused("refused in HTTP/2 while uploading", in_frames(open("/", REFUSED, NONE))).await;
    visit(&scene.proxy.client(), URL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_response_is_waited_for_or_not_read() {
    let scene = Scene::set().await;
    scene.at_the_origin("no response", inside(post("/hang", PERMITTED, 0, 0), "")).await;
    scene.at_the_origin("no response in HTTP/2", in_frames(open("/hang", PERMITTED, END_STREAM))).await;
    scene.at_the_origin("unread", inside(post("/bytes/5000000", PERMITTED, 0, 0), "")).await;
    scene.at_the_origin("unread in HTTP/2", in_frames(open("/bytes/5000000", PERMITTED, END_STREAM))).await;
    let upgrade =
        "GET /ws-echo HTTP/1.1\r\nHost: target.example.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    scene.at_the_origin("upgraded and silent", inside(upgrade.to_owned(), "\r\n\r\n")).await;
    visit(&scene.proxy.client(), URL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_mount_is_waited_for() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).canary(&canary).secrets_fifo().start();
    let text = format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", canary.value());
    let fifo = Fifo::awaiting_approval(&proxy.secrets_path(), &text);
    let waiting = || inside(post("/", PERMITTED, 0, 0), "");
    let first = waiting()(proxy.client()).await;
    proxy.status_becomes("a prompt", |status| status["secrets"]["state"] == "awaiting-approval");
    drop(first);
    let before = proxy.at_rest();
    stage(&proxy, "the mount", waiting(), |_| is_full(&proxy)).await;
    fifo.approve();
    visit(&proxy.client(), URL).await;
    origin.stop();
    proxy.returns_to(&before, "the approval");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_origin_that_stops_in_the_middle() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let half = RawOrigin::start(&["target.example.test"], &["http/1.1"], |mut stream: RawStream| async move {
        let _ = read_until(&mut stream, b"\r\n\r\n").await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
        let _ = stream.flush().await;
        let _ = stream.read_u8().await;
    });
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, "*.example.test");
    let proxy = builder.origin("target.example.test", &half).start();
    visit(&proxy.client(), URL).await;
    let going = inside(post("/", PERMITTED, 0, 0), "half");
    stage(&proxy, "half a response", going, |_| is_full(&proxy)).await;
    visit(&proxy.client(), URL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_origin_that_does_not_finish_its_handshake() {
    let canary = Canary::new();
    let (origin, silent) = (Origin::start(&[HOST]), Silent::start());
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, "*.example.test");
    let proxy = builder.origin("target.example.test", &silent).start();
    visit(&proxy.client(), URL).await;
    let going = inside(post("/", PERMITTED, 0, 0), "");
    stage(&proxy, "a silent origin", going, |come| silent.connections() == come).await;
    visit(&proxy.client(), URL).await;
}
