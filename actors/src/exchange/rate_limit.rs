//! How fast requests may fail, over all connections: each failure is a line on the disk.

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, sleep_until};

use crate::limits::{FAILURES_AT_ONCE, FAILURES_PER_SECOND};

/// How long it takes until a turn taken has come back.
const STEP: Duration = Duration::from_nanos(1_000_000_000 / FAILURES_PER_SECOND as u64);

/// Hands out turns to fail. Who waits is served in order, and who leaves takes no turn along.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When all turns will have come back.
    full: Mutex<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { full: Mutex::new(Instant::now()) }
    }
}

impl Pace {
    /// Waits for a turn and takes so many.
    pub(crate) async fn turns(&self, count: u32) {
        let mut full = self.full.lock().await;
        sleep_until(earliest(*full)).await;
        take(&mut full, count);
    }

    /// Takes so many turns if there is one at once.
    pub(crate) fn turns_at_once(&self, count: u32) -> bool {
        let Ok(mut full) = self.full.try_lock() else { return false };
        let free = earliest(*full) <= Instant::now();
        if free {
            take(&mut full, count);
        }
        free
    }
}

/// When the next turn is free.
fn earliest(full: Instant) -> Instant {
    full.checked_sub(STEP * (FAILURES_AT_ONCE - 1)).unwrap_or(full)
}

fn take(full: &mut Instant, count: u32) {
    *full = Instant::now().max(*full) + STEP * count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let (pace, begun) = (Pace::default(), Instant::now());
        for _ in 0..FAILURES_AT_ONCE {
            pace.turns(1).await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(!pace.turns_at_once(1));
        for _ in 0..FAILURES_PER_SECOND {
            pace.turns(1).await;
        }
        assert!(begun.elapsed().abs_diff(Duration::from_secs(1)) < Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_record_counts_as_many_short_ones() {
        let (pace, begun) = (Pace::default(), Instant::now());
        pace.turns(FAILURES_AT_ONCE).await;
        for _ in 0..5 {
            pace.turns(FAILURES_PER_SECOND).await;
        }
        // The first of them had to wait for one turn, each other for all of the one before.
        assert!(begun.elapsed().abs_diff(Duration::from_secs(4)) < Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_takes_no_turn_along() {
        let pace = Pace::default();
        while pace.turns_at_once(1) {}
        for _ in 0..1000 {
            let _ = tokio::time::timeout(Duration::from_millis(1), pace.turns(1)).await;
        }
        let begun = Instant::now();
        pace.turns(1).await;
        assert!(begun.elapsed() <= STEP);
    }
}
