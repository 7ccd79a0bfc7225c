//! The identity of a client connection.

use std::sync::atomic::{AtomicU64, Ordering};

/// One client connection. Its requests may share an upstream HTTP/2 connection at a time, and no other client's: a
/// client that does not read its responses fills the flow control window of the whole connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ClientId(u64);

impl ClientId {
    /// An identity that no other connection has.
    pub(crate) fn next() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        Self(COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Its number among the holders of upstream connections.
    pub(super) fn number(self) -> u64 {
        self.0
    }
}
