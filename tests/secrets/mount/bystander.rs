//! A client that wants no secret, and that nothing may hold up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::support::Client;

/// How often it sends a request.
const PACE: Duration = Duration::from_millis(20);

/// Sends requests without placeholders on one kept connection, until it is told to end.
pub(super) struct Bystander {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    end: AtomicBool,
    served: AtomicUsize,
}

impl Bystander {
    pub(super) fn start(client: Client, host: &'static str) -> Self {
        let shared: Arc<Shared> = Arc::default();
        let task = tokio::spawn(send(client, host, shared.clone()));
        Self { shared, task }
    }

    /// How many of its requests were served so far.
    pub(super) fn served(&self) -> usize {
        self.shared.served.load(Ordering::SeqCst)
    }

    /// Ends it. Panics if one of its requests was not served.
    pub(super) async fn end(self) {
        self.shared.end.store(true, Ordering::SeqCst);
        self.task.await.expect("each request without a placeholder is served");
    }
}

async fn send(client: Client, host: &'static str, shared: Arc<Shared>) {
    let tunnel = client.tunnel(&format!("{host}:443")).await.expect("a tunnel");
    let url = format!("https://{host}/bystander");
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !shared.end.load(Ordering::SeqCst) {
        let answer = tunnel.get(&url).header("x-api-key", "no placeholder").send().await.expect("answered");
        assert_eq!(answer.status, 200);
        shared.served.fetch_add(1, Ordering::SeqCst);
        pace.tick().await;
    }
}
