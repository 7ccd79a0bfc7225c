//! The read under way: one at a time, however many wait for it, and what becomes of it.

use std::io;
use std::time::{Duration, Instant};

use policy::secrets::table::Table;
use policy::verdict::refusal::Refusal;
use ractor::ActorRef;
use tokio_util::task::AbortOnDropHandle;

use super::confirm::Belief;
use super::sources::{self, Identity, Progress, Text, Trouble};
use super::vault::Vault;
use super::{Msg, State, words};
use crate::limits;
use crate::secret_store::report::SecretsState;

/// How often waiting requests are looked through.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Reading {
    _task: AbortOnDropHandle<()>,
    progress: Option<Progress>,
    since: Instant,
    /// When a request last wanted it.
    wanted: Instant,
}

/// The last read brought nothing: no further one before this.
pub(super) struct Failed {
    pub(super) refusal: Refusal,
    pause: Duration,
    pub(super) until: Instant,
}

/// Tells the store how a read ended, even if it ended in a panic: requests wait for it.
struct Report {
    store: ActorRef<Msg>,
    read: u64,
    outcome: Option<Result<Text, Trouble>>,
}

impl Report {
    fn end(mut self, outcome: Result<Text, Trouble>) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Err(Trouble::Io(io::ErrorKind::Other)));
        let _ = self.store.cast(Msg::Read { read: self.read, outcome });
    }
}

impl State {
    /// One read at a time.
    pub(super) fn start_reading(&mut self, myself: &ActorRef<Msg>) {
        let now = Instant::now();
        if let Some(reading) = &mut self.reading {
            reading.wanted = now;
            return;
        }
        self.reads += 1;
        let (read, path) = (self.reads, self.arguments.path.clone());
        let report = Report { store: myself.clone(), read, outcome: None };
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let (store, mut last) = (report.store.clone(), None);
            let progressed = |progress| {
                if last.replace(progress) != Some(progress) {
                    let _ = store.cast(Msg::Progressed { read, progress });
                }
            };
            report.end(sources::read(&path, progressed).await);
        }));
        self.reading = Some(Reading { _task: task, progress: None, since: now, wanted: now });
        self.tick_later(myself);
    }

    /// Whatever the last read brought.
    pub(super) fn read_now(&mut self, myself: &ActorRef<Msg>) {
        self.failed = None;
        self.start_reading(myself);
    }

    pub(super) fn progressed(&mut self, read: u64, progress: Progress) {
        let Some(reading) = self.reading.as_mut().filter(|_| read == self.reads) else { return };
        reading.progress = Some(progress);
        reading.since = Instant::now();
        if self.holds_fresh() {
            let (_, detail) = words::while_waiting(progress);
            self.report(SecretsState::Ready, format!("reading again: {detail}"));
        } else {
            self.report_nothing_held("");
        }
    }

    /// Nothing is held: says how the read under way goes, or why there is none.
    pub(super) fn report_nothing_held(&self, idle: &'static str) {
        let progress = self.reading.as_ref().and_then(|reading| reading.progress);
        let (state, detail) = progress.map_or((SecretsState::Idle, idle), words::while_waiting);
        self.report(state, detail.to_owned());
    }

    pub(super) fn read_ended(&mut self, myself: &ActorRef<Msg>, read: u64, outcome: Result<Text, Trouble>) {
        if read != self.reads || self.reading.take().is_none() {
            return;
        }
        match outcome {
            Ok(text) => self.weigh(myself, &text),
            Err(Trouble::Replaced) => self.replaced(myself),
            Err(trouble) => self.troubled(trouble),
        }
        // Whatever happened in the meantime was not looked at.
        self.stirred(myself);
    }

    /// Another one stands there by now: those who wait, wait for that.
    fn replaced(&mut self, myself: &ActorRef<Msg>) {
        if !self.waiting.is_empty() {
            self.seen = Some(sources::probe(&self.arguments.path));
            self.start_reading(myself);
        }
    }

    fn weigh(&mut self, myself: &ActorRef<Msg>, text: &Text) {
        let identity = text.identity;
        self.seen = Some(Ok(identity));
        let table = match Table::read(&text.bytes) {
            Ok(table) => table,
            Err(malformed) => {
                self.witness.disturb();
                return self.malformed(format!("{malformed}; secret-proxy check says more"));
            }
        };
        match self.witness.weigh(table, identity.kind, text.bytes.ends_with(b"\n")) {
            Belief::Whole { table, changed } => {
                self.noticed = false;
                self.arguments.listed.send_replace(Some(table.listed().clone()));
                self.adopt(table, identity, changed);
                self.waiting.tell_read();
            }
            Belief::InCommon(table) => {
                self.adopt(table, identity, true);
                self.start_reading(myself);
            }
            Belief::Nothing => {
                self.report(SecretsState::Idle, "a part may be missing: reading once more".to_owned());
                self.start_reading(myself);
            }
            Belief::Contradictory => {
                self.malformed("each read says something else: does another program read the pipe?".to_owned());
            }
        }
    }

    /// The new table as a whole, in one step.
    fn adopt(&mut self, table: Table, identity: Identity, changed: bool) {
        self.failed = None;
        let vault = Vault::new(table, identity, self.arguments.ttl);
        self.waiting.answer(&vault);
        self.arguments.part.update(|report| {
            (report.names, report.loaded) = (vault.names(), Some(vault.loaded));
            report.kind = Some(identity.kind.as_str());
        });
        if self.vault.is_some() && changed {
            self.arguments.upstream.forget_secrets();
        }
        self.report(SecretsState::Ready, words::when_ready(&vault));
        self.vault = Some(vault);
    }

    fn malformed(&mut self, why: String) {
        self.fail(SecretsState::Malformed, why.clone(), Refusal::Unreadable(why.into()));
    }

    pub(super) fn troubled(&mut self, trouble: Trouble) {
        let (state, refusal) = words::of(trouble);
        self.fail(state, trouble.to_string(), refusal);
    }

    /// Nothing of the mount is usable: fail closed, and pause before the next read.
    fn fail(&mut self, state: SecretsState, detail: String, refusal: Refusal) {
        let pause = self.failed.as_ref().map_or(limits::READ_BACKOFF_MIN, |failed| failed.pause * 2);
        let pause = pause.min(limits::READ_BACKOFF_MAX);
        if state == SecretsState::Locked && self.waiting.has_request() {
            self.notice();
        }
        self.waiting.refuse_all(&refusal);
        self.failed = Some(Failed { refusal, pause, until: Instant::now() + pause });
        self.wipe();
        self.report(state, detail);
    }

    /// Lets go of requests that have waited long enough, and of a read that nobody wants.
    pub(super) fn tick(&mut self, myself: &ActorRef<Msg>) {
        self.ticks = false;
        self.waiting.forget_abandoned();
        let Some(reading) = &self.reading else { return };
        let unwanted = reading.wanted.elapsed() >= self.arguments.approval_wait;
        let unserved_since = (reading.progress == Some(Progress::Unserved)).then_some(reading.since);
        let refusal = if self.holds_fresh() { Refusal::Unconfirmed } else { Refusal::Locked };
        // Each is refused after the longer wait at the latest, however the pipe was served meanwhile.
        let mut gave_up = self.waiting.refuse_overdue(self.patience, None, &refusal);
        if unserved_since.is_some() {
            gave_up |= self.waiting.refuse_overdue(limits::UNSERVED_WAIT, unserved_since, &refusal);
        }
        if gave_up {
            self.notice();
        }
        if unwanted && self.waiting.is_empty() {
            self.let_go();
        } else {
            self.tick_later(myself);
        }
    }

    fn tick_later(&mut self, myself: &ActorRef<Msg>) {
        if !std::mem::replace(&mut self.ticks, true) {
            drop(myself.send_after(TICK, || Msg::Tick));
        }
    }

    /// Nobody wants the read any more. What is held stays in force for its time.
    fn let_go(&mut self) {
        self.reading = None;
        match &self.vault {
            Some(vault) if vault.is_fresh() => self.report(SecretsState::Ready, words::when_ready(vault)),
            _ => self.fail(SecretsState::Locked, "not approved in time".to_owned(), Refusal::Locked),
        }
    }

    fn holds_fresh(&self) -> bool {
        self.vault.as_ref().is_some_and(Vault::is_fresh)
    }
}
