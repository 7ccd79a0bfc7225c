//! Kept connections that turn out to be closed, and connections that are the wrong ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::support::h2_frames::{self, ACK, END_HEADERS, END_STREAM, GOAWAY, HEADERS, SETTINGS, frame, settings};
use crate::support::raw_origin::RawStream;
use crate::support::routes_matrix::{HOST, ProxyRoute};
use crate::support::wire::read_until;
use crate::support::{Answer, Canary, Proxy, RawOrigin, Tunnel};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Answers the first request of each connection and closes at the second, as one that had decided to close
/// does. Counts all requests.
fn closing(requests: &Arc<AtomicUsize>) -> RawOrigin {
    let requests = requests.clone();
    RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream: RawStream| {
        let requests = requests.clone();
        async move {
            read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(OK).await.expect("answered");
            stream.flush().await.expect("answered");
            if read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
                requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.shutdown().await;
            }
        }
    })
}

struct Closing {
    requests: Arc<AtomicUsize>,
    origin: RawOrigin,
    canary: Canary,
    proxy: Proxy,
    client: Tunnel,
}

impl Closing {
    /// A proxy that has a kept connection to such an origin.
    async fn stage(http2: bool) -> Self {
        let (requests, canary) = (Arc::default(), Canary::new());
        let origin = closing(&requests);
        let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
        let client = if http2 { proxy.client().http2() } else { proxy.client() };
        // One connection of the client: when it asks again, the origin's has been given back.
        let client = client.tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
        let stage = Self { requests, origin, canary, proxy, client };
        assert_eq!(stage.ask("GET", "").await.status, 200);
        stage
    }

    async fn ask(&self, method: &str, body: &'static str) -> Answer {
        let request = self.client.request(method, &format!("https://{HOST}/")).header("x-api-key", "{{API_KEY}}");
        request.body(body).send().await.expect("an answer, whatever it says")
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_changes_nothing_is_sent_again_if_a_kept_connection_was_closed() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        for http2 in [false, true] {
            let stage = Closing::stage(http2).await;
            let answer = stage.ask(method, "").await;
            assert_eq!((answer.status, stage.requests()), (200, 3), "{method}");
            let received = stage.origin.records().received();
            let seen = received.iter().flatten().copied().collect::<Vec<u8>>();
            assert_eq!(memchr::memmem::find_iter(&seen, stage.canary.bytes()).count(), 3, "the value each time");
            assert_eq!(stage.proxy.audit_lines().len(), 2, "a record for each request of the client");
        }
    }
}

/// The origin answers once, gets a second request and closes when it is told to: meanwhile the file changes.
async fn sent_again_after(secrets: &str, canaries: [&Canary; 2], http2: bool) -> (u16, Vec<Vec<u8>>) {
    let (asked, proceed) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (told, may) = (asked.clone(), proceed.clone());
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream: RawStream| {
        let (told, may) = (told.clone(), may.clone());
        async move {
            read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
            stream.write_all(OK).await.expect("answered");
            stream.flush().await.expect("answered");
            if read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
                told.add_permits(1);
                let _ = may.acquire().await;
                let _ = stream.shutdown().await;
            }
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", canaries[0], HOST).start();
    proxy.watch(canaries[1]);
    let client = if http2 { proxy.client().http2() } else { proxy.client() };
    let tunnel = client.tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
    let ask = async || {
        let request = tunnel.get(&format!("https://{HOST}/")).header("x-api-key", "{{API_KEY}}");
        // A client of HTTP/2 may send several.
        let request = if http2 { request.header("cookie", "a=1").header("cookie", "b={{API_KEY}}") } else { request };
        request.send().await.expect("answered").status
    };
    assert_eq!(ask().await, 200);
    let (status, ()) = tokio::join!(ask(), async {
        let _ = asked.acquire().await;
        proxy.write_secrets(secrets);
        assert!(proxy.cli(&["reload"]).status.success());
        proceed.add_permits(1);
    });
    (status, origin.records().received())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_has_the_value_of_now() {
    for http2 in [false, true] {
        let (old, new) = (Canary::new(), Canary::new());
        let secrets = format!("API_KEY={}\nAPI_KEY_HOSTS={HOST}\n", new.value());
        let (status, received) = sent_again_after(&secrets, [&old, &new], http2).await;
        assert_eq!((status, received.len()), (200, 2));
        let count = |bytes: &[u8], canary: &Canary| memchr::memmem::find_iter(bytes, canary.bytes()).count();
        let each = if http2 { 2 } else { 1 };
        assert_eq!((count(&received[0], &old), count(&received[0], &new)), (2 * each, 0));
        assert_eq!((count(&received[1], &old), count(&received[1], &new)), (0, each));
        let text = String::from_utf8_lossy(&received[1]).into_owned();
        assert!(!http2 || text.contains(&format!("a=1; b={}", new.value())), "the cookies are whole");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_host_was_taken_away_is_not_sent_again() {
    let (old, new) = (Canary::new(), Canary::new());
    let secrets = format!("API_KEY={}\nAPI_KEY_HOSTS=other.example.test\n", new.value());
    let (status, received) = sent_again_after(&secrets, [&old, &new], false).await;
    let second = received.get(1).is_some_and(|bytes| !bytes.is_empty());
    assert_eq!((status, second), (502, false), "it was sent once, and is not reported as refused");
}

/// Methods that RFC 9110, section 9.2.2, calls idempotent: their second request has no other effect. A body that was
/// short enough to keep goes with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotent_request_is_sent_again_with_its_body_if_a_kept_connection_was_closed() {
    for (method, body) in
        [("PUT", "the body"), ("PUT", ""), ("DELETE", ""), ("DELETE", "the body"), ("GET", "the body")]
    {
        let stage = Closing::stage(false).await;
        let answer = stage.ask(method, body).await;
        assert_eq!((answer.status, stage.requests()), (200, 3), "{method} {body:?}");
        let received = stage.origin.records().received();
        assert!(received.iter().any(|bytes| bytes.ends_with(body.as_bytes())), "{method} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotent_request_whose_body_is_too_large_to_keep_is_not_sent_again() {
    let stage = Closing::stage(false).await;
    let body = "x".repeat(256 * 1024);
    let answer = stage.ask("PUT", body.leak()).await;
    assert_eq!(answer.status, 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_not_idempotent_is_never_sent_twice() {
    for (method, body) in [("POST", ""), ("POST", "x"), ("PATCH", "x"), ("LOCK", "")] {
        let stage = Closing::stage(false).await;
        let answer = stage.ask(method, body).await;
        assert_eq!((answer.status, stage.requests()), (502, 2), "{method} {body:?}");
    }
}

/// Servers without keep-alive that do not say so: the next request must not be under way when they close.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_just_after_each_answer_costs_no_request() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        if read_until(&mut stream, b"abc").await.is_ok() {
            stream.write_all(OK).await.expect("answered");
            stream.flush().await.expect("answered");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let client = proxy.client().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
    for turn in 0..60 {
        for method in ["POST", "PUT", "PATCH"] {
            let request = client.request(method, &format!("https://{HOST}/")).body("abc");
            assert_eq!(request.send().await.expect("answered").status, 200, "{method}, turn {turn}");
        }
    }
}

/// `Keep-Alive: timeout` says when a server closes: it may drop a request that comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_not_used_for_longer_than_its_server_says() {
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], |mut stream: RawStream| async move {
        while read_until(&mut stream, b"\r\n\r\n").await.is_ok() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=1, max=100\r\n\r\n";
            stream.write_all(answer).await.expect("answered");
            stream.flush().await.expect("answered");
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let client = proxy.client().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
    for connections in [1, 2] {
        let answer = client.request("POST", &format!("https://{HOST}/")).body("x").send().await.expect("answered");
        assert_eq!((answer.status, origin.records().connections()), (200, connections));
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

/// On a connection that was made for the request, the origin means it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_connection_that_is_closed_is_the_origins_answer() {
    let requests = Arc::<AtomicUsize>::default();
    let counted = requests.clone();
    let origin = RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream: RawStream| {
        let counted = counted.clone();
        async move {
            read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.shutdown().await;
            let _ = stream.read_u8().await;
        }
    });
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    let answer = proxy.client().get(&format!("https://{HOST}/")).send().await.expect("answered");
    assert_eq!((answer.status, requests.load(Ordering::SeqCst)), (502, 1));
}

/// Says that it serves no stream beyond the first of a connection, when the next one has come.
async fn going_away(mut stream: RawStream) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.expect("a preface");
    stream.write_all(&[settings(&[]), frame(SETTINGS, ACK, 0, [])].concat()).await.expect("sent");
    stream.flush().await.expect("sent");
    while let Some(heard) = h2_frames::next(&mut stream).await {
        let said = match (heard.kind, heard.stream) {
            (HEADERS, 1) => frame(HEADERS, END_HEADERS | END_STREAM, 1, [0x88]),
            // The last stream is 1, and there is no error.
            (HEADERS, _) => frame(GOAWAY, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0]),
            _ => continue,
        };
        stream.write_all(&said).await.expect("sent");
        stream.flush().await.expect("sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_a_leaving_http_2_server_did_not_take_is_asked_for_again() {
    let (canary, origin) = (Canary::new(), RawOrigin::start(&[HOST], &["h2"], going_away));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let tunnel = proxy.client().http2().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
    for turn in 0..3 {
        let request = tunnel.get(&format!("https://{HOST}/")).header("x-api-key", "{{API_KEY}}");
        assert_eq!(request.send().await.expect("answered").status, 200, "turn {turn}");
    }
    assert_eq!(origin.records().connections(), 3);
}

/// 421 says that the request came on the wrong connection (RFC 9110, section 15.5.20): a client asks again on
/// a new one, and that must not lead to the old one behind the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_421_the_next_request_goes_by_another_connection() {
    for route in ProxyRoute::ALL {
        let stage = route.stage();
        let tunnel = stage.tunnel().await;
        let ask = async |status| {
            let (answer, connection) = tokio::join!(stage.inside(&tunnel, "POST", "/").body("x").send(), async {
                let mut call = stage.origin.next().await;
                call.body.count().await.expect("not cut off");
                let connection = call.connection;
                call.answer(status, &[], "said");
                connection
            });
            assert_eq!(answer.expect("answered").status, status, "{route:?}");
            connection
        };
        let first = ask(200).await;
        assert_eq!(ask(421).await, first, "{route:?}: it is kept");
        let second = ask(200).await;
        assert_ne!(second, first, "{route:?}");
        assert_eq!(ask(200).await, second, "{route:?}: the new one is kept");
    }
}
