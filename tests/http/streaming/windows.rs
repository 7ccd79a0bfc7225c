//! HTTP/2's windows: a stream is not held up by small ones, and one that stands still holds up no other.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::h2_frames::{
    self, ACK, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, NONE, Outcome, SETTINGS, WINDOW_UPDATE, frame, headers,
    settings, window,
};
use crate::support::raw_origin::RawStream;
use crate::support::routes_matrix::{HOST, ProxyRoute, Stage};
use crate::support::{Proxy, RawOrigin};

const MIB: usize = 1 << 20;
const INITIAL_WINDOW_SIZE: u16 = 4;
const SMALLEST_FRAME: usize = 16 << 10;
const WITHIN: Duration = Duration::from_secs(10);
/// More than any test sends on one connection.
const WIDE_OPEN: u32 = 1 << 30;

fn request(stream: u32, method: &str, flags: u8) -> Vec<u8> {
    let fields = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", "/")];
    headers(flags, stream, &fields)
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The windows that a peer has announced by these frames: for a new stream, and for all together.
#[derive(Debug)]
struct Windows {
    stream: usize,
    connection: usize,
}

impl Windows {
    fn new() -> Self {
        Self { stream: 65_535, connection: 65_535 }
    }

    fn learn(&mut self, frame: &h2_frames::Frame) {
        if frame.kind == SETTINGS {
            for pair in frame.payload.chunks(6).filter(|pair| number(&pair[..2]) == usize::from(INITIAL_WINDOW_SIZE)) {
                self.stream = number(&pair[2..]);
            }
        }
        if frame.kind == WINDOW_UPDATE && frame.stream == 0 {
            self.connection += number(&frame.payload);
        }
    }

    fn are_large(&self) -> bool {
        self.stream >= MIB && self.connection >= 4 * MIB
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_have_a_mebibyte_under_way_before_a_byte_is_read() {
    let stage = ProxyRoute::Http2.stage();
    let mut client = Frames::open(&stage.proxy.client(), &format!("{HOST}:443")).await.expect("a connection");
    let mut windows = Windows::new();
    while !windows.are_large() {
        let frame = timeout(WITHIN, client.next()).await.unwrap_or_else(|_| panic!("{windows:?}"));
        windows.learn(&frame.expect("the connection lives"));
    }
    client.send(request(1, "POST", NONE)).await.expect("sent");
    for _ in 0..MIB / SMALLEST_FRAME {
        client.send(frame(DATA, NONE, 1, vec![b'x'; SMALLEST_FRAME])).await.expect("sent");
    }
    client.send(frame(DATA, END_STREAM, 1, [])).await.expect("sent");
    let mut call = stage.origin.next().await;
    assert_eq!(call.body.count().await.expect("all of it was within the window"), MIB as u64);
    drop(call.answer(200, &[], ""));
    assert_eq!(client.outcome(1).await, Outcome::Answered(200));
}

/// Answers one request with as much as the windows allow, and tells how much that is so far.
async fn fills_windows(mut stream: RawStream, told: mpsc::Sender<usize>) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.expect("a preface");
    stream.write_all(&[settings(&[]), frame(SETTINGS, ACK, 0, [])].concat()).await.expect("sent");
    stream.flush().await.expect("sent");
    let (mut windows, mut asked, mut sent) = (Windows::new(), false, 0);
    while let Some(frame) = h2_frames::next(&mut stream).await {
        windows.learn(&frame);
        asked |= frame.kind == HEADERS;
        if frame.kind == WINDOW_UPDATE && frame.stream == 1 {
            windows.stream += number(&frame.payload);
        }
        if asked && sent == 0 {
            stream.write_all(&h2_frames::frame(HEADERS, END_HEADERS, 1, [0x88])).await.expect("sent");
        }
        while asked && windows.stream.min(windows.connection) > 0 {
            let length = windows.stream.min(windows.connection).min(SMALLEST_FRAME);
            stream.write_all(&h2_frames::frame(DATA, NONE, 1, vec![b'x'; length])).await.expect("sent");
            windows.stream -= length;
            windows.connection -= length;
            sent += length;
            let _ = told.send(sent).await;
        }
        stream.flush().await.expect("sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_may_have_a_mebibyte_under_way_and_no_more_though_the_client_takes_nothing() {
    let (told, mut sent) = mpsc::channel(1024);
    let origin = RawOrigin::start(&[HOST], &["h2"], move |stream| fills_windows(stream, told.clone()));
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let shut = [(INITIAL_WINDOW_SIZE, 0)];
    let opened = Frames::open_with(&proxy.client(), &format!("{HOST}:443"), &shut).await;
    let mut client = opened.expect("a connection");
    client.send(request(1, "GET", END_STREAM)).await.expect("sent");
    let mut under_way = 0;
    while let Ok(Some(more)) = timeout(Duration::from_millis(500), sent.recv()).await {
        under_way = more;
    }
    assert!((MIB..2 * MIB).contains(&under_way), "{under_way}");
    // And it goes on as soon as the client takes something.
    client.send([window(0, WIDE_OPEN), window(1, WIDE_OPEN)].concat()).await.expect("sent");
    let mut taken = 0;
    while taken < 4 * MIB {
        let frame = timeout(WITHIN, client.next()).await.expect("it goes on").expect("the connection lives");
        taken += if frame.kind == DATA { frame.payload.len() } else { 0 };
    }
}

/// Opens a stream whose answer never ends, and which the client lets no further than its first window.
async fn stands_still(stage: &Stage, client: &mut Frames, stream: u32) {
    client.send(request(stream, "GET", END_STREAM)).await.expect("sent");
    let (origin, _) = stage.origin.next().await.begin(200, &[]);
    let piece = bytes::Bytes::from(vec![b'x'; 64 << 10]);
    while timeout(Duration::from_millis(300), origin.send(piece.clone())).await.is_ok() {}
    // It is held open, and would send more.
    tokio::spawn(async move { origin.given_up().await });
}

/// However many it has, and whatever was under way before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_holds_up_no_other() {
    let stage = ProxyRoute::Http2.stage();
    let (answer, origin) =
        tokio::join!(stage.request("GET", "/").open(), async { stage.origin.next().await.begin(200, &[]).0 });
    let mut answer = answer.expect("a head");
    let mut client = Frames::open(&stage.proxy.client(), &format!("{HOST}:443")).await.expect("a connection");
    client.send(window(0, WIDE_OPEN)).await.expect("sent");
    for number in 0..12 {
        stands_still(&stage, &mut client, 2 * number + 1).await;
    }
    assert!(origin.send("event").await);
    assert_eq!(answer.chunk().await.expect("it flows").as_deref(), Some(b"event".as_slice()), "what was under way");
    let (answer, ()) = tokio::join!(stage.request("GET", "/").send(), async {
        drop(stage.origin.next().await.answer(200, &[], "ok"));
    });
    assert_eq!(answer.expect("and what is new").text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_stand_still_hold_up_no_other() {
    const STILL: u32 = 6;
    let stage = ProxyRoute::Http2.stage();
    let mut client = Frames::open(&stage.proxy.client(), &format!("{HOST}:443")).await.expect("a connection");
    client.send(window(0, WIDE_OPEN)).await.expect("sent");
    for number in 0..STILL {
        stands_still(&stage, &mut client, 4 * number + 1).await;
        let stream = 4 * number + 3;
        client.send(request(stream, "GET", END_STREAM)).await.expect("sent");
        let answered = timeout(WITHIN, async {
            drop(stage.origin.next().await.answer(200, &[], vec![b'y'; 1000]));
            client.outcome(stream).await
        });
        assert_eq!(answered.await.ok(), Some(Outcome::Answered(200)), "beside {} that stand still", number + 1);
    }
}
