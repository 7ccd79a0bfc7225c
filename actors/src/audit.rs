//! The owner of the audit file. No record, no request.
//!
//! Records that have come by the time one is written go with it in one write. It is done in place, on
//! the runtime's thread: a local append takes microseconds, a hand-over to another thread takes longer.
//! What takes longer still, syncing to the disk, is done on another thread.
//!
//! *Owns* `audit.log` and the files that it was rotated to. *Answers* `Append` once the line is
//! written, and on the disk if the settings say so. *Asks* nobody. *Dies when* its code is wrong; a
//! file that cannot be written is an answer, not a death. *After a restart* it finds the end of the
//! chain in the files and in its part of the status report.

mod chain;
mod entry;
mod file;
pub mod mirror;
mod reply;
mod report;
mod space;
mod sync;

use std::path::PathBuf;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use self::chain::Link;
pub(crate) use self::entry::{Attempt, Entry};
use self::file::AuditFile;
use self::reply::Owed;
pub(crate) use self::reply::Reply;
pub(crate) use self::report::{Part, Report};
use self::sync::Syncing;
use crate::audit::mirror::{Mirror, Shown};
use crate::folder::FolderError;
use crate::limits;
use crate::settings::{AuditRotation, AuditSettings, AuditSync};
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::{Publisher, Slot, Unavailable};
use crate::supervision::tasks::watched;

/// Where records are written.
#[derive(Clone)]
pub(crate) struct AuditHandle {
    slot: Slot<Msg>,
    part: Part,
}

impl AuditHandle {
    pub(crate) fn new(slot: Slot<Msg>, part: Part) -> Self {
        Self { slot, part }
    }

    /// Writes a record; once this returns, it stands in the file.
    pub(crate) async fn append(&self, entry: Entry) -> Result<(), Unavailable> {
        let written = self.slot.call(|reply| Msg::Append { entry, reply: reply.into() }, limits::ANSWER).await?;
        written.map_err(|NotWritten| Unavailable("audit"))
    }

    /// The same for one that is written or counted even if whoever asks goes away meanwhile.
    pub(crate) async fn append_owed(&self, entry: Entry) -> Result<(), Unavailable> {
        let owed = Owed::by(&self.part);
        let question = |reply| Msg::Append { entry, reply: Reply::Owed(owed, Some(reply)) };
        self.slot.call(question, limits::ANSWER).await?.map_err(|NotWritten| Unavailable("audit"))
    }

    /// The same for one that nobody waits for.
    pub(crate) fn append_soon(&self, entry: Entry) {
        let _ = self.slot.cast(Msg::Append { entry, reply: Reply::Owed(Owed::by(&self.part), None) });
    }

    /// Counts a record that nobody will write.
    pub(crate) fn count_unrecorded(&self) {
        self.part.counters().unrecorded.add_one();
    }
}

/// The line could not be written; `status` says why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotWritten;

pub(crate) enum Msg {
    /// Write this, then answer.
    Append {
        entry: Entry,
        reply: Reply,
    },
    /// Write what has come.
    Flush,
    /// What was written is on the disk now, or cannot be brought there.
    Synced(Result<(), NotWritten>),
    /// It is time to sync.
    Sync,
    /// The task that looks after the space has ended, which it never should.
    Ended,
    Beat(Beat),
    #[cfg(feature = "faults")]
    Fault(crate::supervision::faults::Fault),
}

owner_message!(Msg);

#[derive(Clone)]
pub(crate) struct Arguments {
    pub(crate) path: PathBuf,
    pub(crate) settings: AuditSettings,
    pub(crate) mirror: Mirror,
    pub(crate) part: Part,
}

/// The owner's place in the tree.
pub(crate) fn child(publisher: Publisher<Msg>, arguments: Arguments) -> Child {
    permanent(publisher, || Audit, arguments)
}

struct Audit;

struct State {
    arguments: Arguments,
    /// `None` after a failure: the next record opens it anew.
    file: Option<AuditFile>,
    /// What waits to be written.
    waiting: Vec<(Entry, Reply)>,
    syncing: Syncing,
    clock: Clock,
    _space: AbortOnDropHandle<()>,
    #[cfg(feature = "faults")]
    fails: bool,
}

/// Opens the file once before the tree starts, so that a person who starts it sees what is wrong.
pub(crate) fn probe(path: &std::path::Path, rotation: AuditRotation) -> Result<(), FolderError> {
    AuditFile::open(path, rotation, None, &Clock::default().now()).map(drop)
}

impl Actor for Audit {
    type Msg = Msg;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        if arguments.settings.sync == AuditSync::Interval {
            drop(myself.send_interval(limits::AUDIT_SYNC, || Msg::Sync));
        }
        let space = space::watch(arguments.path.clone(), arguments.part.clone());
        let mut state = State {
            syncing: Syncing::new(arguments.settings.sync),
            arguments,
            file: None,
            waiting: Vec::new(),
            clock: Clock::default(),
            _space: watched(myself, || Msg::Ended, space),
            #[cfg(feature = "faults")]
            fails: false,
        };
        let _ = state.open();
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Append { entry, reply } => state.append(&myself, entry, reply),
            Msg::Flush => state.flush(&myself),
            Msg::Synced(outcome) => state.synced(&myself, outcome),
            Msg::Sync => state.syncing.start(&myself),
            Msg::Ended => return Err("the task that looks after the space ended".into()),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => match fault.fails_writes() {
                Some(fails) => state.fails = fails,
                None => fault.strike().await,
            },
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.flush(&myself);
        state.syncing.finish().await;
        Ok(())
    }
}

impl State {
    /// Writes it soon, with others that have come by then.
    fn append(&mut self, myself: &ActorRef<Msg>, entry: Entry, reply: Reply) {
        if self.waiting.is_empty() {
            let _ = myself.cast(Msg::Flush);
        }
        self.waiting.push((entry, reply));
    }

    fn flush(&mut self, myself: &ActorRef<Msg>) {
        // Nobody waits for such a permit any more, so nothing will be sent with it.
        let wanted = |(entry, reply): &(Entry, Reply)| !(reply.is_closed() && entry.is_permit());
        let waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().filter(wanted).collect();
        if waiting.is_empty() {
            return;
        }
        let (entries, replies): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        match self.write(&entries) {
            Ok(lines) => {
                self.count(&entries, &lines);
                self.syncing.written(myself, replies);
            }
            Err(not_written) => replies.into_iter().for_each(|reply| reply.send(Err(not_written))),
        }
    }

    fn write(&mut self, entries: &[Entry]) -> Result<Vec<u8>, NotWritten> {
        #[cfg(feature = "faults")]
        if self.fails {
            return Err(self.failed("a test asked for this".to_owned()));
        }
        let timestamp = self.clock.now();
        let (file, syncing) = self.open()?;
        let lines = file.append(&timestamp, entries.iter().map(|entry| entry.line(&timestamp)));
        match lines.and_then(|lines| syncing.follows(file).map(|()| lines)) {
            Ok(lines) => {
                let (head, seq) = (file.head().to_owned(), file.seq());
                self.arguments.part.update(|report| {
                    (report.head, report.seq, report.last_error) = (head, seq, None);
                });
                Ok(lines)
            }
            Err(error) => Err(self.failed(error.to_string())),
        }
    }

    fn open(&mut self) -> Result<(&mut AuditFile, &mut Syncing), NotWritten> {
        if self.file.is_none() {
            let Arguments { path, settings, part, .. } = &self.arguments;
            let last = Link::of_report(&part.report());
            match AuditFile::open(path, settings.rotation, last, &self.clock.now()) {
                Ok(file) => self.file = Some(file),
                Err(error) => return Err(self.failed(error.to_string())),
            }
        }
        Ok((self.file.as_mut().ok_or(NotWritten)?, &mut self.syncing))
    }

    fn failed(&mut self, reason: String) -> NotWritten {
        self.file = None;
        let known = self.arguments.part.report().last_error.as_ref() == Some(&reason);
        if !known {
            error!(reason, "records cannot be written: requests with placeholders are refused");
        }
        self.arguments.part.update(|report| report.last_error = Some(reason));
        NotWritten
    }

    fn synced(&mut self, myself: &ActorRef<Msg>, outcome: Result<(), NotWritten>) {
        if outcome.is_err() {
            self.failed("the disk does not take what was written".to_owned());
        }
        self.syncing.synced(myself, outcome);
    }

    /// Counts the records, and shows them to the mirror.
    fn count(&self, entries: &[Entry], lines: &[u8]) {
        let Arguments { part, mirror, .. } = &self.arguments;
        let lines = std::str::from_utf8(lines).unwrap_or_default().lines();
        let mut shown = Vec::with_capacity(entries.len());
        for (entry, line) in entries.iter().zip(lines) {
            let refused = entry.is_refusal();
            if entry.is_attempt() {
                part.counters().records.add_one();
            }
            if refused {
                part.counters().refused.add_one();
            }
            shown.push(Shown { refused, line });
        }
        mirror.show(&shown);
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

#[cfg(test)]
mod tests;
