//! The owner of the status socket.
//!
//! *Owns* the tasks that serve `status.sock`. *Answers* questions on the socket, from all
//! parts together; receives the reports of tunnel keepers. *Asks* `secret_store` to reload and `authority` to rotate its
//! root. *Dies when* its code is wrong: nobody waits on it.
//! *After a restart* it serves the same socket, which the root holds; no count is lost.

mod control;
mod report;

use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

pub use self::control::{Done, ProxyAddress, Question};
pub(crate) use self::report::Board;
pub use self::report::{AuditReport, AuthorityReport, NamespaceReport, Report, SecretsReport, SessionsReport};
use crate::authority::AuthorityHandle;
use crate::hint::Advice;
use crate::limits;
pub use crate::listener::{ListenerReport, ListenerState};
use crate::secret_store::SecretStoreHandle;
pub use crate::secret_store::SecretsState;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
pub use crate::supervision::report::{SubsystemReport, SubsystemState};
use crate::supervision::slot::Publisher;
use crate::supervision::tasks::watched;

/// Questions that are answered at a time.
const QUESTIONS_MAX: usize = 16;

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
    pub(crate) board: Board,
    pub(crate) secret_store: SecretStoreHandle,
    pub(crate) authority: AuthorityHandle,
    #[cfg(feature = "faults")]
    pub(crate) root: ActorRef<crate::supervision::root::Msg>,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent(publisher, || Status, arguments)
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
            let _ = timeout(limits::QUESTION_TIMEOUT, converse(stream, arguments)).await;
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
        Ok(_) => json(&Advice::none("only the daemon's own user may ask")),
        Err(_) => json(&Advice::none("unknown question")),
    };
    writer.write_all(format!("{answer}\n").as_bytes()).await
}

impl Arguments {
    async fn answer(&self, question: Question) -> String {
        match question {
            Question::Status => json(&Report::of(&self.board)),
            Question::Reload => outcome(self.secret_store.reload().await.map_err(Advice::none)),
            Question::Rotate { step } => outcome(self.authority.rotate(step).await),
            Question::Tunnel(report) => {
                self.board.tunnels.hear(report);
                json(&self.proxy_address())
            }
            #[cfg(feature = "faults")]
            Question::Fault(fault) => {
                let _ = self.root.cast(crate::supervision::root::Msg::Fault(fault));
                outcome(Ok(()))
            }
        }
    }

    fn proxy_address(&self) -> ProxyAddress {
        ProxyAddress {
            key: self.board.probe_key.as_ref().map(|key| key.as_str().to_owned()),
            listeners: self.board.listener.report().clone(),
        }
    }
}

fn outcome(outcome: Result<(), Advice>) -> String {
    match outcome {
        Ok(()) => json(&Done { ok: true }),
        Err(advice) => json(&advice),
    }
}

/// The types of the answers hold nothing that JSON cannot say.
fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}
