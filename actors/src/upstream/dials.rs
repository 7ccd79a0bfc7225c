//! The owner's reservations and dials, and the requests that wait for them.

use std::sync::Arc;
use std::time::Instant;

use policy::destination::host::{Destination, Scheme};
use ractor::{ActorRef, RpcReplyPort};
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use super::client::ClientId;
use super::connect::{self, Passthrough};
use super::connection::Connection;
use super::connection_limit::PermitRequest;
use super::dialler::Dialler;
use super::error::DialError;
use super::pool::Speaks;
use super::route::{self, Need, Offer, Route};
use super::waiting::{PendingDial, Waiting, bounded_dial, bounded_passthrough};
use super::{Arguments, Msg, Reservation, Reserved, State, Trust};

impl State {
    pub(super) fn reserve(
        &mut self,
        client: ClientId,
        destination: Destination,
        mut need: Need,
        reply: RpcReplyPort<Reserved>,
    ) {
        if let Some(mut idle) = self.pool.take(&destination, &need, client) {
            idle.kept = true;
            let _ = reply.send(Ok(Reservation::Idle(Box::new(idle))));
            return;
        }
        if need.offer == Offer::Http1 && self.pool.speaks(&destination) == Speaks::Http2Only {
            need.offer = Offer::Http2;
        }
        let Arguments { dialler, overrides, .. } = self.arguments.clone();
        self.tasks.spawn(async move {
            let route = route::resolve(client, destination, need, &overrides, &dialler).await;
            let _ = reply.send(route.map(Reservation::Route));
        });
    }

    /// The roots have been read: dials that wait for them begin.
    pub(super) fn trusted(&mut self, myself: &ActorRef<Msg>, config: Box<ClientConfig>) {
        let before = std::mem::replace(&mut self.trust, Trust::Ready(config));
        if let Trust::Loading(loading) = before {
            loading.into_iter().for_each(|waiting| self.dial(myself, waiting));
        }
    }

    /// The TLS settings for a route, unless it is cleartext.
    fn tls(&mut self, route: &Route) -> Option<Arc<ClientConfig>> {
        match &self.trust {
            Trust::Ready(base) if route.destination.scheme == Scheme::Https => {
                Some(self.pool.tls(&route.destination, route.need.offer, base))
            }
            _ => None,
        }
    }

    pub(super) fn dial(&mut self, myself: &ActorRef<Msg>, waiting: Waiting) {
        if waiting.reply.is_closed() {
            return;
        }
        if let Trust::Loading(loading) = &mut self.trust {
            loading.push(waiting);
            return;
        }
        let route = &waiting.route;
        if route.need.offer == Offer::Http1 || self.pool.speaks(&route.destination) == Speaks::Http1Only {
            self.dial_alone(myself, waiting);
            return;
        }
        // Many requests of a client can share one HTTP/2 connection: the first one dials, the others wait for the
        // connection, and later ones take it.
        if let Some(shared) =
            self.pool.take(&route.destination, &Need { offer: Offer::Http2, ..route.need }, route.client)
        {
            let _ = waiting.reply.send(Ok(shared));
            return;
        }
        match self.dialling.get_mut(&(route.client, route.destination.clone())) {
            Some(dialling) => dialling.waiting.push(waiting),
            None => self.dial_for_many(myself, waiting),
        }
    }

    fn dial_for_many(&mut self, myself: &ActorRef<Msg>, first: Waiting) {
        let route = first.route.clone();
        let (client, destination) = (route.client, route.destination.clone());
        let (dialling, wanted) = PendingDial::begin(first);
        self.dialling.insert((client, destination.clone()), dialling);
        let (tls, dialler, request) = (self.tls(&route), self.arguments.dialler.clone(), self.request_permit(client));
        let report = Report { myself: myself.clone(), client, destination, result: None };
        let dialling = Box::pin(dial_and_report(route, tls, dialler, request, report));
        self.tasks.spawn(async move {
            wanted.run_until_cancelled_owned(dialling).await;
        });
    }

    /// A client has disconnected: the dial for its requests is cancelled.
    pub(super) fn release(&mut self, client: ClientId, destination: Destination) {
        self.pool.release(&destination, client);
        self.dialling.remove(&(client, destination));
        self.make_room();
    }

    /// Requests a permit for a connection. If none is free, idle connections are closed.
    fn request_permit(&mut self, client: ClientId) -> PermitRequest {
        let request = self.arguments.dialler.connections.request(client);
        if request.is_waiting() {
            self.pool.close_idle();
        }
        request
    }

    /// Closes idle connections if a dial waits for a permit.
    pub(super) fn make_room(&mut self) {
        if self.arguments.dialler.connections.has_waiters() {
            self.pool.close_idle();
        }
    }

    pub(super) fn dial_passthrough(
        &mut self,
        route: Route,
        wanted: CancellationToken,
        reply: RpcReplyPort<Result<Passthrough, DialError>>,
    ) {
        let (dialler, request) = (self.arguments.dialler.clone(), self.request_permit(route.client));
        self.tasks.spawn(async move {
            let dialling = async { drop(reply.send(bounded_passthrough(&route, &dialler, request).await)) };
            wanted.run_until_cancelled(dialling).await;
        });
    }

    /// Dials a connection for one exchange alone.
    pub(super) fn dial_alone(&mut self, myself: &ActorRef<Msg>, waiting: Waiting) {
        let Waiting { route, wanted, reply } = waiting;
        let http2 = Route { need: Need { offer: Offer::Http2, ..route.need }, ..route.clone() };
        let (tls, fallback) = (self.tls(&route), self.tls(&http2));
        let request = self.request_permit(route.client);
        let (myself, dialler) = (myself.clone(), self.arguments.dialler.clone());
        // Boxed: it holds both handshakes.
        let dialling = Box::pin(async move {
            let mut outcome = bounded_dial(&route, tls, &dialler, request).await;
            let mut speaks = Speaks::Both;
            if route.need.offer == Offer::Http1 && outcome.as_ref().is_err_and(connect::wants_http2) {
                outcome = bounded_dial(&http2, fallback, &dialler, dialler.connections.request(route.client)).await;
                speaks = Speaks::Http2Only;
            }
            if let Some(shared) = outcome.as_ref().ok().and_then(Connection::share) {
                let _ = myself.cast(Msg::Found { client: route.client, connection: Box::new(shared), speaks });
            }
            let _ = reply.send(outcome);
        });
        self.tasks.spawn(async move {
            wanted.run_until_cancelled_owned(dialling).await;
        });
    }

    pub(super) fn found(&mut self, client: ClientId, connection: &Connection, speaks: Speaks) {
        self.pool.learn(connection.destination(), speaks);
        self.pool.share(connection, client, Instant::now());
    }

    pub(super) fn dialled(
        &mut self,
        myself: &ActorRef<Msg>,
        client: ClientId,
        destination: Destination,
        result: Result<Connection, DialError>,
    ) {
        let key = (client, destination);
        // The client may have disconnected.
        let Some(PendingDial { waiting, .. }) = self.dialling.remove(&key) else { return };
        let mut waiting = waiting.into_iter();
        match result {
            Ok(connection) if connection.is_http2() => {
                self.pool.share(&connection, client, Instant::now());
                // The first one takes it in any case: a server may allow no streams at all.
                if let Some(first) = waiting.find(|waiting| !waiting.reply.is_closed()) {
                    let _ = first.reply.send(Ok(connection));
                }
                // Another connection is dialled for those that exceed its streams.
                waiting.for_each(|waiting| self.dial(myself, waiting));
            }
            Ok(connection) => {
                // The server chose HTTP/1.1: each request needs a connection of its own.
                self.pool.learn(&key.1, Speaks::Http1Only);
                if let Some(first) = waiting.next() {
                    let _ = first.reply.send(Ok(connection));
                }
                waiting.for_each(|waiting| self.dial_alone(myself, waiting));
            }
            Err(error) => waiting.for_each(|waiting| drop(waiting.reply.send(Err(error.clone())))),
        }
    }
}

/// Dials for all requests of a client that wait for the same destination.
async fn dial_and_report(
    route: Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: Dialler,
    request: PermitRequest,
    mut report: Report,
) {
    report.result = Some(bounded_dial(&route, tls, &dialler, request).await);
}

/// Reports the result of a dial to the owner when it is dropped, so after a panic too: requests wait for it.
struct Report {
    myself: ActorRef<Msg>,
    client: ClientId,
    destination: Destination,
    result: Option<Result<Connection, DialError>>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Err(DialError::new("dialling crashed")));
        let (client, destination) = (self.client, self.destination.clone());
        let _ = self.myself.cast(Msg::Dialled { client, destination, result });
    }
}
