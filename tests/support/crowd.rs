//! Many concurrent clients with random requests.
//!
//! Requests use HTTP/1.1 and HTTP/2, with and without placeholders, whole and streamed bodies, a listed host
//! and an unlisted host.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::answer::{Answer, ClientError};
use super::client::Client;
use super::proxy::Proxy;
use super::tunnel::Tunnel;

/// The host that the secret is listed for.
pub const HOST: &str = "api.example.test";
/// A host that the secret is not listed for.
pub const THIEF: &str = "thief.example.test";

/// The placeholder of the secret.
const SECRET: &str = "{{API_KEY}}";

/// The time limit for the clients to finish their requests.
const FINISH: Duration = Duration::from_secs(40);

/// A random number below `below`.
pub fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

/// The observations of all clients of a test, over all runs of the daemon.
#[derive(Default)]
pub struct Seen {
    /// Makes each path unique.
    numbers: AtomicU64,
    /// The paths of all requests that got a whole answer, of any status.
    pub answered: List<String>,
    /// The paths of requests with a placeholder that were answered with 200.
    pub served: List<String>,
    /// The paths answered with 200 although the request had to be refused.
    pub stolen: List<String>,
    /// The ids of refusals.
    pub refused: List<String>,
    /// The paths of refused requests whose host is listed.
    pub denied: List<String>,
    /// Requests with a placeholder that got 502 or 504.
    pub gateway: List<String>,
    /// Requests with a placeholder whose connection failed, with the error.
    pub broken: List<String>,
    /// Requests without placeholders that got the origin's answer.
    pub plain: AtomicU64,
    /// Requests without placeholders that failed, with the error.
    pub plain_failed: List<String>,
    /// The failures to open a new tunnel, with time and reason.
    pub no_tunnel: List<(Instant, String)>,
}

/// A list that many clients append to.
pub struct List<T>(Mutex<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> List<T> {
    pub fn push(&self, item: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    pub fn all(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Clients that send requests until they are stopped.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Crowd {
    /// Half of the clients speak HTTP/2.
    pub fn start(proxy: &Proxy, count: usize, seen: &Arc<Seen>) -> Self {
        let (stop, mut clients) = (Arc::<AtomicBool>::default(), JoinSet::new());
        for number in 0..count {
            let client = if number.is_multiple_of(2) { proxy.client() } else { proxy.client().http2() };
            clients.spawn(visits(client, seen.clone(), stop.clone()));
        }
        Self { stop, clients }
    }

    /// Stops the clients after their current requests.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        let all = tokio::time::timeout(FINISH, self.clients.join_all()).await;
        assert!(all.is_ok(), "every request is answered within {FINISH:?}");
    }

    /// Stops the clients at once, in the middle of their requests.
    pub async fn abandon(mut self) {
        self.clients.shutdown().await;
    }
}

async fn visits(client: Client, seen: Arc<Seen>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let host = if random(8) == 0 { THIEF } else { HOST };
        match client.tunnel(&format!("{host}:443")).await {
            Ok(tunnel) => visit(tunnel, host, &seen, &stop).await,
            Err(error) => {
                seen.no_tunnel.push((Instant::now(), error.to_string()));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A few requests in one tunnel; in HTTP/2 two at a time.
async fn visit(tunnel: Tunnel, host: &str, seen: &Seen, stop: &AtomicBool) {
    for _ in 0..=random(16) {
        if stop.load(Ordering::SeqCst) || tunnel.is_closed() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(random(20))).await;
        if tunnel.is_http2() {
            tokio::join!(ask(&tunnel, host, seen), ask(&tunnel, host, seen));
        } else {
            let is_whole = ask(&tunnel, host, seen).await;
            // A refused upload ends its connection, because the rest of the upload is not read.
            if !is_whole {
                return;
            }
        }
    }
}

/// Whether the whole request was sent.
async fn ask(tunnel: &Tunnel, host: &str, seen: &Seen) -> bool {
    let key = match random(8) {
        0..4 => SECRET,
        4 => "{{NOBODY}}",
        _ => "no placeholder",
    };
    let is_streamed = random(4) == 0;
    let (route, number) = (if is_streamed { "stream-echo" } else { "x" }, seen.number());
    let path = format!("/{route}/{number}");
    let url = format!("https://{host}{path}");
    let answer = if is_streamed { streamed(tunnel, &url, key).await } else { whole(tunnel, &url, key).await };
    let is_whole = !is_streamed || answer.as_ref().is_ok_and(|answer| answer.status == 200);
    if answer.is_ok() {
        seen.answered.push(path.clone());
    }
    if key.starts_with("{{") {
        seen.note_secret(path, answer, host == HOST && key == SECRET);
    } else {
        seen.note_plain(&path, answer);
    }
    is_whole
}

async fn whole(tunnel: &Tunnel, url: &str, key: &str) -> Result<Answer, ClientError> {
    tunnel.get(url).header("x-api-key", key).send().await
}

/// Sends each piece of the body after the echo of the previous piece.
async fn streamed(tunnel: &Tunnel, url: &str, key: &str) -> Result<Answer, ClientError> {
    let (request, body) = tunnel.request("POST", url).header("x-api-key", key).streaming();
    let mut answer = request.open().await?;
    if answer.status == 200 {
        for piece in ["one", "two", "three"] {
            if !body.send(piece).await {
                return Err(ClientError::Malformed("the upload was cut off".to_owned()));
            }
            let echo = answer.chunk().await?;
            if echo.as_deref() != Some(piece.as_bytes()) {
                return Err(ClientError::Malformed(format!("{echo:?} came back for {piece}")));
            }
        }
    }
    drop(body);
    answer.collect().await
}

impl Seen {
    /// A unique number for a path.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    fn note_secret(&self, path: String, answer: Result<Answer, ClientError>, is_listed: bool) {
        match answer {
            Ok(answer) if answer.status == 200 && is_listed => self.served.push(path),
            Ok(answer) if answer.status == 200 => self.stolen.push(path),
            Ok(answer) if answer.status == 403 => {
                let id = answer.header("x-secret-proxy-id").expect("every refusal has an id");
                self.refused.push(id.to_owned());
                if is_listed {
                    self.denied.push(path);
                }
            }
            Ok(answer) => self.gateway.push(format!("{path}: {}", answer.status)),
            Err(error) => self.broken.push(format!("{path}: {error}")),
        }
    }

    fn note_plain(&self, path: &str, answer: Result<Answer, ClientError>) {
        match answer {
            Ok(answer) if answer.status == 200 => drop(self.plain.fetch_add(1, Ordering::SeqCst)),
            Ok(answer) => self.plain_failed.push(format!("{path}: {}", answer.status)),
            Err(error) => self.plain_failed.push(format!("{path}: {error}")),
        }
    }
}
