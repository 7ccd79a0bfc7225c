//! Ends the process when the runtime stops ticking, so that the service manager restarts it.
//!
//! The tick belongs to the future that the runtime runs for: the runtime polls it after a few dozen tasks, however many
//! are ready. A task of its own would wait behind all of them, and a busy daemon would count as stuck. With several
//! workers the tick goes on as long as one of them is not blocked; an owner that blocks another one is noticed by its
//! heartbeat. If systemd watches, too, each tick is a notification.

use std::convert::Infallible;
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

/// Does the work that the runtime is run for, and watches the runtime meanwhile from a thread of its own.
pub(crate) async fn watched<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let ticks = Arc::new(AtomicU64::new(0));
    let watched = ticks.clone();
    let limit = readiness::watchdog_limit();
    // Twice within systemd's limit.
    let every = limit.map_or(TICK, |limit| (limit / 2).clamp(TICK_MIN, TICK));
    std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || end_when_stuck(&watched))?;
    tokio::select! {
        biased;
        never = tick(&ticks, every, limit.is_some()) => match never {},
        done = work => Ok(done),
    }
}

async fn tick(ticks: &AtomicU64, every: Duration, notifies: bool) -> Infallible {
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        ticks.fetch_add(1, Ordering::Relaxed);
        if notifies {
            readiness::notify("WATCHDOG=1");
        }
    }
}

fn end_when_stuck(ticks: &AtomicU64) {
    wait_until_stuck(ticks, TICK);
    let stuck = (TICK * MISSES_MAX).as_secs();
    err!("secret-proxy: nothing has moved for {stuck} s, such as on a disk that does not answer: ending");
    std::process::exit(1);
}

/// Returns when the ticks have stopped.
fn wait_until_stuck(ticks: &AtomicU64, every: Duration) {
    let (mut seen, mut misses) = (0, 0);
    while misses < MISSES_MAX {
        std::thread::sleep(every);
        let now = ticks.load(Ordering::Relaxed);
        misses = if now == seen { misses + 1 } else { 0 };
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    const EVERY: Duration = Duration::from_millis(100);

    /// Whether a runtime counts as stuck while it does so many tasks, which keep a thread for so long.
    fn is_stuck(workers: u8, tasks: u128, each: Duration) -> bool {
        let (ticks, stuck) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let watcher = {
            let (ticks, stuck) = (ticks.clone(), stuck.clone());
            move || {
                wait_until_stuck(&ticks, EVERY);
                stuck.store(true, Ordering::SeqCst);
            }
        };
        let runtime = actors::runtime::with_threads(workers.into()).expect("a runtime");
        runtime.block_on(async {
            let working = async {
                std::thread::spawn(watcher);
                // They sleep, so that the test needs no processor.
                let tasks: Vec<_> = (0..tasks).map(|_| tokio::spawn(async move { std::thread::sleep(each) })).collect();
                for task in tasks {
                    task.await.expect("no panic");
                }
            };
            tokio::select! {
                biased;
                never = tick(&ticks, EVERY, false) => match never {},
                () = working => {}
            }
        });
        stuck.load(Ordering::SeqCst)
    }

    #[test]
    fn a_long_queue_is_no_hang_and_a_blocked_thread_is() {
        let limit = EVERY * (MISSES_MAX + 2);
        let short = Duration::from_micros(100);
        for workers in [1, 2] {
            // Each worker has as many.
            let tasks = limit.as_micros() / short.as_micros() * u128::from(workers);
            assert!(!is_stuck(workers, tasks, short), "{workers} workers, a queue of at least {limit:?}");
        }
        for workers in [1, 2] {
            assert!(is_stuck(workers, 2, 3 * limit), "{workers} workers, all blocked");
        }
    }
}
