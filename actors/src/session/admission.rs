//! The bound on concurrent client connections, and their count.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::supervision::drain::Drain;
use crate::supervision::part::Counter;

/// Made by boot; it outlives the listener, so that a crash of it loses no count.
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

    /// Waits until there is room for another session. `None` once there never will be.
    pub(crate) async fn room(&self) -> Option<Room> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        Some(Room { _permit: permit, _hold: self.drain.hold() })
    }

    /// How many sessions there are.
    pub(crate) fn active(&self) -> u64 {
        self.total().saturating_sub(self.counters.ended.value())
    }

    /// How many there have been.
    pub(crate) fn total(&self) -> u64 {
        self.counters.begun.value()
    }

    /// When the daemon ends.
    pub(crate) fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Uses the room for a client that was accepted.
    pub(crate) fn admit(&self, room: Room) -> SessionPermit {
        self.counters.begun.add_one();
        SessionPermit { counters: self.counters.clone(), _room: room }
    }
}

/// Room for one more session, not used yet. While it is held the daemon does not end.
pub(crate) struct Room {
    _permit: OwnedSemaphorePermit,
    _hold: TaskTrackerToken,
}

/// One session of those that there may be; given back when the session ends.
pub(crate) struct SessionPermit {
    counters: Arc<Counters>,
    _room: Room,
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        self.counters.ended.add_one();
    }
}
