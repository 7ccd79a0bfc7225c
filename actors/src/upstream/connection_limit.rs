//! The limit on concurrent upstream connections.
//!
//! Each connection takes a file descriptor, and reading the secrets needs one too.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::DialError;

/// Limits concurrent upstream connections; counts waiters, so that idle connections can be closed for them.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    free: Arc<Semaphore>,
    /// Cloned into each request that waits.
    waiters: Arc<()>,
}

/// The permit for one connection, released when its last holder is dropped.
pub(super) type ConnectionPermit = Arc<OwnedSemaphorePermit>;

/// A permit, or a place among those that wait for one.
#[derive(Debug)]
pub(super) enum PermitRequest {
    Granted(OwnedSemaphorePermit),
    Waiting(Arc<Semaphore>, Arc<()>),
}

impl ConnectionLimit {
    pub(crate) fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), waiters: Arc::default() }
    }

    pub(super) fn request(&self) -> PermitRequest {
        match self.free.clone().try_acquire_owned() {
            Ok(permit) => PermitRequest::Granted(permit),
            Err(_) => PermitRequest::Waiting(self.free.clone(), self.waiters.clone()),
        }
    }

    pub(super) fn has_waiters(&self) -> bool {
        Arc::strong_count(&self.waiters) > 1
    }
}

impl PermitRequest {
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting(..))
    }

    /// Waits until the permit is granted.
    pub(super) async fn granted(self) -> Result<ConnectionPermit, DialError> {
        match self {
            Self::Granted(permit) => Ok(Arc::new(permit)),
            Self::Waiting(free, _waiter) => free.acquire_owned().await.map(Arc::new).map_err(DialError::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_waits_from_the_moment_it_is_made_until_it_is_dropped_or_granted() {
        let limit = ConnectionLimit::new(1);
        let permit = limit.request().granted().await.expect("a permit");
        assert!(!limit.has_waiters());
        let (waiting, dropped) = (limit.request(), limit.request());
        assert!(waiting.is_waiting() && limit.has_waiters());
        drop(dropped);
        drop(permit);
        let permit = waiting.granted().await.expect("granted");
        assert!(!limit.has_waiters() && limit.request().is_waiting());
        drop(permit);
        assert!(!limit.request().is_waiting());
    }
}
