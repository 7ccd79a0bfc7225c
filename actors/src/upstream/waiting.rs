//! Requests that wait for a connection, and the dials that they wait for.

use std::pin::{Pin, pin};
use std::sync::Arc;

use ractor::RpcReplyPort;
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connect::{self, Passthrough};
use super::connection::Connection;
use super::connection_limit::PermitRequest;
use super::dialler::Dialler;
use super::error::DialError;
use super::route::Route;
use crate::limits;

/// A request that waits for a connection.
pub(super) struct Waiting {
    pub(super) route: Route,
    /// Cancelled when nobody waits any more.
    pub(super) wanted: CancellationToken,
    pub(super) reply: RpcReplyPort<Result<Connection, DialError>>,
}

/// A dial that requests of one client wait for. Dropping this cancels it.
pub(super) struct PendingDial {
    pub(super) waiting: Vec<Waiting>,
    _wanted: DropGuard,
}

impl PendingDial {
    /// A dial for this request, which runs until the token is cancelled.
    pub(super) fn begin(first: Waiting) -> (Self, CancellationToken) {
        let wanted = CancellationToken::new();
        (Self { waiting: vec![first], _wanted: wanted.clone().drop_guard() }, wanted)
    }
}

/// Dials within [`limits::DIAL_TIMEOUT`], over all addresses.
pub(super) async fn bounded_dial(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    request: PermitRequest,
) -> Result<Connection, DialError> {
    let gives_way = request.gives_way();
    bounded(gives_way, pin!(connect::dial(route, tls, dialler, request))).await
}

/// The same for a tunnel that is not intercepted.
pub(super) async fn bounded_passthrough(
    route: &Route,
    dialler: &Dialler,
    request: PermitRequest,
) -> Result<Passthrough, DialError> {
    let gives_way = request.gives_way();
    bounded(gives_way, pin!(connect::dial_passthrough(route, dialler, request))).await
}

/// Pinned, because a future that awaits what was moved into it has room for it twice.
async fn bounded<T>(
    gives_way: CancellationToken,
    dialling: Pin<&mut impl Future<Output = Result<T, DialError>>>,
) -> Result<T, DialError> {
    tokio::select! {
        biased;
        dialled = timeout(limits::DIAL_TIMEOUT, dialling) => dialled.unwrap_or(Err(DialError::timed_out("connecting"))),
        () = gives_way.cancelled() => Err(DialError::timed_out("connecting, with the most connections of all clients,")),
    }
}
