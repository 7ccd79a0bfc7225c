//! The owner of the audit file. No record, no request.
//!
//! Records that wait when one is written go with it in one write. The write runs in place, on the runtime's
//! thread: a local append takes microseconds, less than a hand-over to another thread. Syncing to the disk takes
//! longer and runs on another thread.
//!
//! *Owns* `audit.log`, its rotated files and the records that are kept of deleted ones. *Answers* `Append` and `Refuse`
//! once the line is written, and on the disk if the settings say so; `Refuse` at once if the refusal is counted. *Asks*
//! nobody. *Dies when* its code is wrong; a file that cannot be written is an answer, not a death. *After a restart* it
//! finds the end of the chain in the files and in its report.

mod carry;
mod chain;
mod clock;
mod file;
mod handle;
pub mod mirror;
mod pace;
mod reply;
mod report;
pub(crate) mod settings;
mod space;
mod sync;
mod together;

use std::io;
use std::path::PathBuf;

use policy::record::{Attempt, Event, Record};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use self::carry::{Carried, Carrying};
use self::clock::Clock;
pub(crate) use self::file::probe;
use self::file::{AuditFile, Written};
pub(crate) use self::handle::AuditHandle;
use self::mirror::{Mirror, Shown};
use self::reply::{NotWritten, RefusalReply, Reply};
pub(crate) use self::report::{Part, Report};
use self::sync::Syncing;
use self::together::{Refusals, Turn};
use crate::audit::settings::{AuditSettings, AuditSync};
use crate::hex::RecordId;
use crate::limits;
use crate::supervision::child::{Child, permanent};
use crate::supervision::heartbeat::Beat;
use crate::supervision::slot::Publisher;
use crate::supervision::tasks::watched;

pub(crate) enum Msg {
    /// Write this, then answer.
    Append(Event<'static>, Reply),
    /// What there was to keep of old files has been copied.
    Carried(io::Result<Option<Carried>>),
    /// Write all that waits.
    Flush,
    /// Record this refusal, by itself or together with others.
    Refuse(Attempt<'static>, RefusalReply),
    /// Write the record of the refusals that were counted.
    RefusedTogether,
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
    refusals: Refusals,
    syncing: Syncing,
    clock: Clock,
    carrying: Carrying,
    _space: AbortOnDropHandle<()>,
    #[cfg(feature = "faults")]
    fails: bool,
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
            refusals: Refusals::new(Instant::now()),
            clock: Clock::default(),
            carrying: Carrying::default(),
            _space: watched(myself, || Msg::Ended, space),
            #[cfg(feature = "faults")]
            fails: false,
        };
        let _ = state.open();
        Ok(state)
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Append(event, reply) => state.append(&myself, event, reply),
            Msg::Carried(outcome) => state.carried(&myself, outcome),
            Msg::Flush => state.flush(&myself),
            Msg::Refuse(attempt, reply) => state.refuse(&myself, attempt, reply),
            Msg::RefusedTogether => state.refused_together(&myself),
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

    async fn post_stop(&self, myself: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.refused_together(&myself);
        state.flush(&myself);
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

    fn refuse(&mut self, myself: &ActorRef<Msg>, attempt: Attempt<'static>, reply: RefusalReply) {
        let (obligation, port) = reply;
        match self.refusals.take(attempt, obligation, Instant::now()) {
            Turn::Alone(attempt, obligation) => {
                let id = attempt.id.parse().unwrap_or_else(|()| RecordId::random());
                self.append(myself, Event::Attempt(attempt), Reply::Refused(obligation, id, port));
            }
            Turn::Together { id, is_first } => {
                port.into_iter().for_each(|port| drop(port.send(Ok(id))));
                if is_first {
                    drop(myself.send_after(limits::REFUSED_TOGETHER_EVERY, || Msg::RefusedTogether));
                }
            }
        }
    }

    fn refused_together(&mut self, myself: &ActorRef<Msg>) {
        if let Some((event, obligation)) = self.refusals.close() {
            self.append(myself, event, Reply::Required(obligation, None));
        }
    }

    fn flush(&mut self, myself: &ActorRef<Msg>) {
        // A permit that nobody waits for any more sends nothing.
        let wanted = |(event, reply): &(Event<'_>, Reply)| !(reply.is_closed() && event.is_permit());
        let waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().filter(wanted).collect();
        if waiting.is_empty() {
            return;
        }
        let timestamp = self.clock.now();
        let record = |(event, reply)| (Record::new(timestamp.as_str(), event), reply);
        let (mut records, replies): (Vec<_>, Vec<_>) = waiting.into_iter().map(record).unzip();
        match self.write(&mut records) {
            Ok(written) => {
                self.count(&records, &written);
                self.syncing.written(replies);
            }
            Err(not_written) => replies.into_iter().for_each(|reply| reply.send(Err(not_written))),
        }
        self.carry(myself);
    }

    /// Copies what is to be kept of files that are too old, on another thread.
    fn carry(&mut self, myself: &ActorRef<Msg>) {
        if self.carrying.is_under_way() {
            return;
        }
        let Some(keep) = self.file.as_mut().and_then(AuditFile::take_prune) else { return };
        let audit = myself.clone();
        let ended = move |outcome| drop(audit.cast(Msg::Carried(outcome)));
        self.carrying.start(&self.arguments.path, keep, ended);
    }

    /// Deletes the files that were too old.
    fn carried(&mut self, myself: &ActorRef<Msg>, outcome: io::Result<Option<Carried>>) {
        if let (Some(carried), Some(file)) = (self.carrying.end(outcome), self.file.as_mut()) {
            let deleted = file.delete(&self.clock.now(), carried);
            let head = file.head();
            self.arguments.part.update(|report| report.head = head);
            if let Err(error) = deleted {
                self.failed(error.to_string());
            }
        }
        // It may have been rotated meanwhile.
        self.carry(myself);
    }

    fn write(&mut self, records: &mut [Record<'_>]) -> Result<Written, NotWritten> {
        #[cfg(feature = "faults")]
        if self.fails {
            return Err(self.failed("a test asked for this".to_owned()));
        }
        let (file, syncing) = self.open()?;
        let written = file.append(records);
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
            part.counters().note(&record.event);
            shown.push(Shown { refused: record.event.refusals() > 0, line });
        }
        mirror.show(&shown);
    }
}

#[cfg(test)]
mod tests;
