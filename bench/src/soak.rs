//! `bench soak`: growth of latency, memory and descriptors under a long load.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Broken;
use crate::drive::median;
use crate::grow::asked_by;
use crate::load::{HOST, clients, paced};
use crate::origin;
use crate::subject::{Place, Subject};
use crate::tally::Tally;
use crate::watch::{self, Seen};

/// Clients of the run that measures the maximum load: about as many as the half load needs.
const MANY: u32 = 256;
/// The length of each measurement.
const LOOK: Duration = Duration::from_secs(60);
/// The time in which the proxy closes its last kept connection after the load: it keeps a connection for 60 s and
/// sweeps the pool every 15 s.
const CLOSED: Duration = Duration::from_secs(90);

/// The figures of a minute that must not grow.
struct Minute {
    p50: f64,
    own: f64,
    descriptors: usize,
}

type Figure = fn(&Minute) -> f64;

/// Half of the maximum load, for this many minutes. Prints a table with a row for each minute.
///
/// # Errors
/// A request failed, or something grew.
pub async fn run(program: &Path, minutes: usize) -> Result<(), Broken> {
    let (origin, origin_ca) = origin::start(&[HOST], false).await?;
    let place = Place { origin, origin_ca, hosts: 0, secrets: 1, classic: false };
    let subject = Subject::proxy(program, &place)?;
    let rest = subject.used()?.descriptors;
    let full = asked_by(&subject, MANY).await?.rate();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of requests")]
    let half = (full / 2.0) as u32;
    println!("half load: {half} requests a second of {full:.0}\n");
    println!(
        "| minute | requests | CPU \u{b5}s/request | p50 \u{b5}s | p99 \u{b5}s | resident KiB | own KiB | descriptors |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let tally = Arc::new(Tally::default());
    let tasks = paced(&subject.way, &tally, half);
    let mut all = Vec::new();
    for minute in 1..=minutes {
        let seen = watch::window(&subject, &tally, Duration::ZERO, LOOK).await?;
        all.push(row(minute, &seen));
    }
    watch::end(tasks, &tally).await?;
    judge(&all)?;
    bounded(&all, rest + 2 * clients(half) as usize)?;
    closed(&subject, rest).await
}

/// Each client has one descriptor and at most one upstream. The number of kept upstream connections is the maximum of
/// concurrent requests in the last minute, and varies by half.
fn bounded(all: &[Minute], most: usize) -> Result<(), Broken> {
    let found = all.iter().map(|minute| minute.descriptors).max().unwrap_or_default();
    println!("\ndescriptors: {found} at the most, and there may be {most}");
    if found > most { Err("descriptors: more than two for each client".into()) } else { Ok(()) }
}

/// Waits until no more descriptors are open than before the load: descriptors that stay open have leaked.
async fn closed(subject: &Subject, rest: usize) -> Result<(), Broken> {
    let begun = Instant::now();
    loop {
        let open = subject.used()?.descriptors;
        if open <= rest {
            println!("\ndescriptors before the load: {rest}; {:.0} s after it: {open}", begun.elapsed().as_secs_f64());
            return Ok(());
        }
        if begun.elapsed() > CLOSED {
            return Err(format!("{open} descriptors are open after the load, {rest} were before it").into());
        }
        sleep(Duration::from_secs(1)).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn row(minute: usize, seen: &Seen) -> Minute {
    let Seen { done, used, .. } = seen;
    let (p50, p99) = (seen.latency(0.5), seen.latency(0.99));
    println!(
        "| {minute} | {done} | {:.1} | {p50:.0} | {p99:.0} | {} | {} | {} |",
        seen.cpu_each(),
        used.resident,
        used.own,
        used.descriptors,
    );
    Minute { p50, own: used.own as f64, descriptors: used.descriptors }
}

/// Compares the last third with the one before. The first fills caches and logs.
fn judge(all: &[Minute]) -> Result<(), Broken> {
    let third = all.len() / 3;
    let (before, last) = (all.get(third..2 * third).unwrap_or_default(), all.get(2 * third..).unwrap_or_default());
    let of = |minutes: &[Minute], what: Figure| median(minutes.iter().map(what).collect());
    let bounds: [(&str, Figure, f64); 2] =
        [("median latency, \u{b5}s", |minute| minute.p50, 1.5), ("memory of its own, KiB", |minute| minute.own, 1.1)];
    for (name, what, more) in bounds {
        let (before, last) = (of(before, what), of(last, what));
        println!("\n{name}: {before:.0} in the second third, {last:.0} in the last");
        if last > before * more {
            return Err(format!("{name}: it grows").into());
        }
    }
    Ok(())
}
