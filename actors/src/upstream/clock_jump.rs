//! The sleep of the computer, seen by two clocks.

use std::time::{Duration, Instant, SystemTime};

/// How far the wall clock may run ahead of the monotonic one, which stands still during sleep.
const DRIFT_MAX: Duration = Duration::from_secs(5);

/// Notices when the computer has slept: its connections may be dead, though nothing has said so.
#[derive(Debug, Default)]
pub(super) struct ClockJump(Option<(Instant, SystemTime)>);

impl ClockJump {
    /// Whether the wall clock has jumped ahead since the last call.
    pub(super) fn has_happened(&mut self, monotonic: Instant, wall: SystemTime) -> bool {
        let Some((then, wall_then)) = self.0.replace((monotonic, wall)) else { return false };
        // A wall clock that was set back proves nothing.
        let elapsed = wall.duration_since(wall_then).unwrap_or_default();
        elapsed.saturating_sub(monotonic.saturating_duration_since(then)) > DRIFT_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_jumps() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let table = [
            // Seconds by the monotonic clock, by the wall clock, whether it is a jump.
            (60, 60, false),
            (60, 64, false),
            (60, 3600, true),
            (1, 31, true),
            (3600, 1, false),
        ];
        for (monotonic, by_wall, jumps) in table {
            let mut clocks = ClockJump::default();
            assert!(!clocks.has_happened(start, wall), "the first look compares with nothing");
            let (monotonic, by_wall) = (Duration::from_secs(monotonic), Duration::from_secs(by_wall));
            assert_eq!(clocks.has_happened(start + monotonic, wall + by_wall), jumps, "{monotonic:?} {by_wall:?}");
            assert!(!clocks.has_happened(start + monotonic, wall + by_wall), "once");
        }
    }
}
