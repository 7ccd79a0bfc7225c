//! Connections whose first request has not come yet, and tunnels between CONNECT and the end of their handshake.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// Those that have not spoken yet, the oldest first. When there are too many, the oldest is cut
/// off: a client that opens them and says nothing holds up only itself.
#[derive(Debug)]
pub(crate) struct Unspoken {
    max: usize,
    places: Mutex<VecDeque<oneshot::Sender<()>>>,
}

impl Unspoken {
    pub(crate) fn of_at_most(max: usize) -> Self {
        Self { max, places: Mutex::default() }
    }

    /// Counts one for as long as what is returned is held; it resolves if that one is cut off.
    pub(super) fn enter(&self) -> oneshot::Receiver<()> {
        let (place, cut_off) = oneshot::channel();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= self.max {
            places.retain(|place| !place.is_closed());
        }
        if places.len() >= self.max {
            places.pop_front();
        }
        places.push_back(place);
        cut_off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_silent_tunnel_makes_room_and_those_that_spoke_do_not_count() {
        let unspoken = Unspoken::of_at_most(8);
        let spoken = unspoken.enter();
        drop(spoken);
        let mut silent: Vec<_> = (0..8).map(|_| unspoken.enter()).collect();
        let cut_off =
            |tunnel: &mut oneshot::Receiver<()>| tunnel.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert!(!silent.iter_mut().any(cut_off), "there was room for all");
        let _one_more = unspoken.enter();
        let cut: Vec<bool> = silent.iter_mut().map(cut_off).collect();
        assert!(cut[0] && !cut[1..].contains(&true));
    }
}
