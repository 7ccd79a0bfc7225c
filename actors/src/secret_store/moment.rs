//! A moment by two clocks: the monotonic one may stand still while the computer sleeps.

use std::time::{Duration, Instant, SystemTime};

/// One moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Instant,
    pub(super) wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// By the monotonic clock.
    pub(super) fn since(self, earlier: Self) -> Duration {
        self.monotonic.saturating_duration_since(earlier.monotonic)
    }

    /// By the clock that shows the later time.
    pub(super) fn age_of(self, earlier: Self) -> Duration {
        // A wall clock that was set back proves nothing.
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.since(earlier).max(wall)
    }
}
