//! `bench grow`: the growth of the cost of a request.
//!
//! Prints a line for each measurement, `WHAT SIZE WHO CPU RATE RESIDENT`: CPU in µs for each request, requests a
//! second, and resident memory in KiB. `bench/growth` draws the graph.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Broken;
use crate::load::{HOST, kept, opened, paced};
use crate::origin;
use crate::subject::{Place, Subject};
use crate::tally::Tally;
use crate::watch::{self, Seen};

const CLIENTS: [u32; 6] = [1, 4, 16, 64, 256, 1024];
const RATES: [u32; 5] = [100, 300, 1000, 3000, 10_000];
const SECRETS: [usize; 5] = [1, 10, 100, 1000, 10_000];
const TUNNELS: [usize; 6] = [0, 500, 1000, 2000, 4000, 8000];
/// Concurrent clients while another quantity varies.
const FEW: u32 = 16;
const WINDOW: Duration = Duration::from_secs(1);
const ROUNDS: usize = 3;

/// Measures all of it.
///
/// # Errors
/// A subject did not start, or a request failed.
pub async fn run(program: &Path, tunnels_max: usize) -> Result<(), Broken> {
    let (origin, origin_ca) = origin::start(&[HOST], false).await?;
    let place = Place { origin, origin_ca, hosts: 0, secrets: 1, classic: false };
    let both = [Subject::proxy(program, &place)?, Subject::relay("relay", &place)?];
    for subject in both.iter().cycle().take(both.len() * ROUNDS) {
        for clients in CLIENTS {
            line("clients", clients, subject, &asked_by(subject, clients).await?);
        }
        for rate in RATES {
            line("rate", rate, subject, &asked_at(subject, rate).await?);
        }
    }
    for secrets in SECRETS {
        let subject = Subject::proxy(program, &Place { secrets, ..place.clone() })?;
        for _ in 0..ROUNDS {
            line("secrets", secrets, &subject, &asked_by(&subject, FEW).await?);
        }
    }
    for subject in &both {
        let mut held = Vec::new();
        for tunnels in TUNNELS.into_iter().filter(|tunnels| *tunnels <= tunnels_max) {
            while held.len() < tunnels {
                held.push(opened(&subject.way).await?);
            }
            for _ in 0..ROUNDS {
                line("tunnels", tunnels, subject, &asked_by(subject, FEW).await?);
            }
        }
    }
    Ok(())
}

/// The full load of this many clients.
///
/// # Errors
/// A request failed.
pub async fn asked_by(subject: &Subject, clients: u32) -> Result<Seen, Broken> {
    let tally = Arc::new(Tally::default());
    let tasks = kept(&subject.way, &tally, clients);
    // Handshakes of many clients take a while.
    let warm = watch::WARM + Duration::from_millis(2) * clients;
    let seen = watch::window(subject, &tally, warm, WINDOW).await?;
    watch::end(tasks, &tally).await?;
    Ok(seen)
}

/// A load of this many requests a second.
async fn asked_at(subject: &Subject, rate: u32) -> Result<Seen, Broken> {
    let tally = Arc::new(Tally::default());
    let tasks = paced(&subject.way, &tally, rate);
    let warm = watch::WARM + Duration::from_millis(1) * (rate / 25);
    let seen = watch::window(subject, &tally, warm, WINDOW).await?;
    watch::end(tasks, &tally).await?;
    Ok(seen)
}

fn line(what: &str, size: impl std::fmt::Display, subject: &Subject, seen: &Seen) {
    let (cpu, rate, resident) = (seen.cpu_each(), seen.rate(), seen.used.resident);
    println!("{what} {size} {} {cpu:.1} {rate:.0} {resident}", subject.name);
}
