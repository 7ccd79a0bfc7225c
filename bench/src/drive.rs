//! Rounds that measure every mode with every subject, in rotating order.
//!
//! Every second round runs backwards, so that no subject is always first. A slow minute of the machine hits all
//! subjects.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::Broken;
use crate::load::{self, Mode, NEW_HOSTS};
use crate::subject::Subject;
use crate::tally::Tally;
use crate::watch;

/// Tunnels that stay open, to measure the memory of one.
const TUNNELS: u32 = 400;

/// One measurement.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the measured subject.
    pub name: &'static str,
    /// The load.
    pub mode: Mode,
    /// CPU time for each unit, in µs.
    pub cpu: f64,
    /// Units in a second.
    pub rate: f64,
    /// The median latency, in µs, where the load is paced.
    pub latency: Option<f64>,
    /// The number of errors.
    pub errors: u64,
}

/// Memory of one subject, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// After one request.
    pub resident: u64,
    /// More for each open tunnel.
    pub tunnel: f64,
    /// CPU of all of them in a second of quiet, in µs.
    pub idle: f64,
}

/// The plan of a run.
pub struct Plan {
    /// The kinds of traffic.
    pub modes: Vec<Mode>,
    /// The number of rounds.
    pub rounds: usize,
    /// The length of each measurement.
    pub window: Duration,
}

impl Plan {
    /// Measures all subjects in all modes.
    ///
    /// # Errors
    /// A subject ended.
    pub async fn run(&self, subjects: &[Subject]) -> Result<Vec<Sample>, Broken> {
        let mut samples = Vec::new();
        for round in 0..self.rounds {
            for (nth, mode) in self.modes.iter().enumerate() {
                let mut order: Vec<&Subject> =
                    subjects.iter().filter(|it| it.way.is_proxy || mode.is_paced()).collect();
                let turn = (round + nth) % order.len();
                order.rotate_left(turn);
                if round % 2 == 1 {
                    order.reverse();
                }
                for subject in order {
                    samples.push(self.measure(subject, *mode, round).await?);
                }
            }
            eprintln!("round {} of {} is done", round + 1, self.rounds);
        }
        Ok(samples)
    }

    async fn measure(&self, subject: &Subject, mode: Mode, round: usize) -> Result<Sample, Broken> {
        let tally = Arc::new(Tally::default());
        let mut tasks = load::start(mode, &subject.way, &tally, round * NEW_HOSTS);
        let seen = if mode == Mode::Mint {
            watch::to_its_end(subject, &tally, &mut tasks).await?
        } else {
            watch::window(subject, &tally, watch::WARM, self.window).await?
        };
        tasks.shutdown().await;
        let (errors, first) = tally.errors();
        if let Some(first) = first {
            eprintln!("{} in {mode:?}: {errors} errors, the first: {first}", subject.name);
        }
        let unit = mode.per_unit();
        let (cpu, rate) = (seen.cpu_each() * unit, seen.rate() / unit);
        let latency = mode.is_paced().then(|| seen.latency(0.5));
        sleep(watch::WARM / 5).await;
        Ok(Sample { name: subject.name, mode, cpu, rate, latency, errors })
    }
}

/// The memory and CPU of an idle subject. Call this before any other measurement.
///
/// # Errors
/// A request failed.
pub async fn rest(subject: &Subject) -> Result<Rest, Broken> {
    let mut tunnels = vec![load::opened(&subject.way).await?];
    sleep(watch::WARM).await;
    let resident = subject.used()?.resident;
    for _ in 0..TUNNELS {
        tunnels.push(load::opened(&subject.way).await?);
    }
    sleep(watch::WARM).await;
    let before = subject.used()?;
    sleep(Duration::from_secs(1)).await;
    let idle = micros(subject.used()?.cpu.saturating_sub(before.cpu));
    let grown = u32::try_from(before.resident.saturating_sub(resident))?;
    Ok(Rest { resident, tunnel: f64::from(grown) / f64::from(TUNNELS), idle })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(f64::NAN);
    let lower = values.get(middle.saturating_sub(1)).copied().unwrap_or(f64::NAN);
    if values.len().is_multiple_of(2) { f64::midpoint(lower, upper) } else { upper }
}
