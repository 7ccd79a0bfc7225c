//! One client connection: its fixed state, and the loop that drives it.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::{sleep, timeout};

use super::admission::SessionPermit;
use super::interception::Interception;
use crate::authority::AuthorityHandle;
use crate::exchange::{self, Refusals};
use crate::limits;
use crate::supervision::drain::Drain;
use crate::tunnels::probe::ProbeKey;
use crate::upstream::ClientId;
use crate::wire::activity::Activity;
use crate::wire::turn::Turn;

/// The owners that a session asks, and what all sessions share.
pub(crate) struct Peers {
    pub(crate) exchange: Arc<exchange::Peers>,
    pub(crate) authority: AuthorityHandle,
    /// The key to the question of a tunnel keeper.
    pub(crate) probe_key: Option<Arc<ProbeKey>>,
    pub(crate) interception: Interception,
}

/// Fixed when a client is accepted.
pub(super) struct Connection {
    pub(super) client: ClientId,
    pub(super) peers: Arc<Peers>,
    pub(super) drain: Drain,
    pub(super) refusals: Refusals,
    pub(super) permit: Arc<SessionPermit>,
}

impl Connection {
    pub(super) fn new(peers: Arc<Peers>, drain: Drain, permit: Arc<SessionPermit>) -> Arc<Self> {
        Arc::new(Self { client: ClientId::next(), peers, refusals: Refusals::new(&drain), drain, permit })
    }

    /// Waits until the daemon shuts down and a client that has sent nothing is waited for no longer.
    pub(super) async fn unheard_at_shutdown(&self) {
        self.drain.begun().await;
        sleep(limits::UNHEARD_DRAIN_TIMEOUT).await;
    }
}

/// Drives a connection until it is done. Asks it to finish when the daemon shuts down, when it has been refused too
/// often, or when it is idle; then it has [`limits::DRAIN_TIMEOUT`] for what is under way.
pub(super) async fn run_until_finished<C: Future>(
    mut connection: Pin<&mut C>,
    turn: &Turn,
    refusals: &Refusals,
    idle: impl Future<Output = ()>,
    finish: impl FnOnce(Pin<&mut C>),
) -> Option<C::Output> {
    tokio::select! {
        // The most frequent event is polled first.
        biased;
        output = turn.drive(connection.as_mut()) => return Some(output),
        () = refusals.finish() => {}
        () = idle => {}
    }
    finish(connection.as_mut());
    timeout(limits::DRAIN_TIMEOUT, turn.drive(connection)).await.ok()
}

/// Waits until no exchange has been under way for a while. HTTP/1.1 has a timer of its own for that.
pub(super) async fn idle(activity: Arc<Activity>) {
    let mut quiet = 0;
    while quiet < limits::IDLE_CHECKS {
        sleep(limits::HEAD_TIMEOUT / limits::IDLE_CHECKS).await;
        quiet = if activity.is_idle() { quiet + 1 } else { 0 };
    }
}
