//! The restart budget of an owner, and the pause before each restart.
//!
//! `limits.rs` has the numbers: `CRASHES_MAX`, `CRASH_WINDOW`, `BACKOFF_MIN` and `BACKOFF_MAX`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::limits::{BACKOFF_MAX, BACKOFF_MIN};

/// The crashes of one owner within the window.
#[derive(Debug)]
pub(crate) struct Budget {
    crashes_max: usize,
    window: Duration,
    crashes: VecDeque<Instant>,
}

impl Budget {
    pub(crate) fn new(crashes_max: usize, window: Duration) -> Self {
        Self { crashes_max, window, crashes: VecDeque::new() }
    }

    /// Counts a crash. The pause before the restart, or `None` once the budget is exhausted.
    pub(crate) fn spend(&mut self, now: Instant) -> Option<Duration> {
        self.crashes.push_back(now);
        self.forgive(now);
        let earlier = u32::try_from(self.crashes.len() - 1).unwrap_or(u32::MAX);
        let pause = BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(earlier)).min(BACKOFF_MAX);
        (self.crashes.len() < self.crashes_max).then_some(pause)
    }

    /// How many crashes are left.
    pub(crate) fn left(&mut self, now: Instant) -> usize {
        self.forgive(now);
        self.crashes_max.saturating_sub(self.crashes.len())
    }

    fn forgive(&mut self, now: Instant) {
        while self.crashes.front().is_some_and(|first| now.duration_since(*first) > self.window) {
            self.crashes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_the_budget_is_exhausted() {
        let now = Instant::now();
        let mut budget = Budget::new(5, Duration::from_secs(60));
        let pauses: Vec<Option<u128>> = (0..5).map(|_| budget.spend(now).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses, [Some(10), Some(20), Some(40), Some(80), None]);
    }

    #[test]
    fn crashes_outside_the_window_are_forgiven() {
        let start = Instant::now();
        let mut budget = Budget::new(2, Duration::from_secs(60));
        for minute in 0..20 {
            let now = start + Duration::from_secs(61 * minute);
            assert_eq!(budget.spend(now), Some(BACKOFF_MIN), "minute {minute}");
        }
    }

    #[test]
    fn the_pause_has_a_ceiling() {
        let mut budget = Budget::new(1000, Duration::from_secs(60));
        let now = Instant::now();
        assert_eq!((0..100).filter_map(|_| budget.spend(now)).max(), Some(BACKOFF_MAX));
    }
}
