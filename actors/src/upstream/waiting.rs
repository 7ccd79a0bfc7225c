//! Requests that wait for a connection, and the dials they wait for.

use std::sync::Arc;

use policy::destination::host::Destination;
use ractor::{ActorRef, RpcReplyPort};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Msg;
use super::connect::{self, DialError, Dialler, Passage};
use super::connection::Connection;
use super::connection_limit::Asked;
use super::route::{ClientId, Route};
use crate::limits;

/// A request that waits for a connection.
pub(super) struct Waiting {
    pub(super) route: Route,
    /// Cancelled when nobody waits any more.
    pub(super) wanted: CancellationToken,
    pub(super) reply: RpcReplyPort<Result<Connection, DialError>>,
}

/// A dial that requests of one client wait for. It ends when this is dropped.
pub(super) struct Dialling {
    pub(super) waiting: Vec<Waiting>,
    _wanted: DropGuard,
}

impl Dialling {
    /// Begun for this request; it is to go on until the token is cancelled.
    pub(super) fn begin(first: Waiting) -> (Self, CancellationToken) {
        let wanted = CancellationToken::new();
        (Self { waiting: vec![first], _wanted: wanted.clone().drop_guard() }, wanted)
    }
}

/// Dials within the time that all addresses together may take.
pub(super) async fn bounded_dial(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    asked: Asked,
) -> Result<Connection, DialError> {
    let dialling = connect::dial(route, tls, dialler, asked);
    timeout(limits::DIAL, dialling).await.unwrap_or(Err(DialError::timed_out("connecting")))
}

/// The same for bytes that are not looked at.
pub(super) async fn bounded_pass(route: &Route, dialler: &Dialler, asked: Asked) -> Result<Passage, DialError> {
    timeout(limits::DIAL, connect::pass(route, dialler, asked)).await.unwrap_or(Err(DialError::timed_out("connecting")))
}

/// Dials for all who wait for the same destination.
pub(super) async fn dial_and_report(
    route: Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: Dialler,
    asked: Asked,
    mut report: Report,
) {
    report.result = Some(bounded_dial(&route, tls, &dialler, asked).await);
}

/// Tells the owner how a dial ended, even if it ended in a panic: others wait for it.
pub(super) struct Report {
    pub(super) myself: ActorRef<Msg>,
    pub(super) client: ClientId,
    pub(super) destination: Destination,
    pub(super) result: Option<Result<Connection, DialError>>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Err(DialError::new("dialling crashed")));
        let (client, destination) = (self.client, self.destination.clone());
        let _ = self.myself.cast(Msg::Dialled { client, destination, result });
    }
}
