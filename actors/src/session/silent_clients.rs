//! A bounded set of clients that have sent nothing yet; the oldest is evicted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// Silent clients, the oldest first. When there are too many the oldest is evicted: a client that opens connections
/// and sends nothing delays only itself.
#[derive(Debug)]
pub(crate) struct SilentClients {
    max: usize,
    admitted: Mutex<VecDeque<oneshot::Sender<()>>>,
}

impl SilentClients {
    pub(crate) fn at_most(max: usize) -> Self {
        Self { max, admitted: Mutex::default() }
    }

    /// Counts one client for as long as the receiver is held. It resolves when that client is evicted.
    pub(super) fn admit(&self) -> oneshot::Receiver<()> {
        let (client, evicted) = oneshot::channel();
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        if admitted.len() >= self.max {
            admitted.retain(|client| !client.is_closed());
        }
        if admitted.len() >= self.max {
            admitted.pop_front();
        }
        admitted.push_back(client);
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_silent_client_is_evicted_and_those_that_spoke_do_not_count() {
        let clients = SilentClients::at_most(8);
        drop(clients.admit());
        let mut silent: Vec<_> = (0..8).map(|_| clients.admit()).collect();
        let is_evicted =
            |client: &mut oneshot::Receiver<()>| client.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert!(!silent.iter_mut().any(is_evicted), "all were within the bound");
        let _one_more = clients.admit();
        let evicted: Vec<bool> = silent.iter_mut().map(is_evicted).collect();
        assert!(evicted[0] && !evicted[1..].contains(&true));
    }
}
