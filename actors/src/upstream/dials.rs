//! Who waits for which connection, and what is dialled for them.

use std::time::Instant;

use policy::destination::host::{Destination, Scheme};
use ractor::{ActorRef, RpcReplyPort};
use tokio_util::sync::CancellationToken;

use super::connect::{self, DialError, Passage};
use super::connection::Connection;
use super::connection_limit::Asked;
use super::pool::Speaks;
use super::route::{ClientId, Offer, Route};
use super::waiting::{Dialling, Report, Waiting, bounded_dial, bounded_pass, dial_and_report};
use super::{Msg, State, Trust};

impl State {
    pub(super) fn dial(&mut self, myself: &ActorRef<Msg>, waiting: Waiting) {
        if waiting.reply.is_closed() {
            return;
        }
        if let Trust::Loading(loading) = &mut self.trust {
            loading.push(waiting);
            return;
        }
        let route = &waiting.route;
        let clear = route.destination.scheme == Scheme::Http;
        if clear || route.offer == Offer::Http1 || self.pool.speaks(&route.destination) == Speaks::Http1Only {
            self.dial_alone(myself, waiting);
            return;
        }
        // Many requests of a client can share one HTTP/2 connection: the first dials, the others wait for it, and
        // those that come with their route when it is there take it.
        if let Some(shared) = self.pool.take(&route.destination, Offer::Http2, route.client) {
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
        let (dialling, wanted) = Dialling::begin(first);
        self.dialling.insert((client, destination.clone()), dialling);
        let (tls, dialler, asked) = (self.tls(&route), self.arguments.dialler.clone(), self.ask_for_place());
        let report = Report { myself: myself.clone(), client, destination, result: None };
        let dialling = Box::pin(dial_and_report(route, tls, dialler, asked, report));
        self.tasks.spawn(async move {
            wanted.run_until_cancelled_owned(dialling).await;
        });
    }

    /// A client has gone: nobody waits any more for what is dialled for its requests.
    pub(super) fn release(&mut self, client: ClientId, destination: Destination) {
        self.pool.release(&destination, client);
        self.dialling.remove(&(client, destination));
        self.make_room();
    }

    /// A place for a connection. If there is none, idle ones give way.
    fn ask_for_place(&mut self) -> Asked {
        let asked = self.arguments.dialler.places.ask();
        if asked.is_wish() {
            self.pool.close_idle();
        }
        asked
    }

    /// The same for one that has waited since, when others have become idle.
    pub(super) fn make_room(&mut self) {
        if self.arguments.dialler.places.are_wished_for() {
            self.pool.close_idle();
        }
    }

    pub(super) fn pass(
        &mut self,
        route: Route,
        wanted: CancellationToken,
        reply: RpcReplyPort<Result<Passage, DialError>>,
    ) {
        let (dialler, asked) = (self.arguments.dialler.clone(), self.ask_for_place());
        self.tasks.spawn(async move {
            let passing = async { drop(reply.send(bounded_pass(&route, &dialler, asked).await)) };
            wanted.run_until_cancelled(passing).await;
        });
    }

    /// A connection for one exchange alone.
    pub(super) fn dial_alone(&mut self, myself: &ActorRef<Msg>, waiting: Waiting) {
        let Waiting { route, wanted, reply } = waiting;
        let http2 = Route { offer: Offer::Http2, ..route.clone() };
        let (tls, fallback) = (self.tls(&route), self.tls(&http2));
        let (myself, dialler, asked) = (myself.clone(), self.arguments.dialler.clone(), self.ask_for_place());
        // Boxed: it holds both handshakes.
        let dialling = Box::pin(async move {
            let mut outcome = bounded_dial(&route, tls, &dialler, asked).await;
            let mut speaks = Speaks::Both;
            if route.offer == Offer::Http1 && outcome.as_ref().is_err_and(connect::wants_http2) {
                outcome = bounded_dial(&http2, fallback, &dialler, dialler.places.ask()).await;
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
        self.pool.learn(&connection.destination, speaks);
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
        // The client may have gone meanwhile.
        let Some(Dialling { waiting, .. }) = self.dialling.remove(&key) else { return };
        let mut waiting = waiting.into_iter();
        match result {
            Ok(connection) if connection.is_http2() => {
                self.pool.share(&connection, client, Instant::now());
                // If there are more than one connection takes, another is dialled.
                waiting.for_each(|waiting| self.dial(myself, waiting));
            }
            Ok(connection) => {
                // It speaks HTTP/1.1 after all: each request needs a connection of its own.
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
