//! The bounds on a head: equal heads get equal answers, however they are cut.

use tokio::io::AsyncWriteExt as _;

use crate::support::h2_frames::{
    CONTINUATION, END_HEADERS, END_STREAM, Frames, HEADERS, NONE, Outcome, block, frame, headers,
};
use crate::support::raw_origin::RawStream;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Client, Origin, PlainOrigin, Proxy, RawOrigin, Wire};

const HOST: &str = "api.example.test";
const TARGET: &str = "api.example.test:443";
const PLAIN: &str = "plain.example.test";

/// The bytes that the head of a request may have.
const HEAD_BYTES_MAX: usize = 64 * 1024;

struct Stage {
    _origins: (Origin, Origin),
    proxy: Proxy,
}

fn stage() -> Stage {
    let (canary, origin, plain) = (Canary::new(), Origin::start(&[HOST]), PlainOrigin::start());
    let builder = Proxy::builder().origin(HOST, &origin).origin(PLAIN, &plain);
    Stage { proxy: builder.secret("API_KEY", &canary, HOST).start(), _origins: (origin, plain) }
}

/// A head of exactly so many bytes.
fn head(target: &str, host: &str, bytes: usize) -> String {
    let begin = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
    let field = |number: usize, length: usize| format!("x-{number:03}: {}\r\n", "y".repeat(length));
    let (whole, overhead) = (1000, field(0, 0).len());
    let mut head = begin;
    let mut left = bytes - head.len() - 2;
    for number in 0.. {
        if left < 2 * (whole + overhead) {
            head += &field(number, left - overhead);
            break;
        }
        head += &field(number, whole);
        left -= whole + overhead;
    }
    head + "\r\n"
}

/// The status of a request that is sent in these pieces, each once the other end has taken the one before.
async fn status(mut wire: Wire, head: &str, cuts: &[usize]) -> String {
    let (mut begin, ends) = (0, cuts.iter().copied().chain([head.len()]));
    for end in ends.filter(|end| *end <= head.len()) {
        // What is refused may be refused before its last piece.
        let _ = wire.send(&head[begin..end]).await;
        tokio::task::yield_now().await;
        begin = end;
    }
    let answer = wire.read_head().await.unwrap_or_else(|error| panic!("{error}: {} bytes, {cuts:?}", head.len()));
    answer.split(' ').nth(1).expect("a status").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_heads_get_equal_answers_in_any_cut() {
    let stage = stage();
    let client = stage.proxy.client();
    let max = HEAD_BYTES_MAX;
    for bytes in [max - 1, max, max + 1, max + 700, 70_000, 90_000, 114_000] {
        let expected = if bytes <= max { "200" } else { "431" };
        let steps: Vec<usize> = (1..bytes).step_by(5000).collect();
        let cuts: [&[usize]; 7] =
            [&[], &[1], &[max - 1], &[max, max + 1], &[bytes - 1], &[8192, 16_384, 32_768], &steps];
        for cuts in cuts {
            let wire = client.raw().await.expect("open");
            let port = status(wire, &head(&format!("http://{PLAIN}/echo"), PLAIN, bytes), cuts).await;
            assert_eq!(port, expected, "{bytes} bytes on the port, cut at {cuts:?}");
        }
        for cuts in [&[][..], &[max - 1], &steps] {
            let wire = client.raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel");
            let tunnel = status(wire, &head("/echo", HOST, bytes), cuts).await;
            assert_eq!(tunnel, expected, "{bytes} bytes in a tunnel, cut at {cuts:?}");
        }
    }
}

fn fields(number: usize, names: &[String]) -> Vec<(&str, &str)> {
    let pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/echo")];
    pseudo.into_iter().chain(names.iter().take(number).map(|name| (name.as_str(), ""))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_with_too_many_fields_is_a_431_and_the_third_ends_the_connection() {
    let stage = stage();
    let names: Vec<String> = (0..3000).map(|number| format!("x-{number}")).collect();
    let open = async || Frames::open(&stage.proxy.client(), TARGET).await.expect("a connection");
    for number in [101, 1000, 2500] {
        let mut frames = open().await;
        for stream in [1, 3] {
            let block = block(&fields(number, &names));
            let (first, rest) = block.split_at(block.len() / 2);
            let first = frame(HEADERS, END_STREAM, stream, first);
            frames.send([first, frame(CONTINUATION, END_HEADERS, stream, rest)].concat()).await.expect("sent");
            assert_eq!(frames.outcome(stream).await, Outcome::Answered(431), "{number} fields");
        }
        frames.send(headers(END_STREAM, 5, &fields(100, &names))).await.expect("sent");
        assert_eq!(frames.outcome(5).await, Outcome::Answered(200), "the connection lives on");
        frames.send(headers(END_STREAM, 7, &fields(number, &names))).await.expect("sent");
        assert_eq!(frames.outcome(7).await, Outcome::Answered(431), "{number} fields");
        let _ = frames.send(headers(END_STREAM, 9, &fields(1, &names))).await;
        assert_eq!(frames.outcome(9).await, Outcome::Ended, "{number} fields, three times");
    }
    let mut frames = open().await;
    frames.send(frame(HEADERS, NONE, 1, block(&fields(5, &names)))).await.expect("sent");
    drop(frames);
    stage.proxy.at_rest();
}

/// The status of a request whose `Connection` names so many fields.
async fn naming(client: &Client, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("x-{number}")).collect();
    let fields = format!("Upgrade: x\r\nConnection: {}", names.join(", "));
    let wire = client.raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel");
    status(wire, &format!("GET /echo HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n\r\n"), &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_names_32_fields_of_a_request() {
    let stage = stage();
    for (count, expected) in [(32, "200"), (33, "400"), (8000, "400")] {
        assert_eq!(naming(&stage.proxy.client(), count).await, expected, "{count} names");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_names_32_fields_of_a_response() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await else { return };
        let few = head.starts_with(b"GET /few ");
        let names = vec!["x"; if few { 32 } else { 33 }].join(",");
        let answer = format!("HTTP/1.1 200 OK\r\nconnection: {names}\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.flush().await;
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for (path, expected) in [("few", 200), ("many", 502)] {
        let answer = proxy.client().get(&format!("https://{HOST}/{path}")).send().await;
        assert_eq!(answer.expect("answered").status, expected, "{path}");
    }
}
