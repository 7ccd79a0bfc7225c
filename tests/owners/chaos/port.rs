//! The port, as clients find it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Knocks all the time.
pub(super) struct Port {
    knocking: JoinHandle<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    open: AtomicU64,
    closed: AtomicU64,
}

impl Port {
    pub(super) fn watch(address: SocketAddr) -> Self {
        let counts = Arc::<Counts>::default();
        let knocking = tokio::spawn(knock(address, counts.clone()));
        Self { knocking, counts }
    }

    pub(super) fn was_always_open(self) {
        self.knocking.abort();
        assert_eq!(self.counts.closed.load(Ordering::SeqCst), 0, "the port never closes");
        assert!(self.counts.open.load(Ordering::SeqCst) > 100);
    }
}

async fn knock(address: SocketAddr, counts: Arc<Counts>) {
    loop {
        let knocked = timeout(Duration::from_secs(5), TcpStream::connect(address)).await;
        let count = if matches!(knocked, Ok(Ok(_))) { &counts.open } else { &counts.closed };
        count.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(5)).await;
    }
}
