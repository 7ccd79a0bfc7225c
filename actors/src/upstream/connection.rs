//! One verified upstream connection, and the state that all its users share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::uri::{Authority, InvalidUri};
use hyper::client::conn::{http1, http2};
use policy::destination::host::Destination;
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use super::client::ClientId;
use super::connection_limit::ConnectionPermit;
use super::keeping::Keeping;
use super::outgoing::Outgoing;
use super::path::Path;
use super::response_heads::Awaited;
use super::stream_limit::StreamLimit;
use crate::limits;
use crate::wire::place::Ending;

/// The holder of idle connections.
const NOBODY: u64 = 0;

/// A connection to a destination, verified for it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) sender: Sender,
    marks: Arc<Marks>,
    /// The client that it is handed out to.
    pub(super) client: ClientId,
    pub(super) permit: ConnectionPermit,
    /// Whether it has waited in the pool: its server may be closing it at this moment.
    pub(super) kept: bool,
    /// How long it may be idle at the most.
    pub(super) kept_for: Duration,
    /// Its own addresses, unless it leads through another proxy.
    pub(super) path: Option<Path>,
    /// When an HTTP/1.1 connection became idle, and what is known of its destination.
    pub(super) idle: Option<(Instant, Arc<Keeping>)>,
    /// Set while it is handed out.
    parking: Option<Parking>,
}

/// Returns a connection to the pool of the owner's current incarnation.
#[derive(Clone)]
pub(super) struct Parking(Arc<dyn Fn(Connection) + Send + Sync>);

impl Parking {
    pub(super) fn new(park: impl Fn(Connection) + Send + Sync + 'static) -> Self {
        Self(Arc::new(park))
    }
}

impl fmt::Debug for Parking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parking")
    }
}

/// The state that all users of a connection share.
#[derive(Debug)]
struct Marks {
    destination: Destination,
    /// The destination's, built once: each request names it.
    authority: Authority,
    made: Instant,
    wipes: Wipes,
    /// One more than the number of wipes at the time when a secret was last sent on it; 0 if none was.
    carried: AtomicU64,
    /// Whether it serves no further request.
    retired: AtomicBool,
    /// Whether its server takes it for one client: it serves no other one.
    bound: AtomicBool,
    /// Cloned into each request's body that is under way.
    bodies: Arc<()>,
}

/// The number of times that values were wiped. It outlives the owner's crashes, as connections in use do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wipes(Arc<AtomicU64>);

impl Wipes {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// hyper's sender. The driver moves the bytes; it ends when the last sender is dropped.
#[derive(Debug)]
pub(super) enum Sender {
    Http1 { sender: http1::SendRequest<Outgoing>, awaited: Awaited, driver: AbortOnDropHandle<()> },
    Http2 { sender: http2::SendRequest<Outgoing>, driver: Arc<AbortOnDropHandle<()>>, limit: StreamLimit },
}

impl Sender {
    fn driver(&self) -> AbortHandle {
        match self {
            Self::Http1 { driver, .. } => driver.abort_handle(),
            Self::Http2 { driver, .. } => driver.abort_handle(),
        }
    }
}

impl Connection {
    pub(super) fn new(
        client: ClientId,
        destination: Destination,
        sender: Sender,
        wipes: Wipes,
        permit: ConnectionPermit,
    ) -> Result<Self, InvalidUri> {
        let marks = Marks {
            authority: Authority::try_from(destination.authority())?,
            destination,
            made: Instant::now(),
            wipes,
            carried: AtomicU64::default(),
            retired: AtomicBool::default(),
            bound: AtomicBool::default(),
            bodies: Arc::default(),
        };
        permit.place().ends_by(Ending::Task(sender.driver()));
        let (marks, kept_for) = (Arc::new(marks), limits::UPSTREAM_IDLE_TIMEOUT);
        Ok(Self { sender, marks, client, permit, kept: false, kept_for, path: None, idle: None, parking: None })
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.marks.destination
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.marks.authority
    }

    /// When it was dialled.
    pub(super) fn made(&self) -> Instant {
        self.marks.made
    }

    /// Hands it out to a client, and sets its way back.
    pub(super) fn lend(&mut self, client: ClientId, parking: &Parking) {
        self.permit.place().lend(client.number());
        self.parking = Some(parking.clone());
    }

    /// Returns it to the pool, after its response was read to the end.
    pub(super) fn park(mut self) {
        if let Some(Parking(park)) = self.parking.take() {
            self.permit.place().lend(NOBODY);
            park(self);
        }
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2 { .. })
    }

    /// Whether a request can be sent at once.
    pub(super) fn is_ready(&self) -> bool {
        let is_ready = match &self.sender {
            Sender::Http1 { sender, .. } => sender.is_ready(),
            Sender::Http2 { sender, .. } => sender.is_ready(),
        };
        is_ready && !self.marks.retired.load(Ordering::Relaxed)
    }

    /// Whether it is closed, as far as is known. A fresh connection may be open and not ready yet.
    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1 { sender, .. } => sender.is_closed(),
            Sender::Http2 { sender, .. } => sender.is_closed(),
        }
    }

    /// Its server takes it for one client from now on.
    pub(super) fn bind(&self) {
        self.marks.bound.store(true, Ordering::Relaxed);
    }

    /// Whether it serves one client for its whole life.
    pub(super) fn is_bound(&self) -> bool {
        self.marks.bound.load(Ordering::Relaxed)
    }

    /// Whether it has waited in the pool: its server may have closed it since.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Whether the network still leads to its server as it did.
    pub(super) fn is_on_path(&self) -> bool {
        self.path.is_none_or(|path| path.is_current())
    }

    /// Serves no further request; those under way go on.
    pub(super) fn retire(&self) {
        self.marks.retired.store(true, Ordering::Relaxed);
    }

    /// Another use of the same HTTP/2 connection; HTTP/1.1 has none.
    pub(super) fn share(&self) -> Option<Self> {
        let Sender::Http2 { sender, driver, limit } = &self.sender else { return None };
        let sender = Sender::Http2 { sender: sender.clone(), driver: driver.clone(), limit: limit.clone() };
        let (marks, permit, client) = (self.marks.clone(), self.permit.clone(), self.client);
        let (kept, kept_for, path) = (self.kept, self.kept_for, self.path);
        Some(Self { sender, marks, client, permit, kept, kept_for, path, idle: None, parking: None })
    }

    /// How many streams its server allows at a time; as many as we use at most while that is not known.
    pub(super) fn streams_max(&self) -> usize {
        match &self.sender {
            Sender::Http1 { .. } => 1,
            Sender::Http2 { limit, .. } => limit.streams_max(),
        }
    }

    /// Whether more requests were handed this connection than its server allows.
    pub(super) fn is_over_limit(&self) -> bool {
        self.is_http2() && self.uses() > self.streams_max()
    }

    /// How many exchanges use the connection, besides the pool.
    pub(super) fn uses(&self) -> usize {
        match &self.sender {
            Sender::Http1 { .. } => 0,
            Sender::Http2 { driver, .. } => Arc::strong_count(driver) - 1,
        }
    }

    /// Whether it has room for another stream, if its server allows `streams_max`. Streams whose body goes on after
    /// their response count too: near the limit of the server, other uploads count twice.
    pub(super) fn has_room(&self, streams_max: usize) -> bool {
        let most = streams_max.min(self.streams_max());
        let bodies =
            if most < limits::STREAMS_PER_UPSTREAM_MAX { Arc::strong_count(&self.marks.bodies) - 1 } else { 0 };
        self.uses() + bodies < most
    }

    /// Whether no exchange uses it, and no request's body that outlives its response: the part of it that the server
    /// does not read fills the flow control window of the whole connection.
    pub(super) fn is_free(&self) -> bool {
        self.uses() == 0 && Arc::strong_count(&self.marks.bodies) == 1
    }

    /// Notes, before it is sent, that the next request holds a secret. All users of the connection see it at once.
    pub(crate) fn carries_secret(&self) {
        self.marks.carried.store(self.marks.wipes.so_far() + 1, Ordering::Relaxed);
    }

    /// Whether its buffers may hold a value that has been wiped since: then it is closed when it is idle.
    pub(super) fn holds_wiped(&self) -> bool {
        (1..=self.marks.wipes.so_far()).contains(&self.marks.carried.load(Ordering::Relaxed))
    }

    /// Kept by a request's body: while one exists the connection is not free.
    pub(super) fn body_mark(&self) -> Arc<()> {
        self.marks.bodies.clone()
    }
}
