//! The places for upstream connections: each takes a descriptor, and reading the secrets needs one too.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::DialError;

/// So many connections there may be at a time. Who waits for one is counted, so that idle connections can give
/// way.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    wishes: Arc<()>,
}

/// One of them, given back when the last who holds it is gone.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

/// A place, or the wish for one.
#[derive(Debug)]
pub(super) enum Asked {
    Given(OwnedSemaphorePermit),
    Wished(Arc<Semaphore>, Arc<()>),
}

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), wishes: Arc::default() }
    }

    pub(super) fn ask(&self) -> Asked {
        match self.free.clone().try_acquire_owned() {
            Ok(place) => Asked::Given(place),
            Err(_) => Asked::Wished(self.free.clone(), self.wishes.clone()),
        }
    }

    /// Whether somebody waits for a place.
    pub(super) fn are_wished_for(&self) -> bool {
        Arc::strong_count(&self.wishes) > 1
    }
}

impl Asked {
    pub(super) fn is_wish(&self) -> bool {
        matches!(self, Self::Wished(..))
    }

    /// Waits for the place, if it is not there yet.
    pub(super) async fn get(self) -> Result<Place, DialError> {
        match self {
            Self::Given(place) => Ok(Arc::new(place)),
            Self::Wished(free, _wish) => free.acquire_owned().await.map(Arc::new).map_err(DialError::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wish_counts_from_the_moment_it_is_made_until_it_is_given_up_or_granted() {
        let places = Places::new(1);
        let place = places.ask().get().await.expect("a place");
        assert!(!places.are_wished_for());
        let (wish, given_up) = (places.ask(), places.ask());
        assert!(wish.is_wish() && places.are_wished_for());
        drop(given_up);
        drop(place);
        let place = wish.get().await.expect("granted");
        assert!(!places.are_wished_for() && places.ask().is_wish());
        drop(place);
        assert!(!places.ask().is_wish());
    }
}
