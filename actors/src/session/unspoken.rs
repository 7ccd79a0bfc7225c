//! Tunnels between CONNECT and the end of their handshake.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::limits::UNSPOKEN_MAX;

/// The tunnels that have not spoken yet, the oldest first. When there are too many, the oldest is cut
/// off: a client that opens tunnels and says nothing holds up only itself.
#[derive(Debug, Default)]
pub(crate) struct Unspoken(Mutex<VecDeque<oneshot::Sender<()>>>);

impl Unspoken {
    /// Counts a tunnel for as long as what is returned is held; it resolves if the tunnel is cut off.
    pub(super) fn enter(&self) -> oneshot::Receiver<()> {
        let (place, cut_off) = oneshot::channel();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= UNSPOKEN_MAX {
            places.retain(|place| !place.is_closed());
        }
        if places.len() >= UNSPOKEN_MAX {
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
        let unspoken = Unspoken::default();
        let spoken = unspoken.enter();
        drop(spoken);
        let mut silent: Vec<_> = (0..UNSPOKEN_MAX).map(|_| unspoken.enter()).collect();
        let cut_off =
            |tunnel: &mut oneshot::Receiver<()>| tunnel.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert!(!silent.iter_mut().any(cut_off), "there was room for all");
        let _one_more = unspoken.enter();
        let cut: Vec<bool> = silent.iter_mut().map(cut_off).collect();
        assert!(cut[0] && !cut[1..].contains(&true));
    }
}
