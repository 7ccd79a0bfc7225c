//! Counters of the completed work of all tasks of a measurement.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counters that tasks share.
#[derive(Debug, Default)]
pub struct Tally {
    done: AtomicU64,
    errors: AtomicU64,
    /// The first error.
    first: Mutex<Option<String>>,
    latencies: Mutex<Vec<Duration>>,
}

impl Tally {
    /// Adds requests, events or bytes.
    pub fn add(&self, done: usize) {
        self.done.fetch_add(done as u64, Ordering::Relaxed);
    }

    /// Adds an error.
    pub fn fail(&self, error: &impl ToString) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
    }

    /// Adds a latency.
    pub fn took(&self, latency: Duration) {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
    }

    /// The completed work.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The number of errors, and the first of them.
    pub fn errors(&self) -> (u64, Option<String>) {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.errors.load(Ordering::Relaxed), first)
    }

    /// The latencies since the last call.
    pub fn latencies(&self) -> Vec<Duration> {
        std::mem::take(&mut self.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
