//! The estimate of the memory that messages take which their receivers do not read.
//!
//! A response counts from when a piece of it is handed to the HTTP library until so many bytes were written to the
//! client. A body also counts by the buffers behind it while it is *held back*: since its last piece was handed on, the
//! library has not asked for the next.

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
}

impl Share {
    pub(super) fn of(all: Backlog) -> Self {
        Self { all, unsent: AtomicUsize::default(), held_back: AtomicUsize::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.unsent.load(Relaxed) + self.held_back.load(Relaxed)
    }

    /// A piece of a response was handed on.
    pub(super) fn handed(&self, bytes: usize) {
        self.unsent.fetch_add(bytes, Relaxed);
        self.all.add(bytes);
    }

    /// Framing makes the written bytes some more than the handed ones.
    pub(super) fn written(&self, bytes: usize) {
        if self.unsent.load(Relaxed) > 0 {
            let less = |unsent: usize| Some(unsent.saturating_sub(bytes));
            let before = self.unsent.fetch_update(Relaxed, Relaxed, less).unwrap_or_default();
            self.all.subtract(before.min(bytes));
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

impl Drop for Share {
    fn drop(&mut self) {
        self.all.subtract(self.bytes());
    }
}
