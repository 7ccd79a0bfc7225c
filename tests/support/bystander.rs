//! An honest client beside hostile clients, which must be served at all times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::Client;
use super::eventually::eventually_async;

/// The time limit of one request beside hostile clients, with its connection and handshake.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Sends requests with and without a placeholder, until told to stop.
pub struct Bystander {
    shared: Arc<Shared>,
    visiting: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    visits: AtomicUsize,
}

impl Bystander {
    /// Starts the client. `url` is that of an origin that answers 200, where `API_KEY` may go.
    pub fn start(client: Client, url: &str) -> Self {
        Self::patient(client, url, SERVED_WITHIN)
    }

    /// Starts one whose requests may take so long.
    pub fn patient(client: Client, url: &str, within: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let (mine, url) = (Arc::clone(&shared), url.to_owned());
        let visiting = tokio::spawn(async move {
            while !mine.stop.load(Ordering::SeqCst) {
                visit_within(&client, &url, within).await;
                mine.visits.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { shared, visiting }
    }

    /// Waits for this many visits that begin after the call; panics if a request was not served.
    pub async fn visits(&self, count: usize) {
        let before = self.shared.visits.load(Ordering::SeqCst);
        let more = async || {
            let served = self.shared.visits.load(Ordering::SeqCst) > before + count;
            served || self.visiting.is_finished()
        };
        eventually_async(Duration::from_secs(120), "a bystander's visits", more).await;
        assert!(!self.visiting.is_finished(), "a bystander was not served");
    }

    /// Stops after the current visit; panics if a request was not served.
    pub async fn stop(self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.visiting.await.expect("each request of the bystander was served");
    }
}

/// Four requests: with and without a placeholder, by HTTP/1.1 and by HTTP/2, each on a new connection.
pub async fn visit(client: &Client, url: &str) {
    visit_within(client, url, SERVED_WITHIN).await;
}

async fn visit_within(client: &Client, url: &str, within: Duration) {
    for client in [client.clone(), client.clone().http2()] {
        for key in ["{{API_KEY}}", "no placeholder"] {
            let request = client.get(url).header("x-api-key", key).send();
            let Ok(answer) = timeout(within, request).await else {
                panic!("no answer within {within:?}: {key}");
            };
            assert_eq!(answer.expect("answered").status, 200, "{key}");
        }
    }
}
