//! How fast records are written, so that no client fills the disk with them.

use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, sleep};

use crate::limits::{PERMITS_BURST, PERMITS_BURST_LOW, PERMITS_PER_SECOND, PERMITS_PER_SECOND_LOW};

/// A token bucket.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the bucket will be full.
    full: Instant,
    /// The time in which one unit is refilled.
    step: Duration,
    /// The time in which an empty bucket is refilled, but for one unit.
    burst: Duration,
}

impl Pace {
    pub(super) fn new(burst: u64, per_second: u32, now: Instant) -> Self {
        let step = 1_000_000_000 / u64::from(per_second);
        let burst = Duration::from_nanos(step * burst.saturating_sub(1));
        Self { full: now, step: Duration::from_nanos(step), burst }
    }

    /// Takes `count` units if one is free, else gives the time until one is.
    pub(super) fn take(&mut self, count: u32, now: Instant) -> Result<(), Duration> {
        let early = self.full.saturating_duration_since(now).saturating_sub(self.burst);
        if !early.is_zero() {
            return Err(early);
        }
        self.charge(count, now);
        Ok(())
    }

    fn charge(&mut self, count: u32, now: Instant) {
        self.full = now.max(self.full) + self.step * count;
    }
}

/// Bytes that may be written of permits, and of what became of them. Waiters are served in order, and a dropped waiter
/// takes nothing.
#[derive(Debug)]
pub(super) struct PermitPace {
    queue: Mutex<()>,
    usual: SyncMutex<Pace>,
    /// While there is little space.
    low: SyncMutex<Pace>,
}

impl Default for PermitPace {
    fn default() -> Self {
        let pace = |burst, per_second| SyncMutex::new(Pace::new(burst, per_second, Instant::now()));
        Self {
            queue: Mutex::default(),
            usual: pace(PERMITS_BURST, PERMITS_PER_SECOND),
            low: pace(PERMITS_BURST_LOW, PERMITS_PER_SECOND_LOW),
        }
    }
}

impl PermitPace {
    /// Waits until a byte is free, then takes all.
    pub(super) async fn acquire(&self, bytes: u32, is_low: bool) {
        let _first = self.queue.lock().await;
        loop {
            let taken = self.pace(is_low).take(bytes, Instant::now());
            let Err(early) = taken else { return };
            sleep(early).await;
        }
    }

    /// Takes them without waiting: the next one waits for it.
    pub(super) fn charge(&self, bytes: u32, is_low: bool) {
        self.pace(is_low).charge(bytes, Instant::now());
    }

    fn pace(&self, is_low: bool) -> MutexGuard<'_, Pace> {
        let pace = if is_low { &self.low } else { &self.usual };
        pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let begun = Instant::now();
        let mut pace = Pace::new(4000, 50, begun);
        assert!((0..4000).all(|_| pace.take(1, begun).is_ok()));
        let early = pace.take(1, begun).expect_err("the burst is over");
        assert!(early.abs_diff(Duration::from_millis(20)) < Duration::from_millis(1), "{early:?}");
        let later = begun + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| pace.take(1, later).is_ok()).count(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_record_counts_as_many_short_ones() {
        let begun = Instant::now();
        let mut pace = Pace::new(100, 50, begun);
        assert_eq!(pace.take(100, begun), Ok(()));
        // It waits for one unit, and the next for all of its own.
        assert_eq!(pace.take(50, begun + Duration::from_millis(20)), Ok(()));
        assert!(pace.take(1, begun + Duration::from_secs(1)).is_err());
        assert_eq!(pace.take(1, begun + Duration::from_millis(1_040)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_waiter_takes_nothing() {
        let (pace, bytes) = (PermitPace::default(), PERMITS_PER_SECOND_LOW);
        for _ in 0..PERMITS_BURST_LOW / u64::from(bytes) {
            pace.acquire(bytes, true).await;
        }
        for _ in 0..1000 {
            let _ = tokio::time::timeout(Duration::from_micros(1), pace.acquire(bytes, true)).await;
        }
        let begun = Instant::now();
        pace.acquire(bytes, true).await;
        pace.acquire(bytes, true).await;
        assert!(begun.elapsed().abs_diff(Duration::from_secs(1)) < Duration::from_millis(10), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_benchmark_of_half_an_hour_is_not_slowed_down() {
        let (pace, begun) = (PermitPace::default(), Instant::now());
        for _ in 0..30 * 60 {
            pace.acquire(9_000 * 420, false).await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_wait_makes_the_next_one_wait() {
        let (pace, begun) = (PermitPace::default(), Instant::now());
        pace.charge(2 * PERMITS_PER_SECOND_LOW + 1024 * 1024, true);
        pace.acquire(1, true).await;
        assert!(begun.elapsed().abs_diff(Duration::from_secs(2)) < Duration::from_millis(10), "{:?}", begun.elapsed());
    }
}
