//! Header blocks of HTTP/2 that HTTP/1.1 cannot express, and the reverse.
//!
//! For every header block, a value arrives only at the destination that all its fields agree on, in one canonical
//! request. The client sends exact frames. One origin uses HTTP/2; the other uses HTTP/1.1 with a strict parser, which
//! shows the bytes that the proxy serialised.

mod blocks;

use self::blocks::BLOCKS;
use self::blocks::Change::{self, First, Last, Set, Without};
use self::blocks::Fate::{Refused, Sent};
use crate::support::h2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, NONE, Outcome, PING, block, frame, headers,
};
use crate::support::strict_origin::StrictOrigin;
use crate::support::{Canary, Origin, Proxy};

const NEW: &str = "new.example.test";
const OLD: &str = "old.example.test";
const EVIL: &str = "evil.example.test";
const KEY: (&str, &str) = ("x-api-key", "{{API_KEY}}");

type Fields = &'static [(&'static str, &'static str)];

/// Both origins, and one that must never hear anything.
struct Stage {
    canary: Canary,
    new: Origin,
    old: StrictOrigin,
    evil: Origin,
    proxy: Proxy,
}

impl Stage {
    fn set() -> Self {
        let canary = Canary::new();
        let new = Origin::builder(&[NEW]).http2_only().start();
        let (old, evil) = (StrictOrigin::start(&[OLD]), Origin::start(&[EVIL]));
        let builder = Proxy::builder().origin(NEW, &new).origin(OLD, &old).origin(EVIL, &evil);
        let proxy = builder.secret("API_KEY", &canary, &format!("{NEW}, {OLD}")).start();
        Self { canary, new, old, evil, proxy }
    }

    /// What becomes of the first stream of a new connection.
    async fn outcome(&self, host: &str, frames: &[u8]) -> Outcome {
        let opened = Frames::open(&self.proxy.client(), &format!("{host}:443")).await;
        let mut connection = opened.expect("a connection");
        // It may be ended before all is written.
        let _ = connection.send(frames).await;
        connection.outcome(1).await
    }

    /// The paths that arrived whole. All that arrived had the right host and the value.
    fn arrived(&self) -> (Vec<String>, Vec<String>) {
        let value = self.canary.bytes();
        let (new, old) = (self.new.requests(), self.old.messages());
        assert!(new.iter().all(|it| it.authority.as_deref() == Some(NEW) && it.header_all(KEY.0) == [value]));
        assert!(old.iter().all(|it| it.all("host") == [OLD.as_bytes()] && it.all(KEY.0) == [value]));
        let new = new.into_iter().filter(|it| it.complete);
        assert_eq!((self.evil.connections(), self.evil.failed_handshakes()), (0, 0));
        (new.map(|it| it.path).collect(), old.into_iter().map(|it| it.target).collect())
    }
}

fn is_refusal(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Reset(_) | Outcome::Ended | Outcome::Answered(400 | 403))
}

/// A good header block with these changes.
fn changed(host: &str, changes: &[Change]) -> Vec<(String, String)> {
    let usual = [(":method", "GET"), (":scheme", "https"), (":authority", "HOST"), (":path", "/case"), KEY];
    let mut fields = usual.to_vec();
    for change in changes {
        match *change {
            Set(name, value) => fields.iter_mut().filter(|field| field.0 == name).for_each(|field| field.1 = value),
            First(name, value) => fields.insert(0, (name, value)),
            Last(name, value) => fields.push((name, value)),
            Without(name) => fields.retain(|field| field.0 != name),
        }
    }
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.replace("HOST", host))).collect()
}

fn encoded(host: &str, changes: &[Change]) -> Vec<u8> {
    let fields = changed(host, changes);
    block(&fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_block_agrees_with_itself_or_nothing_arrives() {
    let stage = Stage::set();
    let mut expected = Vec::new();
    for (changes, fate) in BLOCKS {
        for host in [NEW, OLD] {
            let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, encoded(host, changes));
            let outcome = stage.outcome(host, &request).await;
            let as_fated = if *fate == Refused { is_refusal(outcome) } else { outcome == Outcome::Answered(200) };
            assert!(as_fated, "{host} {changes:?} is to be {fate:?}: {outcome:?}");
        }
        expected.extend(if let Sent(path) = fate { Some((*path).to_owned()) } else { None });
    }
    assert_eq!(stage.arrived(), (expected.clone(), expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_the_length_that_was_announced_or_never_ends_at_the_origin() {
    let stage = Stage::set();
    let smuggled = "hello, GET /smuggled HTTP/1.1\r\nhost: old.example.test\r\n\r\n";
    let chunk = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: old.example.test\r\n\r\n";
    let table = [
        (None, "hello", true),
        (None, chunk, true),
        (Some("5"), "hello", true),
        (Some("5"), "hell", false),
        (Some("5"), "hello!", false),
        (Some("5"), smuggled, false),
        (Some("0"), smuggled, false),
    ];
    for (length, body, sent) in table {
        for host in [NEW, OLD] {
            let length = length.map(|length| Last("content-length", length));
            let changes: Vec<_> = [Set(":method", "POST")].into_iter().chain(length).collect();
            let head = frame(HEADERS, END_HEADERS, 1, encoded(host, &changes));
            let (first, last) = body.split_at(4);
            let body = [frame(DATA, NONE, 1, first), frame(DATA, END_STREAM, 1, last)].concat();
            let outcome = stage.outcome(host, &[head, body].concat()).await;
            let as_fated = if sent { outcome == Outcome::Answered(200) } else { is_refusal(outcome) };
            assert!(as_fated, "{host} {changes:?} {last:?}: {outcome:?}");
        }
    }
    let bodies: Vec<_> = stage.old.messages().into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, [b"hello".to_vec(), chunk.as_bytes().to_vec(), b"hello".to_vec()]);
    assert_eq!(stage.arrived().1, ["/case"; 3]);
}

/// Trailers, and those of them that arrive if the request does.
const TRAILERS: [(Fields, Option<Fields>); 8] = [
    (&[("x-trailer", "1")], Some(&[("x-trailer", "1")])),
    (&[("x-trailer", "{{API_KEY}}")], Some(&[("x-trailer", "{{API_KEY}}")])),
    (&[(":path", "/evil"), ("x-trailer", "1")], Some(&[("x-trailer", "1")])),
    (&[(":authority", EVIL)], Some(&[])),
    (&[("host", EVIL), ("content-length", "9"), ("x-trailer", "1")], Some(&[("x-trailer", "1")])),
    (&[("transfer-encoding", "chunked")], None),
    (&[("X-Trailer", "1")], None),
    (&[("x-trailer", "1\r\ny: 2")], None),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_are_fields_and_nothing_more() {
    let stage = Stage::set();
    for (trailers, _) in TRAILERS {
        let head = frame(HEADERS, END_HEADERS, 1, encoded(NEW, &[Set(":method", "POST")]));
        let rest = [frame(DATA, NONE, 1, "hello"), headers(END_STREAM, 1, trailers)].concat();
        stage.outcome(NEW, &[head, rest].concat()).await;
    }
    let requests = stage.new.requests();
    assert!(requests.iter().all(|request| request.path == "/case" && request.authority.as_deref() == Some(NEW)));
    let whole = requests.into_iter().filter(|request| request.complete);
    let owned = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let expected =
        TRAILERS.iter().filter_map(|(_, arrive)| Some(arrive.as_ref()?.iter().map(owned).collect::<Vec<_>>()));
    assert_eq!(whole.map(|request| request.trailers).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_block_in_pieces_is_one_or_none() {
    let stage = Stage::set();
    let block = encoded(OLD, &[]);
    let (first, last) = block.split_at(block.len() / 2);
    let begin = frame(HEADERS, END_STREAM, 1, first);
    let end = frame(CONTINUATION, END_HEADERS, 1, last);
    let between = [frame(PING, NONE, 0, [0; 8]), frame(DATA, NONE, 1, "x"), frame(CONTINUATION, END_HEADERS, 3, last)];
    assert_eq!(stage.outcome(OLD, &[&begin[..], &end].concat()).await, Outcome::Answered(200));
    for between in between {
        assert_eq!(stage.outcome(OLD, &[&begin[..], &between, &end].concat()).await, Outcome::Ended);
    }
    assert_eq!(stage.arrived().1, ["/case"]);
}
