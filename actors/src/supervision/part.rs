//! One owner's share of the status report.
//!
//! Boot makes a part for each owner and lends it out. It outlives the owner, so that a crash loses no
//! count and no state; `status` reads all parts and waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// A report that its owner writes, and counters.
#[derive(Debug)]
pub(crate) struct Part<R, C = ()>(Arc<Shared<R, C>>);

#[derive(Debug)]
struct Shared<R, C> {
    report: watch::Sender<R>,
    counters: C,
}

impl<R, C> Clone for Part<R, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R, C: Default> Part<R, C> {
    pub(crate) fn new(report: R) -> Self {
        Self(Arc::new(Shared { report: watch::Sender::new(report), counters: C::default() }))
    }
}

impl<R: Default, C: Default> Default for Part<R, C> {
    fn default() -> Self {
        Self::new(R::default())
    }
}

impl<R, C> Part<R, C> {
    /// Replaces the report.
    pub(crate) fn publish(&self, report: R) {
        self.0.report.send_replace(report);
    }

    /// Changes the report in place.
    pub(crate) fn update(&self, change: impl FnOnce(&mut R)) {
        self.0.report.send_modify(change);
    }

    /// Changes the report in place; `change` returns whether it did.
    pub(crate) fn update_if(&self, change: impl FnOnce(&mut R) -> bool) {
        self.0.report.send_if_modified(change);
    }

    /// The report. Hold it for a moment only: its owner waits to write.
    pub(crate) fn report(&self) -> watch::Ref<'_, R> {
        self.0.report.borrow()
    }

    pub(crate) fn counters(&self) -> &C {
        &self.0.counters
    }

    #[cfg(test)]
    pub(crate) fn subscribe(&self) -> watch::Receiver<R> {
        self.0.report.subscribe()
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
