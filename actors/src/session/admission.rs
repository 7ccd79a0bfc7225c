//! The limit on concurrent client connections, and their count.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::supervision::drain::Drain;
use crate::supervision::part::Counter;

/// Made by boot. It outlives the listener, so that a crash of the listener loses no count.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    permits: Arc<Semaphore>,
    counters: Arc<Counters>,
    drain: Drain,
}

#[derive(Debug, Default)]
struct Counters {
    begun: Counter,
    ended: Counter,
}

impl Admission {
    pub(crate) fn new(sessions_max: usize, drain: Drain) -> Self {
        Self { permits: Arc::new(Semaphore::new(sessions_max)), counters: Arc::default(), drain }
    }

    /// Waits for a permit for another session. `None` once there will be none.
    pub(crate) async fn acquire(&self) -> Option<FreePermit> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        Some(FreePermit { _permit: permit, _hold: self.drain.hold() })
    }

    /// The number of open sessions.
    pub(crate) fn active(&self) -> u64 {
        self.total().saturating_sub(self.counters.ended.value())
    }

    /// The number of sessions since the start.
    pub(crate) fn total(&self) -> u64 {
        self.counters.begun.value()
    }

    /// The shutdown of the daemon.
    pub(crate) fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Uses the permit for an accepted client.
    pub(crate) fn admit(&self, permit: FreePermit) -> SessionPermit {
        self.counters.begun.add_one();
        SessionPermit { counters: self.counters.clone(), _permit: permit }
    }
}

/// A permit without a session. While it is held the daemon does not exit.
pub(crate) struct FreePermit {
    _permit: OwnedSemaphorePermit,
    _hold: TaskTrackerToken,
}

/// The permit of one session, released when the session ends.
pub(crate) struct SessionPermit {
    counters: Arc<Counters>,
    _permit: FreePermit,
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        self.counters.ended.add_one();
    }
}
