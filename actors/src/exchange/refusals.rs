//! The refusals of one client connection, up to a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::supervision::drain::Drain;

/// Counts the refusals of a connection.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Shared>);

struct Shared {
    count: AtomicUsize,
    /// Cancelled when the connection must finish: too many refusals, or the daemon shuts down.
    finish: CancellationToken,
}

impl Refusals {
    pub(crate) fn new(drain: &Drain) -> Self {
        Self(Arc::new(Shared { count: AtomicUsize::new(0), finish: drain.child_token() }))
    }

    pub(super) fn count(&self) {
        if self.0.count.fetch_add(1, Ordering::Relaxed) + 1 >= limits::REFUSALS_MAX {
            self.0.finish.cancel();
        }
    }

    /// Waits until the connection must finish.
    pub(crate) async fn finish(&self) {
        self.0.finish.cancelled().await;
    }
}
