//! The limit on concurrent upstream connections, and which of them gives way when all are taken.
//!
//! Each connection takes a file descriptor, and reading the secrets needs one too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::client::ClientId;
use super::error::DialError;
use crate::limits;
use crate::wire::holders::Holders;
use crate::wire::place::{Ending, Place};

/// Limits concurrent upstream connections. When all permits are taken and a dial waits, the client with the most of
/// them loses the one whose connection has moved no byte for the longest time. A free permit is for the waiting client
/// that has the fewest.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionLimit(Arc<Mutex<Permits>>);

#[derive(Debug)]
struct Permits {
    free: usize,
    held: Holders,
    /// The dials that wait, the oldest first.
    waiting: Vec<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    client: ClientId,
    place: Arc<Place>,
    gives_way: CancellationToken,
    granted: oneshot::Sender<ConnectionPermit>,
}

/// The permit for one connection, released when its last holder is dropped.
pub(crate) type ConnectionPermit = Arc<Permit>;

#[derive(Debug)]
pub(crate) struct Permit {
    limit: ConnectionLimit,
    place: Arc<Place>,
    gives_way: CancellationToken,
}

/// A permit, or a place among those that wait for one.
#[derive(Debug)]
pub(super) struct PermitRequest {
    client: ClientId,
    limit: ConnectionLimit,
    state: Requested,
    gives_way: CancellationToken,
}

#[derive(Debug)]
enum Requested {
    Granted(ConnectionPermit),
    Waiting(oneshot::Receiver<ConnectionPermit>),
}

impl ConnectionLimit {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(Permits { free: count, held: Holders::default(), waiting: Vec::new() })))
    }

    pub(super) fn request(&self, client: ClientId) -> PermitRequest {
        let (place, gives_way) = (Place::new(client.number()), CancellationToken::new());
        place.ends_by(Ending::Token(gives_way.clone()));
        let mut permits = self.permits();
        let state = if permits.free > 0 {
            permits.free -= 1;
            permits.held.add(place.clone());
            Requested::Granted(self.permit(place, gives_way.clone()))
        } else {
            let (granted, waiting) = oneshot::channel();
            permits.waiting.push(Waiter { client, place, gives_way: gives_way.clone(), granted });
            Requested::Waiting(waiting)
        };
        drop(permits);
        PermitRequest { client, limit: self.clone(), state, gives_way }
    }

    pub(super) fn has_waiters(&self) -> bool {
        self.permits().waiting.iter().any(|waiter| !waiter.granted.is_closed())
    }

    /// Evicts a connection for a client that waits, if another has more of them.
    fn evict_for(&self, client: ClientId) {
        let permits = self.permits();
        let counts = permits.held.counts();
        let own = counts.get(&client.number()).copied().unwrap_or_default();
        let largest = counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > own);
        let Some(place) = largest.and_then(|(holder, _)| permits.held.quietest_of(holder)).cloned() else { return };
        drop(permits);
        debug!("an upstream connection is closed for that of another client");
        place.take_away();
        self.release(&place);
    }

    /// Grants a permit to the waiting client that has the fewest, or else keeps it. That of an evicted connection was
    /// released already.
    fn release(&self, place: &Arc<Place>) {
        let mut permits = self.permits();
        if !permits.held.remove(place) {
            return;
        }
        let Some(waiter) = permits.next() else {
            permits.free += 1;
            return;
        };
        permits.held.add(waiter.place.clone());
        drop(permits);
        // If nobody waits any more, the permit is released again.
        let _ = waiter.granted.send(self.permit(waiter.place, waiter.gives_way));
    }

    fn permit(&self, place: Arc<Place>, gives_way: CancellationToken) -> ConnectionPermit {
        Arc::new(Permit { limit: self.clone(), place, gives_way })
    }

    fn permits(&self) -> MutexGuard<'_, Permits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permits {
    /// The waiter whose client has the fewest permits; of several, the oldest.
    fn next(&mut self) -> Option<Waiter> {
        self.waiting.retain(|waiter| !waiter.granted.is_closed());
        if self.waiting.len() <= 1 {
            return self.waiting.pop();
        }
        let counts = self.held.counts();
        let held_by = |waiter: &Waiter| counts.get(&waiter.client.number()).copied().unwrap_or_default();
        let next = self.waiting.iter().enumerate().min_by_key(|(_, waiter)| held_by(waiter)).map(|(at, _)| at)?;
        Some(self.waiting.remove(next))
    }
}

impl Permit {
    pub(super) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Resolves when the connection gives way to that of another client, unless it has a driver.
    pub(crate) async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }

    /// The connection has no driver any more: it goes on in another protocol.
    pub(super) fn without_driver(&self) {
        self.place.ends_by(Ending::Token(self.gives_way.clone()));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limit.release(&self.place);
    }
}

impl PermitRequest {
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, Requested::Waiting(_))
    }

    /// Cancelled when the dial gives way to that of another client.
    pub(super) fn gives_way(&self) -> CancellationToken {
        self.gives_way.clone()
    }

    /// Waits until the permit is granted.
    pub(super) async fn granted(self) -> Result<ConnectionPermit, DialError> {
        let mut waiting = match self.state {
            Requested::Granted(permit) => return Ok(permit),
            Requested::Waiting(waiting) => waiting,
        };
        loop {
            // The owner closes idle connections first.
            if let Ok(granted) = timeout(limits::PLACE_POLL, &mut waiting).await {
                return granted.map_err(DialError::new);
            }
            self.limit.evict_for(self.client);
        }
    }
}

#[cfg(test)]
mod tests;
