//! The owner of the audit file. No record, no request.
//!
//! *Owns* `audit.log`. *Answers* `Append` once the line is written. *Asks* nobody. *Dies when* its
//! code is wrong; a file that cannot be written is an answer, not a death. *After a restart* it finds
//! the end of the chain in the file.

mod file;

use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use policy::host::Destination;
use policy::record::{self, NotSent, Record};
use policy::refusal::Refusal;
use policy::secret::Name;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::{error, info, warn};

use self::file::AuditFile;
use crate::folder::FolderError;
use crate::hex::RecordId;
use crate::limits;
use crate::slot::{Publisher, Slot, Unavailable};
use crate::status::Board;
use crate::supervisor::{Child, permanent};

/// The target under which each record is mirrored in `proxy.log`: people grep for it.
const MIRROR: &str = "secret-proxy-audit";

/// Where records are written.
#[derive(Clone)]
pub(crate) struct AuditHandle(Slot<Msg>);

impl AuditHandle {
    pub(crate) fn new(slot: Slot<Msg>) -> Self {
        Self(slot)
    }

    /// Writes a record; once this returns, it stands in the file.
    pub(crate) async fn append(&self, entry: Entry) -> Result<(), Unavailable> {
        let written = self.0.call(|reply| Msg::Append { entry, reply }, limits::ANSWER).await?;
        written.map_err(|NotWritten| Unavailable("audit"))
    }

    /// Writes a record that nobody waits for.
    pub(crate) fn append_soon(&self, entry: Entry) -> Result<(), Unavailable> {
        let (unheard, _) = tokio::sync::oneshot::channel();
        self.0.cast(Msg::Append { entry, reply: unheard.into() })
    }
}

/// What is to be recorded.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// An attempt, permitted or refused.
    Attempt(Attempt),
    /// A permitted request was then not sent.
    NotSent { id: RecordId, reason: String },
}

impl Entry {
    fn is_permit(&self) -> bool {
        matches!(self, Self::Attempt(attempt) if attempt.refusal.is_none())
    }
}

/// One request that asked for a secret, or was refused.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) id: RecordId,
    pub(crate) names: Vec<Name>,
    pub(crate) method: Method,
    pub(crate) destination: Destination,
    pub(crate) path: String,
    pub(crate) refusal: Option<Refusal>,
}

/// The line could not be written; `status` says why.
#[derive(Debug)]
pub(crate) struct NotWritten;

pub(crate) enum Msg {
    /// Write this, then answer.
    Append { entry: Entry, reply: RpcReplyPort<Result<(), NotWritten>> },
    #[cfg(feature = "faults")]
    Fault(crate::faults::Fault),
}

accept_faults!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) path: PathBuf,
    pub(crate) board: Arc<Board>,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent("audit", publisher, || Audit, arguments)
}

struct Audit;

struct State {
    path: PathBuf,
    board: Arc<Board>,
    /// `None` after a failure: the next record opens it anew.
    file: Option<AuditFile>,
    clock: Clock,
}

/// Opens the file once before the tree starts, so that a person who starts it sees what is wrong.
pub(crate) fn probe(path: &std::path::Path) -> Result<(), FolderError> {
    AuditFile::open(path, &Clock::default().now()).map(drop)
}

impl Actor for Audit {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { path, board } = arguments;
        let mut state = State { path, board, file: None, clock: Clock::default() };
        let _ = state.open();
        Ok(state)
    }

    async fn handle(&self, _: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            // Nobody waits for the permit any more, so nothing will be sent with it.
            Msg::Append { entry, reply } if reply.is_closed() && entry.is_permit() => {}
            Msg::Append { entry, reply } => drop(reply.send(state.append(&entry))),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => fault.strike(),
        }
        Ok(())
    }
}

impl State {
    fn append(&mut self, entry: &Entry) -> Result<(), NotWritten> {
        let timestamp = self.clock.now();
        match entry {
            Entry::Attempt(attempt) => {
                let line = self.write(&attempt.record(&timestamp))?;
                self.count(attempt.refusal.is_some(), &line);
            }
            Entry::NotSent { id, reason } => {
                let (id, reason) = (id.as_str(), record::bounded(reason));
                let line = self.write(&NotSent { timestamp: &timestamp, id, outcome: "not_sent", reason })?;
                info!(target: MIRROR, "{}", line.trim_ascii_end());
            }
        }
        Ok(())
    }

    /// Writes in place, on the runtime's thread: a local append takes microseconds, a hand-over to
    /// another thread takes longer.
    fn write(&mut self, record: &impl Serialize) -> Result<String, NotWritten> {
        let file = self.open()?;
        match file.append(record) {
            Ok(line) => {
                let head = file.head().to_owned();
                self.board.audit.send_modify(|report| (report.head, report.last_error) = (head, None));
                Ok(line)
            }
            Err(error) => Err(self.failed(error.to_string())),
        }
    }

    fn open(&mut self) -> Result<&mut AuditFile, NotWritten> {
        if self.file.is_none() {
            match AuditFile::open(&self.path, &self.clock.now()) {
                Ok(file) => self.file = Some(file),
                Err(error) => return Err(self.failed(error.to_string())),
            }
        }
        self.file.as_mut().ok_or(NotWritten)
    }

    fn failed(&mut self, reason: String) -> NotWritten {
        self.file = None;
        let known = self.board.audit.borrow().last_error.as_ref() == Some(&reason);
        if !known {
            error!(reason, "records cannot be written: requests with placeholders are refused");
        }
        self.board.audit.send_modify(|report| report.last_error = Some(reason));
        NotWritten
    }

    fn count(&self, refused: bool, line: &str) {
        self.board.records.add_one();
        let line = line.trim_ascii_end();
        if refused {
            self.board.refused.add_one();
            warn!(target: MIRROR, "{line}");
        } else {
            info!(target: MIRROR, "{line}");
        }
    }
}

impl Attempt {
    fn record<'a>(&'a self, timestamp: &'a str) -> Record<'a> {
        Record {
            timestamp,
            secrets: record::bounded_names(self.names.iter().map(Name::as_str)),
            method: record::bounded(self.method.as_str()),
            host: self.destination.host.to_string().into(),
            path: record::bounded(&self.path),
            blocked: self.refusal.is_some(),
            reason: self.refusal.as_ref().map(|refusal| record::bounded(&refusal.to_string()).into_owned().into()),
            id: self.id.as_str(),
            port: self.destination.port,
            scheme: self.destination.scheme.as_str(),
        }
    }
}

/// Timestamps in whole seconds; the text is made once a second.
#[derive(Debug, Default)]
struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    fn now(&mut self) -> String {
        let now = OffsetDateTime::now_utc();
        if now.unix_timestamp() != self.second || self.text.is_empty() {
            self.second = now.unix_timestamp();
            let whole = OffsetDateTime::from_unix_timestamp(self.second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            self.text = whole.format(&Rfc3339).unwrap_or_default();
        }
        self.text.clone()
    }
}
