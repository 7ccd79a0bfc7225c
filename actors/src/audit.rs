//! The owner of the audit file. No record, no request.
//!
//! Records that wait when one is written go with it in one write. The write runs in place, on the runtime's
//! thread: a local append takes microseconds, less than a hand-over to another thread. Syncing to the disk takes
//! longer and runs on another thread.
//!
//! *Owns* `audit.log` and its rotated files. *Answers* `Append` once the line is written, and on the disk if the
//! settings say so. *Asks* nobody. *Dies when* its code is wrong; a file that cannot be written is an answer, not
//! a death. *After a restart* it finds the end of the chain in the files and in its report.

mod chain;
mod file;
pub mod mirror;
mod reply;
mod report;
pub(crate) mod settings;
mod space;
mod sync;

use std::path::PathBuf;

use policy::record::{Event, Record};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use self::file::{AuditFile, Written};
use self::mirror::{Mirror, Shown};
use self::reply::{NotWritten, Obligation, Reply};
pub(crate) use self::report::{Part, Report};
use self::sync::Syncing;
use crate::audit::settings::{AuditRotation, AuditSettings, AuditSync};
use crate::folder::FolderError;
use crate::limits;
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
    pub(crate) async fn append(&self, event: Event<'static>) -> Result<(), Unavailable> {
        let written =
            self.slot.call(|reply| Msg::Append { event, reply: reply.into() }, limits::ANSWER_TIMEOUT).await?;
        written.map_err(|NotWritten| Unavailable("audit"))
    }

    /// The same, and the record is counted if it cannot be written, even if the caller goes away.
    pub(crate) async fn append_or_count(&self, event: Event<'static>) -> Result<(), Unavailable> {
        let obligation = Obligation::by(&self.part);
        let question = |reply| Msg::Append { event, reply: Reply::Required(obligation, Some(reply)) };
        self.slot.call(question, limits::ANSWER_TIMEOUT).await?.map_err(|NotWritten| Unavailable("audit"))
    }

    /// The same without waiting.
    pub(crate) fn append_detached(&self, event: Event<'static>) {
        let _ = self.slot.cast(Msg::Append { event, reply: Reply::Required(Obligation::by(&self.part), None) });
    }

    /// Counts a record that nobody will write.
    pub(crate) fn count_unrecorded(&self) {
        self.part.counters().unrecorded.add_one();
    }
}

pub(crate) enum Msg {
    /// Write this, then answer.
    Append {
        event: Event<'static>,
        reply: Reply,
    },
    /// Write all that waits.
    Flush,
    /// A sync has ended.
    Synced(Result<(), NotWritten>),
    /// It is time to sync.
    Sync,
    /// The task that watches the free space has ended, which it never should.
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
    /// `None` after a failure: the next record opens it again.
    file: Option<AuditFile>,
    /// What waits to be written.
    waiting: Vec<(Event<'static>, Reply)>,
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
            drop(myself.send_interval(limits::AUDIT_SYNC_EVERY, || Msg::Sync));
        }
        let space = space::watch(arguments.path.clone(), arguments.part.clone());
        let synced = myself.clone();
        let mut state = State {
            syncing: Syncing::new(arguments.settings.sync, move |outcome| drop(synced.cast(Msg::Synced(outcome)))),
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
            Msg::Append { event, reply } => state.append(&myself, event, reply),
            Msg::Flush => state.flush(),
            Msg::Synced(outcome) => state.synced(outcome),
            Msg::Sync => state.syncing.start(),
            Msg::Ended => return Err("the task that watches the free space ended".into()),
            Msg::Beat(beat) => beat.answer(),
            #[cfg(feature = "faults")]
            Msg::Fault(fault) => match fault.fails_writes() {
                Some(fails) => state.fails = fails,
                None => fault.strike().await,
            },
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.flush();
        state.syncing.finish().await;
        Ok(())
    }
}

impl State {
    /// Writes it soon, together with others that arrive by then.
    fn append(&mut self, myself: &ActorRef<Msg>, event: Event<'static>, reply: Reply) {
        if self.waiting.is_empty() {
            let _ = myself.cast(Msg::Flush);
        }
        self.waiting.push((event, reply));
    }

    fn flush(&mut self) {
        // A permit that nobody waits for any more sends nothing.
        let wanted = |(event, reply): &(Event<'_>, Reply)| !(reply.is_closed() && event.is_permit());
        let waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().filter(wanted).collect();
        if waiting.is_empty() {
            return;
        }
        let timestamp = self.clock.now();
        let record = |(event, reply)| (Record::new(timestamp.as_str(), event), reply);
        let (mut records, replies): (Vec<_>, Vec<_>) = waiting.into_iter().map(record).unzip();
        match self.write(&timestamp, &mut records) {
            Ok(written) => {
                self.count(&records, &written);
                self.syncing.written(replies);
            }
            Err(not_written) => replies.into_iter().for_each(|reply| reply.send(Err(not_written))),
        }
    }

    fn write(&mut self, timestamp: &str, records: &mut [Record<'_>]) -> Result<Written, NotWritten> {
        #[cfg(feature = "faults")]
        if self.fails {
            return Err(self.failed("a test asked for this".to_owned()));
        }
        let (file, syncing) = self.open()?;
        let written = file.append(timestamp, records);
        match written.and_then(|written| syncing.follows(file).map(|()| written)) {
            Ok(written) => {
                let head = file.head();
                self.arguments.part.update(|report| (report.head, report.last_error) = (head, None));
                Ok(written)
            }
            Err(error) => Err(self.failed(error.to_string())),
        }
    }

    fn open(&mut self) -> Result<(&mut AuditFile, &mut Syncing), NotWritten> {
        if self.file.is_none() {
            let Arguments { path, settings, part, .. } = &self.arguments;
            let last = part.report().head;
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

    fn synced(&mut self, outcome: Result<(), NotWritten>) {
        if outcome.is_err() {
            self.failed("the disk does not take what was written".to_owned());
        }
        self.syncing.synced(outcome);
    }

    /// Counts the records, and shows them to the mirror.
    fn count(&self, records: &[Record<'_>], written: &Written) {
        let Arguments { part, mirror, .. } = &self.arguments;
        let mut shown = Vec::with_capacity(records.len());
        for (record, line) in records.iter().zip(written.lines()) {
            let refused = record.event.is_refusal();
            if record.attempt().is_some() {
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
