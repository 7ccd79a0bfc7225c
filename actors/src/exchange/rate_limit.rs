//! A rate limiter for requests that each write a record.
//!
//! All connections share it. `limits.rs` has the numbers: `FAILURES_BURST` and `FAILURES_PER_SECOND`.

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, sleep_until};

use crate::limits::{FAILURES_BURST, FAILURES_PER_SECOND};

/// The time in which one unit is refilled.
const STEP: Duration = Duration::from_nanos(1_000_000_000 / FAILURES_PER_SECOND as u64);

/// A token bucket of [`FAILURES_BURST`] units. Waiters are served in order, and a dropped waiter takes nothing.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// When the bucket will be full.
    full: Mutex<Instant>,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self { full: Mutex::new(Instant::now()) }
    }
}

impl RateLimiter {
    /// Waits until a unit is free, then takes `count`.
    pub(super) async fn acquire(&self, count: u32) {
        let mut full = self.full.lock().await;
        sleep_until(earliest(*full)).await;
        take(&mut full, count);
    }

    /// Takes `count` if a unit is free now.
    pub(super) fn try_acquire(&self, count: u32) -> bool {
        let Ok(mut full) = self.full.try_lock() else { return false };
        let free = earliest(*full) <= Instant::now();
        if free {
            take(&mut full, count);
        }
        free
    }
}

/// When the next unit is free.
fn earliest(full: Instant) -> Instant {
    full.checked_sub(STEP * (FAILURES_BURST - 1)).unwrap_or(full)
}

fn take(full: &mut Instant, count: u32) {
    *full = Instant::now().max(*full) + STEP * count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let (limiter, begun) = (RateLimiter::default(), Instant::now());
        for _ in 0..FAILURES_BURST {
            limiter.acquire(1).await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(!limiter.try_acquire(1));
        for _ in 0..FAILURES_PER_SECOND {
            limiter.acquire(1).await;
        }
        assert!(begun.elapsed().abs_diff(Duration::from_secs(1)) < Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_record_counts_as_many_short_ones() {
        let (limiter, begun) = (RateLimiter::default(), Instant::now());
        limiter.acquire(FAILURES_BURST).await;
        for _ in 0..5 {
            limiter.acquire(FAILURES_PER_SECOND).await;
        }
        // The first waits for one unit, each later one for all units of the one before.
        assert!(begun.elapsed().abs_diff(Duration::from_secs(4)) < Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_waiter_takes_nothing() {
        let limiter = RateLimiter::default();
        while limiter.try_acquire(1) {}
        for _ in 0..1000 {
            let _ = tokio::time::timeout(Duration::from_millis(1), limiter.acquire(1)).await;
        }
        let begun = Instant::now();
        limiter.acquire(1).await;
        assert!(begun.elapsed() <= STEP);
    }
}
