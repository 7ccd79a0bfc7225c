//! The estimate of the memory that messages take which their receivers do not read.
//!
//! A body is *held back* while the HTTP library does not ask for its next piece. Meanwhile a response counts by the
//! buffers behind it, and a request by the bytes that the client sends. A response also counts from when a piece of it
//! is handed to the library until so many bytes were written to the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::limits;

/// The sum over all clients. Made by boot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    grown: Notify,
}

impl Backlog {
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes.load(Relaxed)
    }

    /// Waits until it is too large; gives the bytes that are too many.
    pub(crate) async fn exceeded(&self) -> usize {
        loop {
            match self.bytes().checked_sub(limits::BACKLOG_BYTES_MAX) {
                None | Some(0) => self.0.grown.notified().await,
                Some(bytes) => return bytes,
            }
        }
    }

    fn add(&self, bytes: usize) {
        let before = self.0.bytes.fetch_add(bytes, Relaxed);
        if before + bytes > limits::BACKLOG_BYTES_MAX {
            self.0.grown.notify_one();
        }
    }

    fn subtract(&self, bytes: usize) {
        self.0.bytes.fetch_sub(bytes, Relaxed);
    }
}

/// The share of one client.
#[derive(Debug)]
pub(super) struct Share {
    all: Backlog,
    unsent: AtomicUsize,
    held_back: AtomicUsize,
    /// Bodies of requests that are held back, and the bytes read from the client meanwhile.
    requests: AtomicUsize,
    unread: AtomicUsize,
}

impl Share {
    pub(super) fn of(all: Backlog) -> Self {
        let zero = AtomicUsize::default;
        Self { all, unsent: zero(), held_back: zero(), requests: zero(), unread: zero() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.unsent.load(Relaxed) + self.held_back.load(Relaxed) + self.unread.load(Relaxed)
    }

    /// A piece of a response was handed on.
    pub(super) fn handed(&self, bytes: usize) {
        self.unsent.fetch_add(bytes, Relaxed);
        self.all.add(bytes);
    }

    /// Framing makes the written bytes some more than the handed ones.
    pub(super) fn written(&self, bytes: usize) {
        self.all.subtract(take(&self.unsent, bytes));
    }

    /// The client has sent so many bytes.
    pub(super) fn read(&self, bytes: usize) {
        let is_held_back = self.requests.load(Relaxed) > 0;
        // More is never in the library; other requests on the connection may go on meanwhile.
        if is_held_back && self.unread.load(Relaxed) < limits::H2_CONNECTION_BYTES {
            self.unread.fetch_add(bytes, Relaxed);
            self.all.add(bytes);
        }
    }

    /// A piece of a request was handed on.
    pub(super) fn passed_on(&self, bytes: usize) {
        self.all.subtract(take(&self.unread, bytes));
    }

    pub(super) fn hold_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(super) fn let_request_go(&self) {
        if self.requests.fetch_sub(1, Relaxed) == 1 {
            self.all.subtract(self.unread.swap(0, Relaxed));
        }
    }

    pub(super) fn hold_back(&self, bytes: usize) {
        self.held_back.fetch_add(bytes, Relaxed);
        self.all.add(bytes);
    }

    pub(super) fn let_go(&self, bytes: usize) {
        self.held_back.fetch_sub(bytes, Relaxed);
        self.all.subtract(bytes);
    }
}

/// Takes up to so many bytes from a count; gives how many.
fn take(count: &AtomicUsize, bytes: usize) -> usize {
    if count.load(Relaxed) == 0 {
        return 0;
    }
    let less = |before: usize| Some(before.saturating_sub(bytes));
    count.fetch_update(Relaxed, Relaxed, less).unwrap_or_default().min(bytes)
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.subtract(self.bytes());
    }
}
