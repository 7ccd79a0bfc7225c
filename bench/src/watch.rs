//! The costs of one subject under one load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Broken;
use crate::meter::Used;
use crate::subject::Subject;
use crate::tally::Tally;

/// The pause before a window opens.
pub const WARM: Duration = Duration::from_millis(500);

/// The measurements of a window.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Requests, events or bytes, as the tally counts them.
    pub done: u64,
    /// CPU time of the subject.
    pub cpu: Duration,
    /// The length of the window.
    pub elapsed: Duration,
    /// Latencies, if the load records them.
    pub latencies: Vec<Duration>,
    /// Memory at the end.
    pub used: Used,
}

/// Measures the load for this time, after a pause.
///
/// # Errors
/// The subject ended.
pub async fn window(subject: &Subject, tally: &Tally, warm: Duration, length: Duration) -> Result<Seen, Broken> {
    sleep(warm).await;
    let _ = tally.latencies();
    let (before, done, begun) = (subject.used()?, tally.done(), Instant::now());
    sleep(length).await;
    until_now(subject, tally, &before, done, begun)
}

/// The same for a load that ends by itself.
///
/// # Errors
/// The subject ended.
pub async fn to_its_end(subject: &Subject, tally: &Tally, tasks: &mut JoinSet<()>) -> Result<Seen, Broken> {
    let (before, done, begun) = (subject.used()?, tally.done(), Instant::now());
    while tasks.join_next().await.is_some() {}
    until_now(subject, tally, &before, done, begun)
}

fn until_now(subject: &Subject, tally: &Tally, before: &Used, done: u64, begun: Instant) -> Result<Seen, Broken> {
    let used = subject.used()?;
    Ok(Seen {
        done: tally.done() - done,
        cpu: used.cpu.saturating_sub(before.cpu),
        elapsed: begun.elapsed(),
        latencies: tally.latencies(),
        used,
    })
}

impl Seen {
    /// CPU for each unit, in µs.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.done as f64
    }

    /// Units in a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency, in µs, at this quantile.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    pub fn latency(&self, part: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let place = (sorted.len() as f64 * part) as usize;
        sorted.get(place.min(sorted.len().saturating_sub(1))).map_or(f64::NAN, |it| it.as_secs_f64() * 1e6)
    }
}

/// Ends a load, and fails if any request of it failed.
///
/// # Errors
/// The first error of the load.
pub async fn end(mut tasks: JoinSet<()>, tally: &Arc<Tally>) -> Result<(), Broken> {
    tasks.shutdown().await;
    match tally.errors() {
        (_, None) => Ok(()),
        (count, Some(first)) => Err(format!("{count} errors, the first: {first}").into()),
    }
}
