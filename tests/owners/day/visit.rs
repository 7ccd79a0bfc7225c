//! One visit of a client, to its end or to an early disconnect.

use std::pin::Pin;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};

use crate::support::crowd::random;
use crate::support::tls::Sni;
use crate::support::{Client, Proxy, Request};

pub(super) const HOST: &str = "day.example.test";
const TARGET: &str = "day.example.test:443";
const PIECE: usize = 32 << 10;

type Going = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A kind of visit, by its name.
type Visit = (&'static str, fn(Visitor) -> Going);

/// All kinds of visits.
pub(super) const VISITS: [Visit; 14] = [
    ("short requests", |it| Box::pin(it.asks())),
    ("cleartext", |it| Box::pin(it.asks_in_cleartext())),
    ("refusals", |it| Box::pin(it.meets_a_refusal())),
    ("events", |it| Box::pin(it.listens())),
    ("uploads", |it| Box::pin(it.uploads())),
    ("early answers", |it| Box::pin(it.hears_an_early_answer())),
    ("talks", |it| Box::pin(it.talks())),
    ("sockets", |it| Box::pin(it.opens_a_socket())),
    ("gone before a request", |it| Box::pin(it.leaves_before_asking())),
    ("gone before an answer", |it| Box::pin(it.leaves_unanswered())),
    ("gone in a download", |it| Box::pin(it.leaves_a_download())),
    ("gone in an upload", |it| Box::pin(it.leaves_an_upload())),
    ("gone in a talk", |it| Box::pin(it.leaves_a_talk())),
    ("gone from a socket", |it| Box::pin(it.leaves_a_socket())),
];

/// One client of the day.
#[derive(Clone)]
pub(super) struct Visitor {
    client: Client,
    /// HTTP/1.1 alone, for what HTTP/2 does not have.
    http1: Client,
}

impl Visitor {
    /// Half of them speak HTTP/2, and every fourth ends its connections by a reset.
    pub(super) fn new(proxy: &Proxy, number: u64) -> Self {
        let http1 = if number % 4 < 2 { proxy.client() } else { proxy.client().abrupt() };
        let client = if number.is_multiple_of(2) { http1.clone() } else { http1.clone().http2() };
        Self { client, http1 }
    }

    fn request(&self, method: &str, path: &str) -> Request {
        self.client.request(method, &format!("https://{HOST}{path}")).header("x-api-key", "{{API_KEY}}")
    }

    async fn asks(self) {
        let tunnel = self.client.tunnel(TARGET).await.expect("a tunnel");
        for _ in 0..=random(12) {
            let request = tunnel.get(&format!("https://{HOST}/echo")).header("x-api-key", "{{API_KEY}}");
            assert_eq!(request.send().await.expect("answered").text(), "ok");
        }
    }

    async fn asks_in_cleartext(self) {
        let request = self.http1.get(&format!("http://{HOST}/echo")).header("x-api-key", "{{API_KEY}}");
        assert_eq!(request.send().await.expect("answered").text(), "ok");
    }

    async fn meets_a_refusal(self) {
        let request = self.client.get(&format!("https://{HOST}/echo")).header("x-api-key", "{{OTHER}}");
        assert_eq!(request.send().await.expect("answered").status, 403);
    }

    async fn listens(self) {
        let answer = self.request("GET", "/sse?n=10&gap_ms=10").send().await.expect("answered");
        assert_eq!(answer.text().matches("data: event").count(), 10);
    }

    async fn uploads(self) {
        let bytes = usize::try_from(random(1 << 20)).expect("a length");
        let answer = self.request("POST", "/upload").body(vec![b'x'; bytes]).send().await.expect("answered");
        assert_eq!(answer.text(), bytes.to_string());
    }

    async fn hears_an_early_answer(self) {
        let (request, body) = self.request("POST", "/early/413").streaming();
        let sending = tokio::spawn(async move { while body.send(vec![b'x'; PIECE]).await {} });
        // A client that looks for an answer only between two writes may miss it.
        if let Ok(answer) = request.send().await {
            assert_eq!(answer.status, 413);
        }
        sending.await.expect("the upload stops");
    }

    async fn talks(self) {
        let (request, body) = self.request("POST", "/stream-echo").streaming();
        let mut answer = request.open().await.expect("a head");
        for word in ["one", "two", "three"] {
            assert!(body.send(word).await);
            assert_eq!(answer.chunk().await.expect("not cut off").as_deref(), Some(word.as_bytes()));
        }
        drop(body);
        assert_eq!(answer.chunk().await.expect("a proper end"), None);
    }

    async fn socket(self) -> crate::support::Wire {
        let request = self.http1.get(&format!("https://{HOST}/ws-echo")).header("x-api-key", "{{API_KEY}}");
        let answer = request.header("connection", "Upgrade").header("upgrade", "echo").open().await.expect("a head");
        let mut socket = answer.upgraded().await.expect("upgraded");
        for _ in 0..=random(4) {
            socket.send("hello").await.expect("sent");
            assert_eq!(socket.read_bytes(5).await.expect("echoed"), b"hello");
        }
        socket
    }

    async fn opens_a_socket(self) {
        let mut socket = self.socket().await;
        socket.shutdown().await.expect("finished");
        assert_eq!(socket.read_rest().await.expect("it ends too"), b"");
    }

    async fn leaves_a_socket(self) {
        drop(self.socket().await);
    }

    async fn leaves_before_asking(self) {
        let half_a_hello = b"\x16\x03\x01\x02\x00\x01\x00";
        match random(5) {
            0 => drop(self.client.raw().await.expect("open")),
            1 => self.client.raw().await.expect("open").send("CONNECT day.exa").await.expect("sent"),
            2 => drop(self.client.raw_tunnel(TARGET).await.expect("a tunnel")),
            3 => self.client.raw_tunnel(TARGET).await.expect("a tunnel").send(half_a_hello).await.expect("sent"),
            _ => {
                let tunnel = self.client.raw_tls_tunnel(TARGET, Sni::Host, &[]).await;
                tunnel.expect("a tunnel").send("GET / HTTP/1.1\r\nHo").await.expect("sent");
            }
        }
    }

    async fn leaves_unanswered(self) {
        let path = if random(2) == 0 { "/hang" } else { "/slow?ms=50" };
        // Sometimes before the request has arrived.
        let patience = Duration::from_millis(random(60));
        let _ = timeout(patience, self.request("GET", path).send()).await;
    }

    async fn leaves_a_download(self) {
        let mut answer = self.request("GET", "/bytes/4000000").open().await.expect("a head");
        for _ in 0..random(20) {
            answer.chunk().await.expect("not cut off");
        }
    }

    async fn leaves_an_upload(self) {
        let (request, body) = self.request("POST", "/upload").streaming();
        let sending = tokio::spawn(request.send());
        for _ in 0..=random(20) {
            assert!(body.send(vec![b'x'; PIECE]).await);
        }
        if random(2) == 0 {
            body.abort().await;
        } else {
            sending.abort();
        }
        drop(sending.await);
    }

    async fn leaves_a_talk(self) {
        let (request, body) = self.request("POST", "/stream-echo").streaming();
        let mut answer = request.open().await.expect("a head");
        assert!(body.send("one").await);
        answer.chunk().await.expect("not cut off");
        sleep(Duration::from_millis(random(20))).await;
    }
}
