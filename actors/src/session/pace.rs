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
    /// Waits for a turn and takes it.
    pub(super) async fn turn(&self) {
        let mut full = self.full.lock().await;
        sleep_until(earliest(*full)).await;
        take(&mut full);
    }

    /// Takes a turn if there is one at once.
    pub(super) fn turn_at_once(&self) -> bool {
        let Ok(mut full) = self.full.try_lock() else { return false };
        let free = earliest(*full) <= Instant::now();
        if free {
            take(&mut full);
        }
        free
    }
}

/// When the next turn is free.
fn earliest(full: Instant) -> Instant {
    full.checked_sub(STEP * (FAILURES_AT_ONCE - 1)).unwrap_or(full)
}

fn take(full: &mut Instant) {
    *full = Instant::now().max(*full) + STEP;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let (pace, begun) = (Pace::default(), Instant::now());
        for _ in 0..FAILURES_AT_ONCE {
            pace.turn().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(!pace.turn_at_once());
        for _ in 0..FAILURES_PER_SECOND {
            pace.turn().await;
        }
        assert!(begun.elapsed().abs_diff(Duration::from_secs(1)) < Duration::from_millis(100), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_takes_no_turn_along() {
        let pace = Pace::default();
        while pace.turn_at_once() {}
        for _ in 0..1000 {
            let _ = tokio::time::timeout(Duration::from_millis(1), pace.turn()).await;
        }
        let begun = Instant::now();
        pace.turn().await;
        assert!(begun.elapsed() <= STEP);
    }
}
