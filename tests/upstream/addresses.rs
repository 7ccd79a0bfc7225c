//! Names of which some addresses do not answer: the next one is tried soon, and what worked is remembered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::origin::Upstream;
use crate::support::raw_origin::RawStream;
use crate::support::wire::read_until;
use crate::support::{Origin, Proxy, RawOrigin, Silent};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/";

/// An address that neither accepts nor refuses: its queue of connections is full.
struct BlackHole {
    address: SocketAddr,
    _held: (Socket, Vec<TcpStream>),
}

impl BlackHole {
    async fn start() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bound");
        socket.listen(0).expect("it listens");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        let mut queued = Vec::new();
        while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queued.push(connected.expect("queued"));
            assert!(queued.len() < 10, "the queue is full some time");
        }
        Self { address, _held: (socket, queued) }
    }
}

fn refusing() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port")
}

/// A proxy for which the name has these addresses, in this order.
fn proxy(origin: &impl Upstream, addresses: &[SocketAddr]) -> Proxy {
    let entry = |address: &SocketAddr| format!("{HOST}:443:{address}");
    let builder = addresses.iter().fold(Proxy::builder(), |builder, address| builder.resolve(&entry(address)));
    // Only for its certificate.
    builder.origin("root.example.test", origin).start()
}

async fn ask(proxy: &Proxy) -> (u16, Duration) {
    let begun = Instant::now();
    let answer = proxy.client().get(URL).send().await.expect("answered");
    (answer.status, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_addresses_before_a_good_one_cost_a_moment_and_only_once() {
    // Each request needs a connection of its own.
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.expect("sent");
        let _ = stream.shutdown().await;
    });
    let hole = BlackHole::start().await;
    let proxy = proxy(&origin, &[hole.address, hole.address, hole.address, hole.address, origin.address()]);
    let (status, took) = ask(&proxy).await;
    assert_eq!(status, 200);
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(8), "{took:?}");
    let (status, took) = ask(&proxy).await;
    assert_eq!((status, origin.records().connections()), (200, 2));
    assert!(took < Duration::from_millis(900), "what worked is tried first: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_refuses_costs_nothing() {
    let origin = Origin::start(&[HOST]);
    let proxy = proxy(&origin, &[refusing(), refusing(), refusing(), refusing(), refusing(), origin.address()]);
    assert_eq!(ask(&proxy).await.0, 200);
}

/// A captive portal or a broken middlebox may accept for a server that it does not reach.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_accepts_and_says_nothing_is_given_up_for_the_next() {
    let (origin, silent) = (Origin::start(&[HOST]), Silent::start());
    let proxy = proxy(&origin, &[silent.address(), origin.address()]);
    let (status, took) = ask(&proxy).await;
    assert_eq!(status, 200);
    assert!(took < Duration::from_secs(9), "{took:?}");
}

/// Each address is judged: that one of them may be dialled allows no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_may_not_be_dialled_are_left_out() {
    let origin = Origin::start(&[HOST]);
    let metadata = SocketAddr::from(([169, 254, 169, 254], 80));
    let proxy = proxy(&origin, &[metadata, origin.address()]);
    let (status, took) = ask(&proxy).await;
    assert_eq!(status, 200);
    assert!(took < Duration::from_secs(5), "{took:?}");
}
