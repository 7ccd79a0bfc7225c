//! The owner of everything outbound.
//!
//! *Owns* the pool of verified connections and the roots they are verified by. *Answers* `Reserve`
//! (an idle connection, or a route whose addresses were judged), `Dial` (a verified connection) and `Pass` (one
//! for bytes that nobody looks at, whose server is not verified).
//! *Asks* nobody. *Dies when* its code is wrong. *After a restart* the pool is empty; connections in
//! use live on with their exchanges.

mod connect;
mod connection;
mod connection_limit;
mod dials;
mod pool;
mod proxy;
mod read_after_close;
mod route;
mod trust;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::destination::host::{Destination, Scheme};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::connect::{DialError, Dialler, Passage};
pub(crate) use self::connection::{Connection, SendError, Wipes};
pub(crate) use self::connection_limit::Places;
use self::pool::{Pool, Speaks};
pub(crate) use self::route::{ClientId, NoRoute, Offer, Route};
pub(crate) use self::trust::read_roots;
pub use self::trust::{TrustError, count_roots};
use self::waiting::{Dialling, Waiting};
use crate::limits;
use crate::settings::Resolve;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Publisher, Slot, Unavailable};

/// Where connections come from.
#[derive(Clone)]
pub(crate) struct UpstreamHandle(Slot<Msg>, Wipes);

impl std::fmt::Debug for UpstreamHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamHandle")
    }
}

/// What can be had for a destination before anything is recorded.
#[derive(Debug)]
pub(crate) enum Lane {
    /// An idle connection, verified when it was made.
    Idle(Box<Connection>),
    /// Addresses that may be dialled.
    Route(Route),
}

impl UpstreamHandle {
    pub(crate) fn new(slot: Slot<Msg>, wipes: Wipes) -> Self {
        Self(slot, wipes)
    }

    /// An idle connection, or a route to dial. Nothing is sent to the destination yet.
    pub(crate) async fn reserve(
        &self,
        client: ClientId,
        destination: Destination,
        offer: Offer,
        patience: Duration,
    ) -> Result<Result<Lane, NoRoute>, Unavailable> {
        let question = |reply| Msg::Reserve { client, destination: destination.clone(), offer, reply };
        self.0.call_patiently(question, limits::RESOLVE + limits::ANSWER, patience).await
    }

    /// A verified connection.
    pub(crate) async fn dial(
        &self,
        route: Route,
        patience: Duration,
    ) -> Result<Result<Connection, DialError>, Unavailable> {
        // Dropped with this future: nobody waits for the connection any more.
        let wanted = CancellationToken::new();
        let _gone = wanted.clone().drop_guard();
        let question = |reply| Msg::Dial { route: route.clone(), wanted: wanted.clone(), reply };
        self.0.call_patiently(question, limits::DIAL + limits::ANSWER, patience).await
    }

    /// A connection for bytes that are not looked at.
    pub(crate) async fn pass(
        &self,
        route: Route,
        patience: Duration,
    ) -> Result<Result<Passage, DialError>, Unavailable> {
        let wanted = CancellationToken::new();
        let _gone = wanted.clone().drop_guard();
        let question = |reply| Msg::Pass { route: route.clone(), wanted: wanted.clone(), reply };
        self.0.call_patiently(question, limits::DIAL + limits::ANSWER, patience).await
    }

    /// Gives a connection back after its response was read to the end.
    pub(crate) fn park(&self, connection: Connection) {
        // If the owner is down, the connection is dropped and so closed.
        let _ = self.0.cast(Msg::Park(Box::new(connection)));
    }

    /// A client's connection to this destination has ended.
    pub(crate) fn release(&self, client: ClientId, destination: Destination) {
        let _ = self.0.cast(Msg::Release { client, destination });
    }

    /// Values were wiped: connections that carried one are closed, now or when they become idle.
    pub(crate) fn forget_secrets(&self) {
        self.1.add_one();
        let _ = self.0.cast(Msg::ForgetSecrets);
    }
}

pub(crate) enum Msg {
    /// A dial that others may wait for has ended.
    Dialled {
        client: ClientId,
        destination: Destination,
        result: Result<Connection, DialError>,
    },
    /// A verified connection along this route.
    Dial {
        route: Route,
        wanted: CancellationToken,
        reply: RpcReplyPort<Result<Connection, DialError>>,
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
    /// A connection for bytes that are not looked at.
    Pass {
        route: Route,
        wanted: CancellationToken,
        reply: RpcReplyPort<Result<Passage, DialError>>,
    },
    /// Look through the idle connections.
    Reap,
    /// A client has gone.
    Release {
        client: ClientId,
        destination: Destination,
    },
    /// An idle connection or a judged route.
    Reserve {
        client: ClientId,
        destination: Destination,
        offer: Offer,
        reply: RpcReplyPort<Result<Lane, NoRoute>>,
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
    /// Our own root, which is never one of theirs.
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
    /// Who waits for an HTTP/2 connection that is being dialled.
    dialling: HashMap<(ClientId, Destination), Dialling>,
    /// Look-ups and dials; they end with this incarnation.
    tasks: JoinSet<()>,
}

/// The roots are read off the runtime's thread, because that takes a while on some systems.
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
        drop(myself.send_interval(limits::REAP, || Msg::Reap));
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
            Msg::Pass { route, wanted, reply } => state.pass(route, wanted, reply),
            Msg::Reap => {
                state.pool.reap(Instant::now());
                state.make_room();
            }
            Msg::Release { client, destination } => state.release(client, destination),
            Msg::Reserve { reply, .. } if reply.is_closed() => {}
            Msg::Reserve { client, destination, offer, reply } => state.reserve(client, destination, offer, reply),
            // Without usable TLS settings there is nothing to do here: the supervisor gives up in the end.
            Msg::Trusted(config) => state.trusted(&myself, config.ok_or("no TLS settings")?),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }
}

impl State {
    fn reserve(
        &mut self,
        client: ClientId,
        destination: Destination,
        offer: Offer,
        reply: RpcReplyPort<Result<Lane, NoRoute>>,
    ) {
        if let Some(mut idle) = self.pool.take(&destination, offer, client) {
            idle.kept = true;
            let _ = reply.send(Ok(Lane::Idle(Box::new(idle))));
            return;
        }
        let offer = match self.pool.speaks(&destination) {
            Speaks::Http2Only if offer == Offer::Http1 => Offer::Http2,
            _ => offer,
        };
        let Arguments { dialler, overrides, .. } = self.arguments.clone();
        self.tasks.spawn(async move {
            let addresses = route::resolve(&destination, &overrides, &dialler).await;
            let _ = reply.send(addresses.map(|addresses| Lane::Route(Route { client, destination, offer, addresses })));
        });
    }

    fn trusted(&mut self, myself: &ActorRef<Msg>, config: Box<ClientConfig>) {
        let before = std::mem::replace(&mut self.trust, Trust::Ready(config));
        if let Trust::Loading(loading) = before {
            loading.into_iter().for_each(|waiting| self.dial(myself, waiting));
        }
    }

    fn tls(&mut self, route: &Route) -> Option<Arc<ClientConfig>> {
        match &self.trust {
            Trust::Ready(base) if route.destination.scheme == Scheme::Https => {
                Some(self.pool.tls(&route.destination, route.offer, base))
            }
            _ => None,
        }
    }
}
