//! Detects sleep: the wall clock advances meanwhile, the monotonic clock does not.

use std::time::{Duration, Instant, SystemTime};

/// A smaller difference is a clock that was corrected.
const SLEPT: Duration = Duration::from_secs(5);

/// Both clocks at the last check.
#[derive(Debug)]
pub(super) struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub(super) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// As if the computer had slept for an hour since.
    #[cfg(test)]
    pub(super) fn before_an_hour_of_sleep() -> Self {
        Self { wall: SystemTime::now() - Duration::from_secs(3600), ..Self::now() }
    }

    /// Whether the computer has slept since the last check, which this one replaces.
    pub(super) fn slept(&mut self, now: &Self) -> bool {
        let passed = now.monotonic.saturating_duration_since(self.monotonic);
        let by_the_wall = now.wall.duration_since(self.wall).unwrap_or_default();
        (self.monotonic, self.wall) = (now.monotonic, now.wall);
        by_the_wall > passed + SLEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leap_of_the_wall_clock_alone_is_sleep() {
        let begin = Clocks::now();
        let table = [(2, 2, false), (2, 6, false), (2, 3600, true), (3600, 3600, false), (2, 0, false)];
        for (monotonic, wall, slept) in table {
            let mut clocks = Clocks { ..begin };
            let later = Clocks {
                monotonic: begin.monotonic + Duration::from_secs(monotonic),
                wall: begin.wall + Duration::from_secs(wall),
            };
            assert_eq!(clocks.slept(&later), slept, "{monotonic} {wall}");
            assert!(!clocks.slept(&later), "it is reported once");
        }
        // Set back.
        let mut clocks = Clocks { ..begin };
        assert!(!clocks.slept(&Clocks { wall: begin.wall - Duration::from_secs(3600), ..begin }));
    }
}
