//! When all places are taken, a connection that moves no byte gives way to a newcomer, in whatever state it is; one in
//! use does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::exhaustion::{Going, PERMITTED, hello, in_frames, in_tunnel, inside, open, outside, post};
use crate::support::bystander::visit;
use crate::support::h2_frames::{END_STREAM, NONE, headers};
use crate::support::tls::Sni;
use crate::support::{Canary, Client, Origin, Proxy, Silent, Tunnel};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";

/// Few, so that all are soon taken; enough that a pause of the active client is short beside the time that it takes.
const PLACES: usize = 64;

/// A client that uses its connection all the while.
struct Active {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<()>,
}

impl Active {
    async fn start(client: &Client) -> Self {
        let (stop, tunnel) = (Arc::new(AtomicBool::new(false)), client.tunnel("api.example.test:443").await);
        let tunnel = tunnel.expect("a tunnel");
        let asking = tokio::spawn(ask(tunnel, stop.clone()));
        Self { stop, asking }
    }

    async fn stop(self, what: &str) {
        self.stop.store(true, Ordering::SeqCst);
        let served = self.asking.await;
        assert!(served.is_ok(), "{what}: each of its requests is served, on one connection");
    }
}

async fn ask(tunnel: Tunnel, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let answer = tunnel.get(URL).send().await.expect("answered");
        assert_eq!(answer.status, 200);
        sleep(Duration::from_millis(5)).await;
    }
}

struct Scene {
    proxy: Proxy,
    _origins: (Origin, Origin, Silent),
}

impl Scene {
    fn set() -> Self {
        let (canary, silent) = (Canary::new(), Silent::start());
        let [origin, target] = [HOST, "target.example.test"].map(|name| Origin::start(&[name]));
        let builder = Proxy::builder().origin(HOST, &origin).origin("target.example.test", &target);
        let builder = builder.secret("API_KEY", &canary, "*.example.test").origin("silent.example.test", &silent);
        let builder = builder.origin("passed.example.test", &target).arg("--passthrough").arg("passed.example.test");
        let proxy = builder.arg("--max-sessions").arg(&PLACES.to_string()).start();
        Self { proxy, _origins: (origin, target, silent) }
    }

    /// More clients than there are places stop at this point.
    async fn give_way(&self, what: &str, going: impl Fn(Client) -> Going) {
        let evicted = || self.proxy.status()["sessions"]["evicted"].as_u64().expect("a number");
        let (before, active) = (evicted(), Active::start(&self.proxy.client()).await);
        let mut held = Vec::new();
        for _ in 0..PLACES + 2 {
            held.push(going(self.proxy.client()).await);
        }
        timeout(Duration::from_secs(15), visit(&self.proxy.client(), URL)).await.expect(what);
        assert!(evicted() > before, "{what}: they took all places");
        active.stop(what).await;
        drop(held);
        self.proxy.at_rest();
    }
}

/// A tunnel to this host, and these bytes in it.
fn to_host(target: &'static str, bytes: Vec<u8>) -> impl Fn(Client) -> Going {
    move |client| {
        let bytes = bytes.clone();
        Box::pin(async move {
            let mut wire = client.raw_tunnel(target).await.expect("a tunnel");
            wire.send(bytes).await.expect("sent");
            wire
        })
    }
}

/// A request in a tunnel to a server that does not finish its handshake.
fn unanswered_handshake(client: Client) -> Going {
    Box::pin(async move {
        let wire = client.raw_tls_tunnel("silent.example.test:443", Sni::Host, &[]).await;
        let mut wire = wire.expect("a tunnel");
        wire.send("GET / HTTP/1.1\r\nHost: silent.example.test\r\n\r\n").await.expect("sent");
        wire
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_first_request() {
    let (scene, hello) = (Scene::set(), hello());
    scene.give_way("silence", outside("")).await;
    scene.give_way("half a head", outside("CONNECT target.exam")).await;
    scene.give_way("a silent tunnel", in_tunnel(b"", 0)).await;
    scene.give_way("half a handshake", in_tunnel(&hello[..hello.len() / 2], 0)).await;
    scene.give_way("a handshake", inside(String::new(), "")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_request() {
    let scene = Scene::set();
    scene.give_way("half a head in a tunnel", inside("GET /echo HTT".to_owned(), "")).await;
    scene.give_way("half a body", inside(post("/upload", PERMITTED, 100_000, 50_000), "")).await;
    scene.give_way("half a body in HTTP/2", in_frames(open("/upload", PERMITTED, NONE))).await;
    scene.give_way("a handshake upstream", unanswered_handshake).await;
    scene.give_way("no answer", inside(post("/hang", PERMITTED, 0, 0), "")).await;
    scene.give_way("no answer in HTTP/2", in_frames(open("/hang", PERMITTED, END_STREAM))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_request() {
    let scene = Scene::set();
    let upgrade =
        "GET /ws-echo HTTP/1.1\r\nHost: target.example.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    scene.give_way("unread", inside(post("/bytes/5000000", PERMITTED, 0, 0), "\r\n\r\n")).await;
    scene.give_way("unread in HTTP/2", in_frames(open("/bytes/5000000", PERMITTED, END_STREAM))).await;
    scene.give_way("upgraded", inside(upgrade.to_owned(), "\r\n\r\n")).await;
    scene.give_way("passed through", to_host("passed.example.test:443", hello())).await;
    scene.give_way("between two requests", inside(post("/echo", PERMITTED, 0, 0), "ok")).await;
}

/// Together they hold back more than there is room for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_read_give_way_when_they_take_too_much_memory() {
    let scene = Scene::set();
    let active = Active::start(&scene.proxy.client()).await;
    let paths = (0..100).flat_map(|number| {
        let target = [(":method", "GET"), (":scheme", "https"), (":authority", "target.example.test:443")];
        headers(END_STREAM, 2 * number + 1, &[&target[..], &[(":path", "/bytes/5000000")]].concat())
    });
    let (frames, mut held) = (paths.collect::<Vec<u8>>(), Vec::new());
    for _ in 0..8 {
        held.push(in_frames(frames.clone())(scene.proxy.client()).await);
    }
    scene.proxy.status_becomes("the largest are closed", |status| status["sessions"]["evicted"].as_u64() > Some(0));
    scene.proxy.status_becomes("the others are within the bound", |status| {
        status["sessions"]["backlog_bytes"].as_u64() <= Some(64 * 1024 * 1024)
    });
    active.stop("unread responses").await;
    visit(&scene.proxy.client(), URL).await;
    drop(held);
    scene.proxy.at_rest();
    scene.proxy.status_becomes("nothing is held back", |status| status["sessions"]["backlog_bytes"] == 0);
}
