//! The owner of one client connection, from accept to close.
//!
//! *Owns* the connection's task. *Answers* nobody. *Asks* `authority`, and by its exchanges
//! `secret_store`, `upstream` and `audit`. *Dies when* its connection ends, or with a panic of its own,
//! which ends this connection alone. It is *never restarted*: the client reconnects. It is linked to the
//! root, so that no other owner's crash ends it.

mod admission;
mod connection;
mod interception;
mod lingering_close;
mod places;
mod port;
mod rest;
mod server;
pub(crate) mod settings;
mod tunnel;
mod vm;

use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::admission::{Admission, SessionPermit};
use self::connection::Connection;
pub(crate) use self::connection::Peers;
pub(crate) use self::interception::Interception;
use crate::supervision::drain::Drain;
use crate::supervision::tasks::watched;
use crate::wire::place::Ending;

/// The stream of an accepted connection.
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
    _permit: Arc<SessionPermit>,
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
        let permit = Arc::new(permit);
        let connection = Connection::new(peers, drain, permit.clone());
        let connection = watched(myself, || Msg::Finished, async move {
            match stream {
                Stream::Tcp(stream) => {
                    // Without it, small writes wait up to 40 ms for an acknowledgement.
                    let _ = stream.set_nodelay(true);
                    port::serve(connection.permit.note(stream), connection).await;
                }
                Stream::Unix(stream) => port::serve(connection.permit.note(stream), connection).await,
            }
        });
        permit.ends_by(Ending::Task(connection.abort_handle()));
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
