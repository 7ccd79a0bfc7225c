//! Floods over hundreds of connections: others are served all the while, the daemon is not taken for one that hangs, and
//! nothing is left.

mod servers;

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::bystander::visit;
use crate::support::h2_frames::{
    DATA, END_HEADERS, END_STREAM, Frames, HEADERS, NONE, PING, PRIORITY, block, frame, headers, literal, reset,
    settings, window,
};
use crate::support::origin::Upstream;
use crate::support::{Bystander, Canary, Client, Footprint, Origin, Proxy, eventually_async};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";
const TARGET: &str = "target.example.test";

/// Connections that attack at a time.
const ATTACKERS: usize = 200;

/// Those that send requests, which are work and not only bytes.
const REQUESTERS: usize = 40;

/// How long a request of another client may take, of a build with debug assertions on a busy machine.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// How long it may take until all attack.
const UNDER_WAY_WITHIN: Duration = Duration::from_secs(60);

/// The most memory that the daemon may take, in KiB, with debug assertions.
const RESIDENT_MAX: u64 = 512 * 1024;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const WINDOW: u16 = 4;

const RAPID_RESET: &str = "rapid reset";

/// A frame of a kind that does not exist.
const UNKNOWN: u8 = 0x2a;

/// A daemon, an origin for another client, and what was held before.
struct Scene {
    proxy: Proxy,
    _origin: Origin,
    start: Footprint,
    pid: serde_json::Value,
    bystander: Bystander,
}

impl Scene {
    async fn open(target: &impl Upstream) -> Self {
        let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
        let builder = Proxy::builder().origin(HOST, &origin).origin(TARGET, target);
        let proxy = builder.secret("API_KEY", &canary, HOST).start();
        visit(&proxy.client(), URL).await;
        let (start, pid) = (proxy.at_rest(), proxy.status()["pid"].clone());
        let bystander = Bystander::patient(proxy.client(), URL, SERVED_WITHIN);
        Self { proxy, _origin: origin, start, pid, bystander }
    }

    /// Nobody is harmed by the attack under way, which ends with this.
    async fn outlasts(&self, attack: &str, attackers: impl FnOnce(&Proxy) -> JoinSet<()>) {
        let sessions = || self.proxy.status()["sessions"]["total"].as_u64().expect("a number");
        let before = sessions();
        let attackers = attackers(&self.proxy);
        let all = before + attackers.len() as u64;
        let under_way = || sessions() >= all;
        eventually_async(UNDER_WAY_WITHIN, "all attack", async || under_way()).await;
        self.bystander.visits(0).await;
        drop(attackers);
        let peak = self.proxy.footprint().peak;
        assert!(peak <= Some(RESIDENT_MAX), "{attack}: {peak:?} KiB");
        let status = self.proxy.status();
        assert_eq!(status["pid"], self.pid, "{attack}");
        let restarts = status["subsystems"].as_array().expect("a list").iter().map(|it| it["restarts"].clone());
        assert!(restarts.into_iter().all(|restarts| restarts == 0), "{attack}: {status}");
    }

    async fn close(self) {
        self.bystander.stop().await;
        self.proxy.returns_to(&self.start, "all floods");
    }
}

/// Sends the same over and over, until the connection ends.
async fn flood(mut write: impl tokio::io::AsyncWrite + Unpin, opening: Vec<u8>, piece: Vec<u8>) {
    let mut sent = write.write_all(&opening).await;
    while sent.is_ok() {
        sent = write.write_all(&piece).await.and(write.flush().await);
    }
}

/// Reads and discards.
async fn drain(mut read: impl tokio::io::AsyncRead + Unpin) {
    let mut piece = vec![0; 16 * 1024];
    while matches!(read.read(&mut piece).await, Ok(1..)) {}
}

async fn both<S>(ends: (ReadHalf<S>, WriteHalf<S>), opening: Vec<u8>, piece: Vec<u8>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (read, write) = ends;
    tokio::join!(flood(write, opening, piece), drain(read));
}

fn fields(path: &str) -> [(&str, &str); 4] {
    [(":method", "GET"), (":scheme", "https"), (":authority", TARGET), (":path", path)]
}

/// A request, new each time, as often as a connection has numbers for it.
fn requests(then: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..2000).flat_map(|number| then(2 * number + 1)).collect()
}

/// A head with so many fields of one byte each, once `x` is in the table.
fn bomb(stream: u32, count: usize) -> Vec<u8> {
    let block = [block(&fields("/hang")), vec![0xbe; count]].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, stream, block)
}

/// How long an attacker waits before it connects again: this is about floods, not about handshakes.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// The same on the port itself.
async fn attack_port(client: Client, piece: String) {
    loop {
        let Ok(wire) = client.raw().await else { continue };
        both(split(wire), vec![], piece.clone().into_bytes()).await;
        sleep(RECONNECT_AFTER).await;
    }
}

/// An attacker that connects again when it is cut off.
async fn attack(client: Client, opening: Vec<u8>, piece: Vec<u8>) {
    loop {
        let Ok(frames) = Frames::open_with(&client, &format!("{TARGET}:443"), &[(WINDOW, 0)]).await else { continue };
        both(split(frames.into_wire()), opening.clone(), piece.clone()).await;
        sleep(RECONNECT_AFTER).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_clients_that_flood_delay_others_by_a_bound() {
    let target = Origin::start(&[TARGET]);
    let scene = Scene::open(&target).await;
    let planted =
        frame(HEADERS, END_STREAM | END_HEADERS, 1, [block(&fields("/hang")), literal(0x40, "x", "")].concat());
    let heads = |count| requests(move |stream| bomb(stream + 2, count));
    let table: [(&str, Vec<u8>, Vec<u8>); 9] = [
        ("PRIORITY", vec![], frame(PRIORITY, NONE, 1, [0, 0, 0, 0, 1]).repeat(1000)),
        ("unknown frames", vec![], frame(UNKNOWN, NONE, 1, []).repeat(1000)),
        ("WINDOW_UPDATE", vec![], window(0, 1).repeat(1000)),
        ("PING", vec![], frame(PING, NONE, 0, [0; 8]).repeat(1000)),
        ("SETTINGS", vec![], settings(&[]).repeat(1000)),
        ("empty DATA", headers(NONE, 1, &fields("/upload")), frame(DATA, NONE, 1, []).repeat(1000)),
        ("heads beyond the limit", planted.clone(), heads(1900)),
        ("heads far beyond the limit", planted, heads(8000)),
        (
            RAPID_RESET,
            vec![],
            requests(|stream| [headers(END_STREAM, stream, &fields("/hang")), reset(stream)].concat()),
        ),
    ];
    for (name, opening, piece) in table {
        let count = if name == RAPID_RESET { REQUESTERS } else { ATTACKERS };
        let attackers =
            |proxy: &Proxy| (0..count).map(|_| attack(proxy.client(), opening.clone(), piece.clone())).collect();
        scene.outlasts(name, attackers).await;
    }
    target.stop();
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_clients_with_thousands_of_names_in_connection_delay_others_by_a_bound() {
    let target = Origin::start(&[TARGET]);
    let scene = Scene::open(&target).await;
    let names: Vec<String> = (0..8000).map(|number| format!("n{number}")).collect();
    let head = format!(
        "GET http://{TARGET}/ HTTP/1.1\r\nHost: {TARGET}\r\nUpgrade: x\r\nConnection: {}\r\n\r\n",
        names.join(",")
    );
    let attackers = |proxy: &Proxy| (0..ATTACKERS).map(|_| attack_port(proxy.client(), head.clone())).collect();
    scene.outlasts("names in Connection", attackers).await;
    target.stop();
    scene.close().await;
}
