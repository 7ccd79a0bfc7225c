//! Ends the process when the runtime stops ticking, so that the service manager restarts it.
//!
//! If systemd watches, too, each tick is a notification.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::readiness;

/// How often the runtime ticks, and how often the ticks are checked.
const TICK: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(1);
/// Checks in a row without a tick before the runtime counts as stuck. Checks are counted, not time, because a
/// computer that sleeps is not stuck.
const MISSES_MAX: u32 = 10;

/// Watches the current runtime from a thread of its own.
pub(crate) fn start() -> std::io::Result<()> {
    let ticks = Arc::new(AtomicU64::new(0));
    let watched = ticks.clone();
    let limit = readiness::watchdog_limit();
    // Twice within systemd's limit.
    let tick = limit.map_or(TICK, |limit| (limit / 2).clamp(TICK_MIN, TICK));
    tokio::spawn(async move {
        let mut clock = interval(tick);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            ticks.fetch_add(1, Ordering::Relaxed);
            if limit.is_some() {
                readiness::notify("WATCHDOG=1");
            }
        }
    });
    std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&watched)).map(drop)
}

fn watch(ticks: &AtomicU64) {
    let (mut seen, mut misses) = (0, 0);
    while misses < MISSES_MAX {
        std::thread::sleep(TICK);
        let now = ticks.load(Ordering::Relaxed);
        misses = if now == seen { misses + 1 } else { 0 };
        seen = now;
    }
    let stuck = (TICK * MISSES_MAX).as_secs();
    err!("secret-proxy: nothing has moved for {stuck} s, such as on a disk that does not answer: ending");
    std::process::exit(1);
}
