//! The owner of accepting.
//!
//! *Owns* the accept tasks. *Answers* nobody. *Asks* nobody; starts sessions under the root. *Dies
//! when* an accept task ends. *After a restart* it accepts from the same sockets: the root holds
//! them, so that the port never closes.

pub(crate) mod bind;
mod report;
pub(crate) mod settings;

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

pub(crate) use self::report::Part;
pub use self::report::{ListenerReport, ListenerState};
use crate::limits;
use crate::session::{self, Admission, Peers, SessionPermit, Stream};
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::Publisher;
use crate::supervision::tasks::watched;

/// A bound socket. The root keeps it; each incarnation of the listener uses a copy.
#[derive(Debug)]
pub(crate) enum Bound {
    Tcp(StdTcpListener),
    Unix(StdUnixListener, PathBuf),
    /// A Unix socket that another process made and keeps at its path.
    Inherited(StdUnixListener, PathBuf),
}

/// The listener's own copy of a bound socket.
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Bound {
    /// The address as people write it.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|_| "tcp".to_owned(), |it| it.to_string()),
            Self::Unix(_, path) | Self::Inherited(_, path) => format!("unix:{}", path.display()),
        }
    }

    /// The TCP address, which is never dialled.
    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) | Self::Inherited(..) => None,
        }
    }

    /// The path of a Unix socket that we made.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) | Self::Inherited(..) => None,
            Self::Unix(_, path) => Some(path.clone()),
        }
    }

    fn copy(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => TcpListener::from_std(listener.try_clone()?).map(Socket::Tcp),
            Self::Unix(listener, _) | Self::Inherited(listener, _) => {
                UnixListener::from_std(listener.try_clone()?).map(Socket::Unix)
            }
        }
    }
}

impl Socket {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

pub(crate) enum Msg {
    /// An accept task has ended, which it never should.
    Ended,
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) sockets: Arc<[Bound]>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) root: ActorCell,
    pub(crate) admission: Admission,
    pub(crate) part: Part,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent(publisher, || Listener, arguments)
}

struct Listener;

struct State {
    part: Part,
    _accepting: Vec<AbortOnDropHandle<()>>,
}

impl Actor for Listener {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let mut accepting = Vec::new();
        for bound in arguments.sockets.iter() {
            let task = accept(bound.copy()?, arguments.clone());
            accepting.push(watched(myself.clone(), || Msg::Ended, task));
        }
        let admission = arguments.admission.clone();
        accepting.push(watched(myself, || Msg::Ended, async move { admission.relieve().await }));
        let report = |bound: &Bound| ListenerReport { address: bound.address(), state: ListenerState::Accepting };
        arguments.part.publish(arguments.sockets.iter().map(report).collect());
        Ok(State { part: arguments.part, _accepting: accepting })
    }

    async fn handle(&self, _: ActorRef<Msg>, message: Msg, _: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Ended => return Err("an accept task ended".into()),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.part.update(|reports| {
            reports.iter_mut().for_each(|report| report.state = ListenerState::Down);
        });
        Ok(())
    }
}

/// Accepts for ever. Beyond the limit, one accepted client waits for a permit, and the others in the backlog.
async fn accept(socket: Socket, arguments: Arguments) {
    loop {
        match socket.accept().await {
            Ok(stream) => match arguments.admission.admit() {
                Some(permit) => begin(stream, permit, &arguments),
                None => wait(stream, arguments.clone()).await,
            },
            Err(error) => {
                warn!(%error, "accepting failed");
                sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits for a permit and starts a session, in a task of its own like [`begin`].
async fn wait(stream: Stream, arguments: Arguments) {
    let waiting = async move {
        if let Some(permit) = arguments.admission.admit_in_turn().await {
            begin(stream, permit, &arguments);
        }
    };
    let _ = tokio::spawn(waiting).await;
}

/// Starts a session for a client, in a task of its own: the accept task may be aborted at any await, when the
/// listener crashes, and its client would be lost.
fn begin(stream: Stream, permit: SessionPermit, arguments: &Arguments) {
    let drain = arguments.admission.drain();
    let session = session::Arguments { stream, permit, drain, peers: arguments.peers.clone() };
    // While the root stops, no session can be started: the client is disconnected.
    drop(tokio::spawn(session::spawn(session, arguments.root.clone())));
}

#[cfg(test)]
mod tests;
