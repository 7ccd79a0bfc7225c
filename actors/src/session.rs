//! The owner of one client connection, from accept to close.
//!
//! *Owns* the connection's task. *Answers* nobody. *Asks* `secret_store`, `authority`, `upstream`
//! and `audit`. *Dies when* its connection ends, or with a panic of its own, which ends this
//! connection alone. It is *never restarted*: the client comes again. It hangs off the root, so that
//! no other owner's crash takes it along.

mod admission;
mod lingering_close;
mod port;
mod rest;
mod silent_clients;
mod tunnel;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use policy::destination::allowlist::Allowlist;
use policy::destination::host::Destination;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::admission::{Admission, Room, SessionPermit};
pub(crate) use self::silent_clients::Unspoken;
use crate::audit::AuditHandle;
use crate::authority::AuthorityHandle;
use crate::exchange::rate_limit::Pace;
use crate::exchange::response::{Next, Upgraded};
use crate::limits;
use crate::secret_store::SecretStoreHandle;
use crate::settings::Intercept;
use crate::supervision::drain::Drain;
use crate::supervision::tasks::watched;
use crate::tunnels::probe::ProbeKey;
use crate::upstream::{ClientId, UpstreamHandle};
use crate::wire::activity::Activity;
use crate::wire::request_body::ResponseBody;

/// Whom a session may ask, and what all sessions share.
pub(crate) struct Peers {
    pub(crate) secret_store: SecretStoreHandle,
    pub(crate) authority: AuthorityHandle,
    pub(crate) upstream: UpstreamHandle,
    pub(crate) audit: AuditHandle,
    /// Where some secret may go, once that is known.
    pub(crate) listed: watch::Receiver<Option<Arc<Allowlist>>>,
    /// The key to the question of a tunnel keeper.
    pub(crate) probe_key: Option<Arc<ProbeKey>>,
    /// Tunnels whose handshake has not ended yet.
    pub(crate) unspoken: Unspoken,
    /// How fast requests may fail.
    pub(crate) pace: Pace,
    /// How fast tunnels may be passed through: who has been refused often does not hold them up.
    pub(crate) passages: Pace,
    /// Connections whose first request has not come yet.
    pub(crate) silent: Unspoken,
    /// Hosts whose tunnels are passed through.
    pub(crate) passthrough: Allowlist,
    pub(crate) intercept: Intercept,
}

/// Where the requests of a connection go, fixed before the first of them is read.
pub(crate) struct Path {
    pub(crate) client: ClientId,
    pub(crate) destination: Destination,
    pub(crate) form: Form,
    /// Whether the TLS server name, if one was sent, is the destination's host.
    pub(crate) server_name_agrees: bool,
    pub(crate) peers: Arc<Peers>,
    /// Set by a request that was answered with 101.
    pub(crate) upgraded: Next<Upgraded>,
    pub(crate) refusals: Refusals,
    pub(crate) activity: Arc<Activity>,
}

impl Drop for Path {
    fn drop(&mut self) {
        if self.form == Form::Tunnel {
            self.peers.upstream.release(self.client, self.destination.clone());
        }
    }
}

/// How requests name their target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// By path, inside a tunnel.
    Tunnel,
    /// By absolute URI, on the port itself.
    Absolute,
    /// Not at all: the tunnel is passed through.
    Bytes,
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

pub(crate) enum Msg {
    /// The connection has ended.
    Finished,
}

pub(crate) struct Arguments {
    pub(crate) stream: Stream,
    pub(crate) permit: SessionPermit,
    pub(crate) drain: Drain,
    pub(crate) peers: Arc<Peers>,
}

struct Session;

struct State {
    connection: AbortOnDropHandle<()>,
    _permit: SessionPermit,
}

/// Starts a session under the root.
pub(crate) async fn spawn(arguments: Arguments, root: ActorCell) -> Result<(), SpawnErr> {
    Actor::spawn_linked(None, Session, arguments, root).await.map(drop)
}

impl Actor for Session {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { stream, permit, drain, peers } = arguments;
        let connection = watched(myself, || Msg::Finished, async move {
            match stream {
                Stream::Tcp(stream) => {
                    // Without it, small writes wait up to 40 ms for an acknowledgement.
                    let _ = stream.set_nodelay(true);
                    port::serve(stream, peers, drain).await;
                }
                Stream::Unix(stream) => port::serve(stream, peers, drain).await,
            }
        });
        Ok(State { connection, _permit: permit })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, _: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Finished => myself.stop(None),
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.connection.abort();
        Ok(())
    }
}

/// Waits until the daemon ends and a client that has sent nothing is heard no longer: nothing of it is under way.
async fn unheard(drain: &Drain) {
    drain.begun().await;
    sleep(limits::DRAINING_HEARD).await;
}

/// Counts the refusals of a connection, up to the bound.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Refused>);

struct Refused {
    count: AtomicUsize,
    /// Whether the connection takes no further request: there were too many, or the daemon is about to end.
    finish: CancellationToken,
    /// Held by the one that waits for its turn among those of all connections.
    turn: Mutex<()>,
}

impl Refusals {
    fn none_yet(drain: &Drain) -> Self {
        Self(Arc::new(Refused { count: AtomicUsize::new(0), finish: drain.child_token(), turn: Mutex::default() }))
    }

    pub(crate) fn count(&self) {
        if self.0.count.fetch_add(1, Ordering::Relaxed) + 1 >= limits::REFUSALS_MAX {
            self.0.finish.cancel();
        }
    }

    /// Waits for so many turns to fail. One request at a time, so that a connection with many does not go before
    /// others.
    pub(crate) async fn turns(&self, pace: &Pace, count: u32) {
        let _turn = self.0.turn.lock().await;
        pace.turns(count).await;
    }

    /// Runs a connection to its end. Asks it to finish when the daemon is about to end, when it has
    /// been refused too often, or when it is idle; then it has [`limits::DRAIN`] for what is under way.
    async fn run<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        idle: impl Future<Output = ()>,
        finish: impl FnOnce(Pin<&mut C>),
    ) -> Option<C::Output> {
        tokio::select! {
            // What comes often is looked at first.
            biased;
            output = connection.as_mut() => return Some(output),
            () = self.0.finish.cancelled() => {}
            () = idle => {}
        }
        finish(connection.as_mut());
        timeout(limits::DRAIN, connection).await.ok()
    }
}

/// Waits until no exchange has been under way for a while. HTTP/1.1 has a timer of its own for that.
async fn idle(activity: Arc<Activity>) {
    let mut quiet = 0;
    while quiet < limits::IDLE_LOOKS {
        sleep(limits::HEAD / limits::IDLE_LOOKS).await;
        quiet = if activity.is_idle() { quiet + 1 } else { 0 };
    }
}

/// Answers are never errors: what goes wrong is an answer too.
async fn service<F>(answer: Pin<Box<F>>) -> Result<Response<ResponseBody>, Infallible>
where
    F: Future<Output = Response<ResponseBody>>,
{
    Ok(answer.await)
}

/// HTTP/1.1 towards clients, with its limits.
fn http1_server() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD)
        .max_headers(limits::HEAD_FIELDS_MAX)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .auto_date_header(false);
    builder
}

/// What HTTP can be spoken over.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> ByteStream for S {}
