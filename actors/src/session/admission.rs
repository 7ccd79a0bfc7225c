//! The limit on concurrent client connections, and their count.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use super::places::Places;
use super::vm::Vm;
use crate::limits;
use crate::supervision::drain::Drain;
use crate::supervision::part::Counter;
use crate::wire::backlog::Backlog;
use crate::wire::place::{Ending, Moment, Noted, Place};

/// Made by boot. It outlives the listener, so that a crash of the listener loses no count.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
    backlog: Backlog,
    drain: Drain,
}

#[derive(Debug)]
struct Shared {
    places: Places,
    begun: Counter,
    ended: Counter,
    evicted: Counter,
}

impl Admission {
    pub(crate) fn new(sessions_max: usize, drain: Drain) -> Self {
        let (begun, ended, evicted) = (Counter::default(), Counter::default(), Counter::default());
        let shared = Arc::new(Shared { places: Places::new(sessions_max), begun, ended, evicted });
        Self { permits: Arc::new(Semaphore::new(sessions_max)), shared, backlog: Backlog::default(), drain }
    }

    /// A permit for an accepted client, if one is free.
    pub(crate) fn admit(&self) -> Option<SessionPermit> {
        self.permits.clone().try_acquire_owned().ok().map(|permit| self.begin(permit))
    }

    /// Waits for a permit for an accepted client, for which another one is evicted. `None` once the daemon shuts down.
    pub(crate) async fn admit_in_turn(&self) -> Option<SessionPermit> {
        tokio::select! {
            permit = self.permit() => permit.map(|permit| self.begin(permit)),
            () = self.drain.begun() => None,
        }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let mut acquiring = std::pin::pin!(self.permits.clone().acquire_owned());
        loop {
            if self.shared.places.make_room(Moment::now()) {
                self.shared.evicted.add_one();
                debug!("a client connection is closed for another one");
            }
            if let Ok(permit) = timeout(limits::PLACE_POLL, acquiring.as_mut()).await {
                return permit.ok();
            }
        }
    }

    fn begin(&self, permit: OwnedSemaphorePermit) -> SessionPermit {
        self.shared.begun.add_one();
        let place = self.shared.places.enter(Vm::Local, self.backlog.clone());
        SessionPermit { shared: self.shared.clone(), place, _permit: permit, _hold: self.drain.hold() }
    }

    /// Closes those clients that do not read, the largest first, while the memory for all of them is too large. Never
    /// ends.
    pub(crate) async fn relieve(&self) {
        loop {
            let bytes = self.backlog.exceeded().await;
            for _ in 0..self.shared.places.relieve(bytes, Moment::now()) {
                self.shared.evicted.add_one();
                debug!("a client connection is closed: the responses that it does not read take too much memory");
            }
            // By then, those that were closed count no more, and others have been quiet for a while.
            sleep(limits::PLACE_POLL).await;
        }
    }

    /// The estimate of the memory that unread messages take, in bytes.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.bytes()
    }

    /// The number of open sessions.
    pub(crate) fn active(&self) -> u64 {
        self.total().saturating_sub(self.shared.ended.value())
    }

    /// The number of sessions since the start.
    pub(crate) fn total(&self) -> u64 {
        self.shared.begun.value()
    }

    /// The number of sessions that were closed for others.
    pub(crate) fn evicted(&self) -> u64 {
        self.shared.evicted.value()
    }

    /// The shutdown of the daemon.
    pub(crate) fn drain(&self) -> Drain {
        self.drain.clone()
    }
}

/// The permit of one session, released when the session ends. While it is held the daemon does not exit.
pub(crate) struct SessionPermit {
    shared: Arc<Shared>,
    place: Arc<Place>,
    _permit: OwnedSemaphorePermit,
    _hold: TaskTrackerToken,
}

impl SessionPermit {
    /// The client's stream, whose bytes show that the session is in use.
    pub(super) fn note<S>(&self, stream: S) -> Noted<S> {
        Noted::new(stream, self.place.clone())
    }

    pub(super) fn place(&self) -> Arc<Place> {
        self.place.clone()
    }

    /// The first request has come, and if it was a CONNECT, the handshake in its tunnel is done.
    pub(super) fn settle(&self) {
        self.shared.places.settle(&self.place);
    }

    /// Sets how the session ends if it gives way to another one.
    pub(super) fn ends_by(&self, ending: Ending) {
        self.place.ends_by(ending);
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        self.shared.places.leave(&self.place);
        self.shared.ended.add_one();
    }
}
