//! The owner of the status socket.
//!
//! *Owns* the tasks that serve `status.sock`. *Answers* questions on the socket, out of the
//! [`Board`]; takes in what tunnel keepers report. *Asks* `secret_store` to reload and `authority` to rotate its
//! root. *Dies when* its code is wrong: nobody waits on it.
//! *After a restart* it serves the same socket, which the root holds; no count is lost.

mod board;
mod report;

use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::board::{AuditReport, AuthorityReport, Board, SecretsReport, SubsystemReport, SubsystemState};
pub(crate) use self::board::{ListenerReport, SecretsState};
use crate::authority::{AuthorityHandle, Step};
use crate::hint::Advice;
use crate::limits;
use crate::secret_store::SecretStoreHandle;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::Publisher;
use crate::supervision::tasks::watched;
use crate::tunnels::probe::ProbeKey;
use crate::tunnels::report::TunnelReport;

/// Questions that are answered at a time.
const QUESTIONS_MAX: usize = 16;

/// What can be asked on the socket: one JSON object on one line.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
enum Question {
    /// How is everything?
    Status,
    /// Read the mount now.
    Reload,
    /// Make the next root, or use it from now on.
    Rotate { step: Step },
    /// A tunnel is like this; and how is the proxy reached, to see whether it goes through?
    Tunnel(TunnelReport),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

pub(crate) enum Msg {
    /// The serving task has ended, which it never should.
    Ended,
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

/// What answers are made of.
#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) socket: Arc<StdUnixListener>,
    pub(crate) board: Arc<Board>,
    pub(crate) secret_store: SecretStoreHandle,
    pub(crate) authority: AuthorityHandle,
    #[cfg(feature = "faults")]
    pub(crate) root: ActorRef<crate::supervision::root::Msg>,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent("status", publisher, || Status, arguments)
}

struct Status;

struct State {
    _serving: AbortOnDropHandle<()>,
}

impl Actor for Status {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let socket = UnixListener::from_std(arguments.socket.try_clone()?)?;
        Ok(State { _serving: watched(myself, || Msg::Ended, serve(socket, arguments)) })
    }

    async fn handle(&self, _: ActorRef<Msg>, message: Msg, _: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Ended => return Err("the serving task ended".into()),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike().await,
        }
        Ok(())
    }
}

async fn serve(socket: UnixListener, arguments: Arguments) {
    let places = Arc::new(Semaphore::new(QUESTIONS_MAX));
    let mut answers = tokio::task::JoinSet::new();
    loop {
        while answers.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = socket.accept().await else {
            sleep(limits::ACCEPT_PAUSE).await;
            continue;
        };
        let arguments = arguments.clone();
        answers.spawn(async move {
            let _place = place;
            let _ = timeout(limits::QUESTION, converse(stream, arguments)).await;
        });
    }
}

/// One question, one answer, a line each.
async fn converse(mut stream: UnixStream, arguments: Arguments) -> std::io::Result<()> {
    let ours = stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw();
    let (reader, mut writer) = stream.split();
    let mut question = String::new();
    BufReader::new(reader.take(limits::QUESTION_BYTES_MAX)).read_line(&mut question).await?;
    let answer = match serde_json::from_str(&question) {
        Ok(question) if ours => arguments.answer(question).await,
        Ok(_) => json!({"error": "only the daemon's own user may ask"}),
        Err(_) => json!({"error": "unknown question"}),
    };
    writer.write_all(format!("{answer}\n").as_bytes()).await
}

impl Arguments {
    /// Where the proxy listens, and the key to the question that a keeper asks there.
    fn way_in(&self) -> Value {
        json!({
            "key": self.board.probe_key.as_ref().map(ProbeKey::as_str),
            "listeners": *self.board.listeners.borrow(),
        })
    }

    async fn answer(&self, question: Question) -> Value {
        match question {
            Question::Status => report::report(&self.board),
            Question::Reload => told(self.secret_store.reload().await.map_err(Advice::none)),
            Question::Rotate { step } => told(self.authority.rotate(step).await),
            Question::Tunnel(report) => {
                self.board.tunnels.hear(report);
                self.way_in()
            }
            #[cfg(feature = "faults")]
            Question::Fault(fault) => {
                let _ = self.root.cast(crate::supervision::root::Msg::Fault(fault));
                json!({"ok": true})
            }
        }
    }
}

fn told(outcome: Result<(), Advice>) -> Value {
    match outcome {
        Ok(()) => json!({"ok": true}),
        Err(advice) => json!(advice),
    }
}
