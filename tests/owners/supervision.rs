//! An owner that crashes is started again; the port never closes, other connections live on, and
//! nothing leaks or is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::{Canary, Client, Origin, Proxy, eventually_async};

const HOST: &str = "api.example.test";
const OWNERS: [&str; 6] = ["audit", "status", "secret_store", "authority", "upstream", "listener"];

/// What 16 clients saw.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    served: AtomicU64,
    refused: AtomicU64,
    plain: AtomicU64,
    plain_failed: AtomicU64,
    unanswered: AtomicU64,
}

impl Seen {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends requests on kept connections, half of them with a placeholder, until told to stop.
async fn load(client: Client, number: usize, seen: Arc<Seen>) {
    while !seen.stop.load(Ordering::SeqCst) {
        let Ok(tunnel) = client.tunnel("api.example.test:443").await else {
            Seen::count(&seen.unanswered);
            continue;
        };
        for request in 0..20 {
            let secret = (number + request).is_multiple_of(2);
            let key = if secret { "{{API_KEY}}" } else { "no placeholder" };
            let url = format!("https://{HOST}/client/{number}/{request}");
            match tunnel.get(&url).header("x-api-key", key).send().await.map(|answer| answer.status) {
                Ok(200) if secret => Seen::count(&seen.served),
                Ok(403) if secret => Seen::count(&seen.refused),
                Ok(200) => Seen::count(&seen.plain),
                Ok(_) => Seen::count(&seen.plain_failed),
                Err(_) => Seen::count(&seen.unanswered),
            }
        }
    }
}

async fn served_more(seen: &Seen, what: &str) {
    let before = seen.served.load(Ordering::SeqCst);
    eventually_async(Duration::from_secs(10), what, async || seen.served.load(Ordering::SeqCst) > before + 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_owner_can_crash_under_load() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..16 {
        let client = if number % 2 == 0 { proxy.client() } else { proxy.client().http2() };
        clients.spawn(load(client, number, seen.clone()));
    }
    served_more(&seen, "requests before any crash").await;
    for owner in OWNERS {
        proxy.fault(owner, "crash");
        proxy.status_becomes(owner, |status| restarts(status, owner) == 1 && is_running(status, owner));
        served_more(&seen, owner).await;
    }
    seen.stop.store(true, Ordering::SeqCst);
    clients.join_all().await;

    assert_eq!(seen.unanswered.load(Ordering::SeqCst), 0, "the port was always open, and tunnels lived on");
    assert_eq!(seen.plain_failed.load(Ordering::SeqCst), 0, "requests without placeholders flowed on");
    assert!(seen.plain.load(Ordering::SeqCst) > 300);
    let records = proxy.audit_lines();
    // One that was permitted and recorded before an owner went down has a second line instead.
    let is_refusal = |record: &&serde_json::Value| record["blocked"] == true || record["outcome"] == "not_sent";
    let refused = records.iter().filter(is_refusal).count() as u64;
    let unrecorded = proxy.status()["audit"]["unrecorded"].as_u64().expect("a number");
    assert!(refused + unrecorded >= seen.refused.load(Ordering::SeqCst), "no refusal is lost");
    for pair in records.windows(2) {
        assert_eq!(pair[1]["seq"].as_u64(), pair[0]["seq"].as_u64().map(|seq| seq + 1), "no record is torn or lost");
    }
}

fn subsystem<'a>(status: &'a serde_json::Value, owner: &str) -> &'a serde_json::Value {
    let all = status["subsystems"].as_array().expect("a list");
    all.iter().find(|it| it["name"] == owner).expect("the owner is listed")
}

fn restarts(status: &serde_json::Value, owner: &str) -> u64 {
    subsystem(status, owner)["restarts"].as_u64().expect("a number")
}

fn is_running(status: &serde_json::Value, owner: &str) -> bool {
    subsystem(status, owner)["state"] == "running"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_keeps_crashing_ends_the_process_with_one_line() {
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).expect_restarts().start();
    let mut crashes = 0;
    crate::support::eventually(Duration::from_secs(30), "the end", || {
        crashes += 1;
        proxy.fault("authority", "crash").is_null()
    });
    let status = proxy.wait(Duration::from_secs(10));
    assert_eq!(status.code(), Some(1));
    let told = proxy.stderr_text();
    let last = told.lines().last().unwrap_or_default();
    assert_eq!(last, "secret-proxy: authority crashed too often: see proxy.log, then start secret-proxy again");
    assert!(crashes >= 10, "{crashes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_finish_when_the_daemon_is_told_to_stop() {
    let canary = Canary::new();
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    let client = proxy.client();
    let slow = tokio::spawn(async move {
        let request = client.get("https://api.example.test/slow?ms=1500").header("x-api-key", "{{API_KEY}}");
        request.send().await.map(|answer| answer.status)
    });
    crate::support::eventually(Duration::from_secs(5), "the request", || !origin.requests().is_empty());
    proxy.signal(rustix::process::Signal::TERM);
    let turned_away = || std::net::TcpStream::connect(proxy.addr()).is_err();
    crate::support::eventually(Duration::from_millis(900), "new clients are turned away", turned_away);
    assert!(!slow.is_finished(), "while the request goes on");
    assert_eq!(slow.await.expect("no panic").expect("answered"), 200);
    assert_eq!(proxy.wait(Duration::from_secs(10)).code(), Some(0));
    assert!(!proxy.dir().join("status.sock").exists(), "sockets are not left behind");
}
