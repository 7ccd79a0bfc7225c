//! The owner of everything outbound.
//!
//! *Owns* the pool of verified connections and the roots that verify them. *Answers* `Reserve`
//! (an idle connection, or a route whose addresses were judged), `Dial` (a verified connection) and
//! `DialPassthrough` (a connection for a tunnel that is not intercepted, whose server is not verified).
//! *Asks* nobody. *Dies when* its code is wrong. *After a restart* the pool is empty; connections in
//! use live on with their exchanges.

mod binding;
mod body;
mod client;
mod clock_jump;
mod connect;
mod connection;
mod connection_limit;
mod dialler;
mod dials;
mod error;
mod except;
mod keeping;
mod lookups;
mod named_server;
mod outgoing;
mod path;
mod pool;
mod proxy;
mod race;
mod read_after_close;
mod response_heads;
mod route;
mod send;
pub(crate) mod settings;
mod stream_limit;
mod tcp;
mod trust;
mod waiting;
pub(crate) mod words;
mod worked;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::destination::host::Destination;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::body::UpstreamBody;
pub(crate) use self::client::ClientId;
pub(crate) use self::connect::Passthrough;
use self::connection::Parking;
pub(crate) use self::connection::{Connection, Wipes};
pub(crate) use self::connection_limit::ConnectionLimit;
pub(crate) use self::dialler::Dialler;
pub(crate) use self::error::{DialError, NoRoute};
pub(crate) use self::lookups::Lookups;
pub(crate) use self::outgoing::{Outgoing, Returned};
use self::pool::{Pool, Speaks};
pub(crate) use self::route::{Need, Offer, Route};
pub(crate) use self::send::{SendError, Unprocessed};
pub(crate) use self::trust::read_roots;
pub use self::trust::{TrustError, count_roots};
use self::waiting::{PendingDial, Waiting};
use crate::limits;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Publisher, Slot, Unavailable};
use crate::upstream::settings::Resolve;

/// Asks the owner for connections.
#[derive(Clone)]
pub(crate) struct UpstreamHandle {
    slot: Slot<Msg>,
    wipes: Wipes,
    parking: Parking,
}

impl std::fmt::Debug for UpstreamHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamHandle")
    }
}

/// What is reserved for a request before it is recorded.
#[derive(Debug)]
pub(crate) enum Reservation {
    /// An idle connection, verified when it was made.
    Idle(Box<Connection>),
    /// Addresses that may be dialled.
    Route(Route),
}

/// The answer to a reservation.
type Reserved = Result<Reservation, NoRoute>;
/// The answer to a dial.
type Dialled = Result<Connection, DialError>;

impl UpstreamHandle {
    pub(crate) fn new(slot: Slot<Msg>, wipes: Wipes) -> Self {
        let pool = slot.clone();
        // If the owner is down, the connection is dropped and so closed.
        let parking = Parking::new(move |connection| {
            let _ = pool.cast(Msg::Park(Box::new(connection)));
        });
        Self { slot, wipes, parking }
    }

    /// Reserves an idle connection, or a route to dial. Nothing is sent to the destination yet.
    pub(crate) async fn reserve(
        &self,
        client: ClientId,
        destination: Destination,
        need: Need,
        patience: Duration,
    ) -> Result<Reserved, Unavailable> {
        let question = |reply| Msg::Reserve { client, destination: destination.clone(), need, reply };
        let limit = limits::RESOLVE_TIMEOUT + limits::ANSWER_TIMEOUT;
        let mut reserved = self.slot.call_patiently(question, limit, patience).await?;
        if let Ok(Reservation::Idle(connection)) = &mut reserved {
            connection.lend(client, &self.parking);
        }
        Ok(reserved)
    }

    /// Dials a verified connection.
    pub(crate) async fn dial(&self, route: Route, patience: Duration) -> Result<Dialled, Unavailable> {
        // Cancels the dial when this future is dropped.
        let wanted = CancellationToken::new();
        let _gone = wanted.clone().drop_guard();
        let question = |reply| Msg::Dial { route: route.clone(), wanted: wanted.clone(), reply };
        let limit = limits::DIAL_TIMEOUT + limits::ANSWER_TIMEOUT;
        let mut dialled = self.slot.call_patiently(question, limit, patience).await?;
        if let Ok(connection) = &mut dialled {
            connection.lend(route.client, &self.parking);
        }
        Ok(dialled)
    }

    /// Dials a connection for a tunnel that is not intercepted.
    pub(crate) async fn dial_passthrough(
        &self,
        route: Route,
        patience: Duration,
    ) -> Result<Result<Passthrough, DialError>, Unavailable> {
        let wanted = CancellationToken::new();
        let _gone = wanted.clone().drop_guard();
        let question = |reply| Msg::DialPassthrough { route: route.clone(), wanted: wanted.clone(), reply };
        self.slot.call_patiently(question, limits::DIAL_TIMEOUT + limits::ANSWER_TIMEOUT, patience).await
    }

    /// A client's connection to this destination has ended.
    pub(crate) fn release(&self, client: ClientId, destination: Destination) {
        let _ = self.slot.cast(Msg::Release { client, destination });
    }

    /// Values were wiped: connections that carried one are closed, now or when they become idle.
    pub(crate) fn forget_secrets(&self) {
        self.wipes.add_one();
        let _ = self.slot.cast(Msg::ForgetSecrets);
    }
}

pub(crate) enum Msg {
    /// A dial that requests wait for has ended.
    Dialled {
        client: ClientId,
        destination: Destination,
        result: Dialled,
    },
    /// Dial a verified connection along this route.
    Dial {
        route: Route,
        wanted: CancellationToken,
        reply: RpcReplyPort<Dialled>,
    },
    /// Close idle connections that carried a secret.
    ForgetSecrets,
    /// This connection is free again.
    Park(Box<Connection>),
    /// A dial for one request alone found an HTTP/2 connection that others can share.
    Found {
        client: ClientId,
        connection: Box<Connection>,
        speaks: Speaks,
    },
    /// Dial a connection for a tunnel that is not intercepted.
    DialPassthrough {
        route: Route,
        wanted: CancellationToken,
        reply: RpcReplyPort<Result<Passthrough, DialError>>,
    },
    /// Close idle connections that have expired.
    Sweep,
    /// A client has disconnected.
    Release {
        client: ClientId,
        destination: Destination,
    },
    /// Reserve an idle connection or a judged route.
    Reserve {
        client: ClientId,
        destination: Destination,
        need: Need,
        reply: RpcReplyPort<Reserved>,
    },
    /// The roots have been read.
    Trusted(Option<Box<ClientConfig>>),
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) dialler: Dialler,
    pub(crate) overrides: Arc<[Resolve]>,
    /// Roots besides the system's.
    pub(crate) roots: Arc<[CertificateDer<'static>]>,
    /// Our own root, which never verifies an upstream.
    pub(crate) own_root: CertificateDer<'static>,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent(publisher, || Upstream, arguments)
}

struct Upstream;

struct State {
    arguments: Arguments,
    pool: Pool,
    trust: Trust,
    /// Dials of HTTP/2 connections, with the requests that wait for them.
    dialling: HashMap<(ClientId, Destination), PendingDial>,
    /// Lookups and dials; they end with this incarnation.
    tasks: JoinSet<()>,
}

/// The roots for verification. They are read on a thread of their own: that is slow on some systems.
enum Trust {
    Loading(Vec<Waiting>),
    Ready(Box<ClientConfig>),
}

impl Actor for Upstream {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let (extra, own) = (arguments.roots.clone(), arguments.own_root.clone());
        let loader = myself.clone();
        let mut tasks = JoinSet::new();
        let reading = tokio::task::spawn_blocking(move || trust::client_config(&extra, &own).ok().map(Box::new));
        tasks.spawn(async move {
            let _ = loader.cast(Msg::Trusted(reading.await.ok().flatten()));
        });
        drop(myself.send_interval(limits::POOL_SWEEP_EVERY, || Msg::Sweep));
        let trust = Trust::Loading(Vec::new());
        Ok(State { arguments, pool: Pool::default(), trust, dialling: HashMap::new(), tasks })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        while state.tasks.try_join_next().is_some() {}
        match message {
            Msg::Dialled { client, destination, result } => state.dialled(&myself, client, destination, result),
            Msg::Dial { route, wanted, reply } => state.dial(&myself, Waiting { route, wanted, reply }),
            Msg::ForgetSecrets => state.pool.forget_secrets(),
            Msg::Found { client, connection, speaks } => state.found(client, &connection, speaks),
            Msg::Park(connection) => {
                state.pool.park(*connection, Instant::now());
                state.make_room();
            }
            Msg::DialPassthrough { route, wanted, reply } => state.dial_passthrough(route, wanted, reply),
            Msg::Sweep => {
                state.pool.sweep(Instant::now());
                state.make_room();
            }
            Msg::Release { client, destination } => state.release(client, destination),
            Msg::Reserve { reply, .. } if reply.is_closed() => {}
            Msg::Reserve { client, destination, need, reply } => state.reserve(client, destination, need, reply),
            // Without usable TLS settings it cannot work: the supervisor gives up after some restarts.
            Msg::Trusted(config) => state.trusted(&myself, config.ok_or("no TLS settings")?),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }
}
