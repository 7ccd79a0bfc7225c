//! A regular file: what it no longer allows is refused 0.4 s later, on connections that are open, too.

use std::time::Duration;

use super::stage::{HOST, URL, secret};
use crate::support::{Canary, Origin, Proxy, Tunnel};

/// How soon a change is in force. Here the wait is the promise.
const IN_FORCE: Duration = Duration::from_millis(400);

struct Stage {
    canary: Canary,
    _origin: Origin,
    proxy: Proxy,
    /// One of HTTP/1.1 and one of HTTP/2, open from the start.
    tunnels: [Tunnel; 2],
}

impl Stage {
    async fn new() -> Self {
        let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
        let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
        let target = format!("{HOST}:443");
        let http1 = proxy.client().tunnel(&target).await.expect("a tunnel");
        let http2 = proxy.client().http2().tunnel(&target).await.expect("a tunnel");
        Self { canary, _origin: origin, proxy, tunnels: [http1, http2] }
    }

    /// The very next request on each connection.
    async fn next_are(&self, expected: u16, case: &str) {
        for tunnel in &self.tunnels {
            let answer = tunnel.get(URL).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
            assert_eq!(answer.status, expected, "{case}, {:?}", answer.version);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_no_longer_allows_is_refused_on_open_connections() {
    let stage = Stage::new().await;
    let whole = secret(&stage.canary, HOST);
    let other = Canary::new();
    stage.proxy.watch(&other);
    let less = [
        ("another host", secret(&stage.canary, "other.example.test")),
        ("another port", secret(&stage.canary, &format!("{HOST}:8443"))),
        ("no hosts", format!("API_KEY={}\n", stage.canary.value())),
        ("no secret", format!("OTHER={}\nOTHER_HOSTS={HOST}\n", other.value())),
        ("nothing", String::new()),
        ("a broken line", format!("{whole}API_KEY_HOSTS\n")),
    ];
    for (case, text) in &less {
        stage.next_are(200, case).await;
        stage.proxy.write_secrets(text);
        tokio::time::sleep(IN_FORCE).await;
        stage.next_are(403, case).await;
        stage.proxy.write_secrets(&whole);
        tokio::time::sleep(IN_FORCE).await;
    }
    stage.next_are(200, "whole again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_edited_in_place_or_removed_counts_the_same() {
    let stage = Stage::new().await;
    let path = stage.proxy.secrets_path();
    stage.next_are(200, "whole").await;
    std::fs::write(&path, secret(&stage.canary, "other.example.test")).expect("ours");
    tokio::time::sleep(IN_FORCE).await;
    stage.next_are(403, "edited in place").await;
    std::fs::write(&path, secret(&stage.canary, HOST)).expect("ours");
    tokio::time::sleep(IN_FORCE).await;
    stage.next_are(200, "edited back").await;
    std::fs::remove_file(&path).expect("ours");
    tokio::time::sleep(IN_FORCE).await;
    stage.next_are(403, "removed").await;
}
