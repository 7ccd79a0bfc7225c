//! Floods over HTTP/2: whoever sends them is cut off or costs no more than a bound, others are served
//! all the while, and nothing is left once the sender has gone.

use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::bystander::visit;
use crate::support::h2_frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, NONE, PING, PRIORITY, RST_STREAM, SETTINGS,
    block, frame, headers, literal, next, reset, settings, window,
};
use crate::support::{Bystander, Canary, Client, Footprint, Origin, Proxy, Wire};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";
const TARGET: &str = "target.example.test";

/// Connections that attack at a time.
const ATTACKERS: u32 = 2;

/// What one of them may cost, in KiB of resident memory. A hundred streams, each with 64 KiB to be sent
/// and a frame of 64 KiB in hand, and the window of 4 MiB from the origin are 17 MiB.
const COST_MAX: u64 = 24 * 1024;

/// Errors of its client that the proxy answers with a reset, on one connection.
const RESETS_MAX: u32 = 64;

/// How long the end of a connection may take once the attack is written.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(10);

/// How long a write may wait until the other end counts as one that does not read.
const STUCK: Duration = Duration::from_secs(2);

/// How long a request waits for a pipe that nobody serves.
const UNSERVED_WAIT: Duration = Duration::from_secs(3);

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const WINDOW: u16 = 4;

/// What is sent over and over, given a stream that is new each time.
type Turn = fn(u32) -> Vec<u8>;

/// What an attacker does on its connection.
#[derive(Clone)]
struct Attack {
    settings: Vec<(u16, u32)>,
    opening: Vec<u8>,
    turn: Turn,
    turns: u32,
    reads: bool,
}

/// An attack under way. The connection stays open while this is held.
struct Attacking {
    /// Counts the resets that come, if somebody reads.
    reading: JoinSet<u32>,
    _ends: (Option<ReadHalf<Wire>>, WriteHalf<Wire>),
}

impl Attack {
    fn new(turns: u32, turn: Turn) -> Self {
        Self { settings: Vec::new(), opening: Vec::new(), turn, turns, reads: true }
    }

    fn opening(self, opening: Vec<u8>) -> Self {
        Self { opening, ..self }
    }

    fn unread(self) -> Self {
        Self { reads: false, ..self }
    }

    /// Sends it all, or as much as the other end takes.
    async fn begin(self, client: Client) -> Attacking {
        let authority = format!("{TARGET}:443");
        let frames = Frames::open_with(&client, &authority, &self.settings).await.expect("a connection");
        let (read, mut write) = split(frames.into_wire());
        let (mut unread, mut reading) = (Some(read), JoinSet::new());
        if let Some(read) = unread.take_if(|_| self.reads) {
            reading.spawn(resets_until_the_end(read));
        }
        let turns: Vec<u32> = (0..self.turns).collect();
        let pieces = turns.chunks(50).map(|turns| turns.iter().flat_map(|turn| (self.turn)(2 * turn + 1)).collect());
        for piece in [self.opening.clone()].into_iter().chain(pieces) {
            let written = async { write.write_all(&piece).await.and(write.flush().await) };
            if !matches!(timeout(STUCK, written).await, Ok(Ok(()))) {
                break;
            }
        }
        Attacking { reading, _ends: (unread, write) }
    }
}

impl Attacking {
    /// Waits until the other end has ended the connection; the resets that it sent before.
    async fn ends(mut self, attack: &str) -> u32 {
        let ended = timeout(CUT_OFF_WITHIN, self.reading.join_next()).await;
        let resets = ended.unwrap_or_else(|_| panic!("{attack}: the connection lives on"));
        resets.expect("somebody reads").expect("no panic")
    }
}

async fn resets_until_the_end(mut read: ReadHalf<Wire>) -> u32 {
    let mut resets = 0;
    while let Some(frame) = next(&mut read).await {
        resets += u32::from(frame.kind == RST_STREAM);
    }
    resets
}

/// A daemon, an origin for the attackers, one for others, and what was held before.
struct Scene {
    proxy: Proxy,
    target: Origin,
    _origin: Origin,
    start: Footprint,
    bystander: Bystander,
}

impl Scene {
    async fn open() -> Self {
        let canary = Canary::new();
        let [origin, target] = [HOST, TARGET].map(|name| Origin::start(&[name]));
        let builder = Proxy::builder().origin(HOST, &origin).origin(TARGET, &target);
        let proxy = builder.secret("API_KEY", &canary, "*.example.test").start();
        visit(&proxy.client(), URL).await;
        let start = proxy.at_rest();
        let bystander = Bystander::start(proxy.client(), URL);
        Self { proxy, target, _origin: origin, start, bystander }
    }

    async fn attack(&self, attack: &Attack) -> Vec<Attacking> {
        let mut attackers = JoinSet::new();
        for _ in 0..ATTACKERS {
            attackers.spawn(attack.clone().begin(self.proxy.client()));
        }
        attackers.join_all().await
    }

    /// Nobody is harmed, and what is left when the attackers have gone is what was there before.
    async fn close(self, attack: &str) {
        self.bystander.visits(2).await;
        self.bystander.stop().await;
        // Connections that an origin keeps open are kept for the next client.
        self.target.stop();
        let end = self.proxy.returns_to(&self.start, attack);
        let cost = end.peak.zip(self.start.resident).map(|(peak, before)| peak.saturating_sub(before));
        assert!(cost.is_none_or(|cost| cost <= u64::from(ATTACKERS) * COST_MAX), "{attack}: {cost:?} KiB");
    }
}

/// The connection is ended before all is taken.
async fn cut_off(name: &str, attack: Attack) {
    let scene = Scene::open().await;
    for attacking in scene.attack(&attack).await {
        let resets = attacking.ends(name).await;
        assert!(resets <= RESETS_MAX, "{name}: {resets} resets");
    }
    scene.close(name).await;
}

/// The connection may live on: it costs no more than a bound.
async fn outlasted(name: &str, attack: Attack) {
    let scene = Scene::open().await;
    let attacking = scene.attack(&attack).await;
    scene.bystander.visits(5).await;
    drop(attacking);
    scene.close(name).await;
}

fn request(flags: u8, stream: u32, path: &str) -> Vec<u8> {
    headers(flags, stream, &fields(path))
}

fn fields(path: &str) -> [(&str, &str); 5] {
    let key = ("x-api-key", "{{API_KEY}}");
    [(":method", "POST"), (":scheme", "https"), (":authority", TARGET), (":path", path), key]
}

/// A request whose block goes on with these bytes.
fn request_with(stream: u32, more: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, [block(&fields("/hang")), more.to_vec()].concat())
}

fn hanging(stream: u32, then: Vec<u8>) -> Vec<u8> {
    [request(END_STREAM, stream, "/hang"), then].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset_is_cut_off() {
    cut_off("rapid reset", Attack::new(5_000, |stream| hanging(stream, reset(stream)))).await;
}

/// Known as `MadeYouReset`: the resets are the proxy's, the cause is the client's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_that_the_proxy_is_made_to_send_are_bounded() {
    let table: [(&str, Turn); 6] = [
        ("a window of nothing more", |stream| hanging(stream, window(stream, 0))),
        ("a window too large", |stream| hanging(stream, window(stream, 0x7fff_ffff))),
        ("data after the end", |stream| hanging(stream, frame(DATA, NONE, stream, "x"))),
        ("fields after the end", |stream| hanging(stream, headers(END_STREAM, stream, &[("x", "y")]))),
        ("a stream that waits for itself", |stream| {
            hanging(stream, frame(PRIORITY, NONE, stream, [&stream.to_be_bytes()[..], &[0]].concat()))
        }),
        ("half a request", |stream| headers(END_STREAM, stream, &[(":method", "GET")])),
    ];
    for (name, turn) in table {
        cut_off(name, Attack::new(5_000, turn)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_block_without_an_end_is_cut_off() {
    let opening = frame(HEADERS, NONE, 1, block(&fields("/hang")));
    let filled = Attack::new(20_000, |_| frame(CONTINUATION, NONE, 1, block(&[("x-filler", "y")])));
    cut_off("CONTINUATION", filled.opening(opening.clone())).await;
    let empty = Attack::new(20_000, |_| frame(CONTINUATION, NONE, 1, []));
    cut_off("empty CONTINUATION", empty.opening(opening)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_bombs_are_cut_off_or_bounded() {
    cut_off("fields without a name", Attack::new(500, |stream| request_with(stream, &block(&[("", "")])))).await;
    let many = Attack::new(100, |stream| request_with(stream, &[0x10, 1, b'a', 0].repeat(2_000)));
    cut_off("fields without a value", many).await;
    // The large field is in the table from the opening on; 0xbe names it in one byte.
    let planted = request_with(1, &literal(0x40, "x", &"y".repeat(4_000)));
    let bomb = Attack::new(500, |stream| request_with(stream + 2, &[0xbe; 10_000]));
    cut_off("40 MB in 10 kB", bomb.opening(planted.clone())).await;
    let small = Attack::new(500, |stream| request_with(stream + 2, &[0xbe; 15]));
    outlasted("60 kB in 15 bytes", small.opening(planted)).await;
    let large = Attack::new(100, |stream| request_with(stream, &block(&[("x", "y".repeat(15_000).as_str()); 4])));
    outlasted("60 kB in 60 kB", large).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_mean_nothing_are_cut_off_or_cost_nothing() {
    let ping: Turn = |_| frame(PING, NONE, 0, [0; 8]);
    outlasted("PING", Attack::new(50_000, ping)).await;
    outlasted("PING, its answers unread", Attack::new(500_000, ping).unread()).await;
    outlasted("SETTINGS", Attack::new(50_000, |stream| settings(&[(WINDOW, stream)]))).await;
    outlasted("PRIORITY", Attack::new(50_000, |stream| frame(PRIORITY, NONE, stream, [0, 0, 0, 0, 1]))).await;
    cut_off("SETTINGS that nobody sent", Attack::new(20_000, |_| frame(SETTINGS, ACK, 0, []))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_crumbs_is_cut_off_or_bounded() {
    let empty = Attack::new(50_000, |_| frame(DATA, NONE, 1, []));
    cut_off("empty DATA", empty.opening(request(NONE, 1, "/upload"))).await;
    // Those that are passed on, or read after an early answer, as fast as they come are a body like any other.
    for path in ["/hang", "/early/200"] {
        let crumbs = Attack::new(100_000, |_| frame(DATA, NONE, 1, "x"));
        outlasted(&format!("DATA of one byte to {path}"), crumbs.opening(request(NONE, 1, path))).await;
    }
}

/// Nobody reads the body of a request that waits for the mount.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_crumbs_that_nobody_reads_is_cut_off() {
    let (canary, target) = (Canary::new(), Origin::start(&[TARGET]));
    let proxy = Proxy::builder().origin(TARGET, &target).secrets_fifo().canary(&canary).start();
    let crumbs = Attack::new(100_000, |_| frame(DATA, NONE, 1, "x")).opening(request(NONE, 1, "/upload"));
    let began = Instant::now();
    let resets = crumbs.begin(proxy.client()).await.ends("DATA of one byte that nobody reads").await;
    assert!(began.elapsed() < UNSERVED_WAIT, "it is cut off while the request waits: {:?}", began.elapsed());
    assert!(resets <= RESETS_MAX, "{resets} resets");
    assert!(target.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_costs_a_bound() {
    let large: Turn = |stream| request(END_STREAM, stream, "/bytes/4000000");
    outlasted("unread", Attack::new(100, large).unread()).await;
    let wide = Attack { settings: vec![(WINDOW, 0x7fff_ffff)], ..Attack::new(100, large) };
    outlasted("unread, with wide windows", wide.opening(window(0, 0x7fff_0000)).unread()).await;
    let requests: Vec<u8> = (0..100).flat_map(|turn| large(2 * turn + 1)).collect();
    let trickle = Attack::new(20_000, |stream| window(stream % 200, 1));
    outlasted("a byte at a time", Attack { settings: vec![(WINDOW, 0)], ..trickle.opening(requests) }).await;
}

/// Below every bound, and through an upstream connection that others share: what a client resets on
/// its own connection must not make the origin end theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_by_the_way_harm_no_other_client_of_the_same_origin() {
    let canary = Canary::new();
    let target = Origin::builder(&[TARGET]).http2_only().start();
    let proxy = Proxy::builder().origin(TARGET, &target).secret("API_KEY", &canary, "*.example.test").start();
    let start = proxy.at_rest();
    let bystander = Bystander::start(proxy.client(), &format!("https://{TARGET}/echo"));
    let mut attackers = JoinSet::new();
    for streams in [1, 1, 30, 30] {
        attackers.spawn(resets_in_turns(proxy.client(), streams, 900 / streams));
    }
    attackers.join_all().await;
    bystander.visits(2).await;
    bystander.stop().await;
    target.stop();
    proxy.returns_to(&start, "resets");
}

/// Opens so many streams, waits until they were taken, and resets them.
async fn resets_in_turns(client: Client, streams: u32, turns: u32) {
    let mut frames = Frames::open(&client, &format!("{TARGET}:443")).await.expect("a connection");
    for turn in 0..turns {
        let streams = || (0..streams).map(move |number| 2 * (turn * streams + number) + 1);
        let requests = streams().flat_map(|stream| request(END_STREAM, stream, "/hang"));
        let requests: Vec<u8> = requests.chain(frame(PING, NONE, 0, [0; 8])).collect();
        frames.send(requests).await.expect("sent");
        while frames.next().await.expect("it lives").kind != PING {}
        frames.send(streams().flat_map(reset).collect::<Vec<u8>>()).await.expect("sent");
    }
}
