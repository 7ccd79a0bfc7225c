//! The load of each mode, until its tasks are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::Broken;
use crate::client::{Connection, Way, read};
use crate::origin::LARGE;
use crate::payload::{self, Zeros};
use crate::tally::Tally;
use crate::tls::Http;

/// The one host of most modes.
pub const HOST: &str = "api.bench.test";
/// New hosts of a measurement in mode `mint`.
pub const NEW_HOSTS: usize = 50;
const SMALL: usize = 1024;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Mode {
    /// 16 kept connections, each with POSTs of 1 KiB in sequence
    H1,
    /// 4 connections with 8 streams each
    H2,
    /// 100 requests a second over 4 kept connections
    Rate,
    /// A new connection for each request, 8 at a time, without resumption
    Connect,
    /// The same, 4 at a time, each to a new host
    Mint,
    /// 8 streams of events, 20 ms apart
    Sse,
    /// Responses of 32 MiB over 2 connections
    Down,
    /// The same over HTTP/2
    DownH2,
    /// Uploads of 32 MiB over 2 connections
    Up,
}

impl Mode {
    /// The unit that is counted.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Sse => "event",
            Self::Down | Self::DownH2 | Self::Up => "MiB",
            _ => "request",
        }
    }

    /// The number of a [`Tally`]'s counts in one unit.
    pub fn per_unit(self) -> f64 {
        if self.unit() == "MiB" { 1024.0 * 1024.0 } else { 1.0 }
    }

    /// Whether the load has a fixed rate, and so a meaningful latency.
    pub fn is_paced(self) -> bool {
        matches!(self, Self::Rate | Self::Sse)
    }
}

/// Kept connections, each with POSTs of 1 KiB in sequence.
pub fn kept(way: &Way, tally: &Arc<Tally>, clients: u32) -> JoinSet<()> {
    many(way, tally, clients, |load, nth| async move { load.kept(nth).await })
}

/// The number of connections for this many requests a second, each with one request every 40 ms.
pub fn clients(per_second: u32) -> u32 {
    (per_second / 25).max(1)
}

/// This many requests a second: one every 40 ms on each connection.
pub fn paced(way: &Way, tally: &Arc<Tally>, per_second: u32) -> JoinSet<()> {
    let clients = clients(per_second);
    many(way, tally, clients, move |load, nth| async move { load.paced(nth, clients).await })
}

fn many<F>(way: &Way, tally: &Arc<Tally>, count: u32, work: impl Fn(Load, u32) -> F) -> JoinSet<()>
where
    F: Future<Output = Result<(), Broken>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for nth in 0..count {
        let load = Load { way: way.clone(), tally: tally.clone() };
        let (work, tally) = (work(load, nth), tally.clone());
        tasks.spawn(async move {
            if let Err(error) = work.await {
                tally.fail(&error);
            }
        });
    }
    tasks
}

/// The load of one measurement.
#[derive(Clone)]
struct Load {
    way: Way,
    tally: Arc<Tally>,
}

/// Starts the load. In mode `mint` the tasks end after one request to each host from the given number on; in the other
/// modes they run until they are dropped.
pub fn start(mode: Mode, way: &Way, tally: &Arc<Tally>, first_host: usize) -> JoinSet<()> {
    let next = Arc::new(AtomicUsize::new(0));
    match mode {
        Mode::H1 => kept(way, tally, 16),
        Mode::H2 => many(way, tally, 4, |load, _| async move { load.shared().await }),
        Mode::Rate => paced(way, tally, 100),
        Mode::Connect => many(way, tally, 8, |load, _| async move { load.fresh().await }),
        Mode::Mint => many(way, tally, 4, move |load, _| {
            let next = next.clone();
            async move { load.hosts(first_host, &next).await }
        }),
        Mode::Sse => many(way, tally, 8, |load, nth| async move { load.events(nth).await }),
        Mode::Down => many(way, tally, 2, |load, _| async move { load.down(Http::One).await }),
        Mode::DownH2 => many(way, tally, 2, |load, _| async move { load.down(Http::Two).await }),
        Mode::Up => many(way, tally, 2, |load, _| async move { load.up().await }),
    }
}

impl Load {
    /// One a millisecond: the proxy cuts off the oldest of hundreds of handshakes at a time.
    async fn connect_in_turn(&self, nth: u32) -> Result<Connection, Broken> {
        tokio::time::sleep(Duration::from_millis(1) * nth).await;
        self.way.connect(HOST, Http::One).await
    }

    async fn post(&self, connection: &mut Connection, host: &str, http: Http) -> Result<(), Broken> {
        let request = self.way.request(host, http, "/post", Zeros::new(SMALL))?;
        read(connection.send(request).await?).await?;
        self.tally.add(1);
        Ok(())
    }

    async fn kept(&self, nth: u32) -> Result<(), Broken> {
        let mut connection = self.connect_in_turn(nth).await?;
        loop {
            self.post(&mut connection, HOST, Http::One).await?;
        }
    }

    async fn shared(&self) -> Result<(), Broken> {
        let connection = self.way.connect(HOST, Http::Two).await?;
        let mut streams = JoinSet::new();
        for _ in 0..8 {
            let (load, mut stream) = (self.clone(), connection.share().ok_or("not HTTP/2")?);
            streams.spawn(async move {
                loop {
                    load.post(&mut stream, HOST, Http::Two).await?;
                }
            });
        }
        // None ends but by an error.
        streams.join_next().await.unwrap_or(Ok(Ok(())))?
    }

    async fn paced(&self, nth: u32, clients: u32) -> Result<(), Broken> {
        const PERIOD: Duration = Duration::from_millis(40);
        let mut connection = self.connect_in_turn(nth).await?;
        let first = tokio::time::Instant::now() + PERIOD * nth / clients;
        let mut due = interval_at(first, PERIOD);
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let due = due.tick().await.into_std();
            // The timer's own lateness is not the proxy's; that of the request before is.
            let begun = if due.elapsed() < Duration::from_millis(5) { Instant::now() } else { due };
            self.post(&mut connection, HOST, Http::One).await?;
            self.tally.took(begun.elapsed());
        }
    }

    async fn fresh(&self) -> Result<(), Broken> {
        loop {
            let mut connection = self.way.connect(HOST, Http::One).await?;
            self.post(&mut connection, HOST, Http::One).await?;
        }
    }

    async fn hosts(&self, first: usize, next: &AtomicUsize) -> Result<(), Broken> {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= NEW_HOSTS {
                return Ok(());
            }
            let host = new_host(first + nth);
            let mut connection = self.way.connect(&host, Http::One).await?;
            self.post(&mut connection, &host, Http::One).await?;
        }
    }

    async fn events(&self, nth: u32) -> Result<(), Broken> {
        tokio::time::sleep(Duration::from_millis(2) * nth).await;
        let mut connection = self.way.connect(HOST, Http::One).await?;
        let request = self.way.request(HOST, Http::One, "/events", Zeros::new(0))?;
        let mut body = connection.send(request).await?.into_body();
        while let Some(frame) = body.frame().await {
            for age in frame?.data_ref().map(|piece| payload::ages(piece)).unwrap_or_default() {
                self.tally.add(1);
                self.tally.took(age);
            }
        }
        Err("the stream of events ended".into())
    }

    async fn down(&self, http: Http) -> Result<(), Broken> {
        let mut connection = self.way.connect(HOST, http).await?;
        loop {
            let request = self.way.request(HOST, http, "/down", Zeros::new(0))?;
            let mut body = connection.send(request).await?.into_body();
            let mut length = 0;
            while let Some(frame) = body.frame().await {
                let piece = frame?.data_ref().map_or(0, |piece| piece.len());
                self.tally.add(piece);
                length += piece;
            }
            if length != LARGE {
                return Err("a body that is not whole".into());
            }
        }
    }

    async fn up(&self) -> Result<(), Broken> {
        let mut connection = self.way.connect(HOST, Http::One).await?;
        loop {
            let body = Zeros::counted(LARGE, self.tally.clone());
            read(connection.send(self.way.request(HOST, Http::One, "/up", body)?).await?).await?;
        }
    }
}

/// An open tunnel that had one request.
///
/// # Errors
/// The request failed.
pub async fn opened(way: &Way) -> Result<Connection, Broken> {
    let mut connection = way.connect(HOST, Http::One).await?;
    let request = way.request(HOST, Http::One, "/post", Zeros::new(SMALL))?;
    read(connection.send(request).await?).await?;
    Ok(connection)
}

/// A host that only mode `mint` requests.
pub fn new_host(nth: usize) -> String {
    format!("host{nth}.bench.test")
}
