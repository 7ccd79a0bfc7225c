//! One verified upstream connection, and the state that all its users share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::uri::{Authority, InvalidUri};
use hyper::client::conn::{http1, http2};
use policy::destination::host::Destination;
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use super::client::ClientId;
use super::connection_limit::ConnectionPermit;
use super::response_heads::Awaited;
use crate::wire::place::Ending;
use crate::wire::request_body::RequestBody;

/// The holder of idle connections.
const NOBODY: u64 = 0;

/// A connection to a destination, verified for it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) destination: Destination,
    /// The destination's, built once: each request names it.
    pub(super) authority: Authority,
    pub(super) sender: Sender,
    wipes: Wipes,
    marks: Arc<Marks>,
    pub(super) permit: ConnectionPermit,
    /// Whether it has waited in the pool: its server may be closing it at this moment.
    pub(super) kept: bool,
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
#[derive(Debug, Default)]
struct Marks {
    /// One more than the number of wipes at the time when a secret was last sent on it; 0 if none was.
    carried: AtomicU64,
    /// Whether it serves no further request.
    retired: AtomicBool,
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
    Http1 { sender: http1::SendRequest<RequestBody>, awaited: Awaited, driver: AbortOnDropHandle<()> },
    Http2 { sender: http2::SendRequest<RequestBody>, driver: Arc<AbortOnDropHandle<()>> },
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
        destination: Destination,
        sender: Sender,
        wipes: Wipes,
        permit: ConnectionPermit,
    ) -> Result<Self, InvalidUri> {
        let authority = Authority::try_from(destination.authority())?;
        permit.place().ends_by(Ending::Task(sender.driver()));
        Ok(Self { destination, authority, sender, wipes, marks: Arc::default(), permit, kept: false, parking: None })
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
        let speaks = match &self.sender {
            Sender::Http1 { sender, .. } => sender.is_ready(),
            Sender::Http2 { sender, .. } => sender.is_ready(),
        };
        speaks && !self.marks.retired.load(Ordering::Relaxed)
    }

    /// Whether it has waited in the pool: its server may have closed it since.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Serves no further request; those under way go on.
    pub(super) fn retire(&self) {
        self.marks.retired.store(true, Ordering::Relaxed);
    }

    /// Another use of the same HTTP/2 connection; HTTP/1.1 has none.
    pub(super) fn share(&self) -> Option<Self> {
        let Sender::Http2 { sender, driver } = &self.sender else { return None };
        let sender = Sender::Http2 { sender: sender.clone(), driver: driver.clone() };
        let (destination, authority) = (self.destination.clone(), self.authority.clone());
        let (wipes, marks, permit) = (self.wipes.clone(), self.marks.clone(), self.permit.clone());
        Some(Self { destination, authority, sender, wipes, marks, permit, kept: self.kept, parking: None })
    }

    /// How many exchanges use the connection, besides the pool.
    pub(super) fn uses(&self) -> usize {
        match &self.sender {
            Sender::Http1 { .. } => 0,
            Sender::Http2 { driver, .. } => Arc::strong_count(driver) - 1,
        }
    }

    /// Whether no exchange uses it, and no request's body that outlives its response: the part of it that the server
    /// does not read fills the flow control window of the whole connection.
    pub(super) fn is_free(&self) -> bool {
        self.uses() == 0 && Arc::strong_count(&self.marks.bodies) == 1
    }

    /// Notes, before it is sent, that the next request holds a secret. All users of the connection see it at once.
    pub(crate) fn carries_secret(&self) {
        self.marks.carried.store(self.wipes.so_far() + 1, Ordering::Relaxed);
    }

    /// Whether its buffers may hold a value that has been wiped since: then it is closed when it is idle.
    pub(super) fn holds_wiped(&self) -> bool {
        (1..=self.wipes.so_far()).contains(&self.marks.carried.load(Ordering::Relaxed))
    }

    /// Kept by a request's body: while one exists the connection is not free.
    pub(super) fn body_mark(&self) -> Arc<()> {
        self.marks.bodies.clone()
    }
}
