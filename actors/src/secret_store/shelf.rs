//! The state machine of one source and of the requests that wait for it.
//!
//! The machine takes events and the time, and returns steps for the owner to carry out. The machine has no clock, task,
//! file or reply port, and depends on no owner and no other shelf.
//!
//! There are two time limits. A request has the shorter limit. Its read has the longer limit, which each new request
//! restarts: a late approval then counts without another prompt.

mod event;
mod output;
mod pause;
mod read;
mod waiting;
mod want;

use std::sync::Arc;
use std::time::Duration;

use policy::verdict::refusal::Refusal;

pub(super) use self::event::{Event, ReadNumber, Step};
use self::output::Output;
use self::pause::Pause;
use self::read::Reads;
use self::waiting::{Entry, Waiting};
pub(super) use self::want::{QuestionId, Want};
use super::confirm::{Confidence, Confirmer};
use super::moment::Moment;
use super::report::{Report, SecretsState};
use super::sources::{Content, Glance, Progress, ReadError};
use super::vault::Vault;
use super::words::{self, Failure};

/// The times of a source, by the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// How long the secrets of a read are used.
    pub(super) ttl: Duration,
    /// How long a read stays open after the last request that wanted it.
    pub(super) approval_wait: Duration,
}

/// One source.
pub(super) struct Shelf {
    settings: Settings,
    vault: Option<Vault>,
    confirmer: Confirmer,
    waiting: Waiting,
    reads: Reads,
    pause: Option<Pause>,
    /// The source as it was last seen.
    seen: Option<Result<Glance, ReadError>>,
    output: Output,
}

impl Shelf {
    pub(super) fn new(report: Report, settings: Settings) -> Self {
        Self {
            settings,
            vault: None,
            confirmer: Confirmer::default(),
            waiting: Waiting::default(),
            reads: Reads::default(),
            pause: None,
            seen: None,
            output: Output::new(report),
        }
    }

    /// Handles an event.
    pub(super) fn on(&mut self, event: Event, now: Moment) -> Vec<Step> {
        match event {
            Event::Abandoned(ids) => self.waiting.forget(&ids),
            Event::Asked(id, want, since) => self.asked(Entry { id, want, since }, now),
            Event::Changed => self.output.look_soon(),
            Event::Draining => self.waiting.be_brief(),
            Event::Gone => self.gone(),
            Event::Looked(glance) => self.looked(glance, now),
            Event::Progressed(number, progress) => self.progressed(number, progress, now),
            Event::ReadEnded(number, outcome) => self.read_ended(number, outcome, now),
            Event::ReloadAsked(id) => self.reload_asked(id, now),
            Event::Stopping => self.wipe(),
            Event::Ticked => self.tick(now),
        }
        self.output.take()
    }

    /// The last good read, which may be too old. None once another file was seen in the place of that one.
    pub(super) fn vault(&self) -> Option<&Vault> {
        self.vault.as_ref().filter(|vault| !vault.is_replaced(self.seen))
    }

    /// Refuses by the last failure, or waits for a read.
    fn asked(&mut self, entry: Entry, now: Moment) {
        let pause = self.pause.as_ref().filter(|_| !self.reads.is_under_way());
        if let Some(refusal) = pause.and_then(|pause| pause.refusal(now.monotonic)) {
            if *refusal == Refusal::Locked {
                self.output.notify();
            }
            return self.output.refuse(entry.id, refusal.clone());
        }
        self.waiting.push(entry);
        self.want_read(now);
    }

    fn reload_asked(&mut self, id: Option<QuestionId>, now: Moment) {
        self.read_now(now);
        let entry = |id| Entry { id, want: Want::Reload, since: now.monotonic };
        id.into_iter().for_each(|id| self.waiting.push(entry(id)));
    }

    /// Reads, after any outcome of the last read.
    fn read_now(&mut self, now: Moment) {
        self.pause = None;
        self.want_read(now);
    }

    /// Starts a read, or keeps the one under way open.
    fn want_read(&mut self, now: Moment) {
        if let Some(number) = self.reads.want(now.monotonic) {
            self.output.step(Step::StartRead(number));
            self.output.tick_later();
        }
    }

    fn progressed(&mut self, number: ReadNumber, progress: Progress, now: Moment) {
        if !self.reads.note(number, progress, now.monotonic) {
            return;
        }
        let (_, detail) = words::while_waiting(progress);
        match self.vault.as_ref().filter(|vault| vault.is_fresh(now)) {
            Some(vault) => self.output.show_ready(vault, format!("reading again: {detail}")),
            None => self.output.show_nothing_held(self.reads.progress(), ""),
        }
    }

    fn read_ended(&mut self, number: ReadNumber, outcome: Result<Content, ReadError>, now: Moment) {
        if !self.reads.end(number) {
            return;
        }
        match outcome {
            Ok(content) => self.check(&content, now),
            Err(ReadError::Replaced(glance)) => self.replaced(glance, now),
            Err(error) => self.fail(Failure::of(error), now),
        }
        // Changes during the read had no effect yet.
        self.output.look_soon();
    }

    /// The waiting requests move to the source that replaced the old one.
    fn replaced(&mut self, glance: Glance, now: Moment) {
        if !self.waiting.is_empty() {
            self.seen = Some(Ok(glance));
            self.read_now(now);
        }
    }

    /// Decides which part of a read counts.
    fn check(&mut self, content: &Content, now: Moment) {
        let (glance, ttl) = (content.glance, self.settings.ttl);
        self.seen = Some(Ok(glance));
        match self.confirmer.read(&content.text, glance.is_shared) {
            Err(malformed) => self.fail(Failure::malformed(malformed), now),
            Ok(Confidence::Confirmed { table, changed }) => {
                self.output.note_good_read();
                self.output.step(Step::ListHosts(table.listed().clone()));
                self.adopt(Vault::new(table, None, glance, ttl, now), changed);
                self.output.grant_all(self.waiting.take_reloads());
            }
            Ok(Confidence::InCommon { table, before }) => {
                self.adopt(Vault::new(table, Some(before), glance, ttl, now), true);
                self.want_read(now);
            }
            Ok(Confidence::Unconfirmed) => {
                self.output.show(SecretsState::Idle, "a part may be missing: reading once more");
                self.want_read(now);
            }
            Ok(Confidence::Contradictory) => self.fail(Failure::contradictory(), now),
        }
    }

    /// The new table replaces the whole old table.
    fn adopt(&mut self, vault: Vault, changed: bool) {
        self.pause = None;
        self.output.grant_all(self.waiting.take_met(&vault));
        if self.vault.is_some() && changed {
            self.output.step(Step::ForgetSecrets);
        }
        self.output.show_names(vault.names(), Some(vault.loaded.monotonic));
        self.output.show_kind(Some(vault.glance.kind));
        self.output.show_ready(&vault, words::when_ready(&vault));
        self.vault = Some(vault);
    }

    /// Fails closed, and pauses before the next read.
    fn fail(&mut self, failure: Failure, now: Moment) {
        let Failure { state, detail, refusal } = failure;
        if state == SecretsState::Locked && self.waiting.has_request() {
            self.output.notify();
        }
        self.output.refuse_all(self.waiting.take_all(), &refusal);
        let asks = state == SecretsState::Locked || self.seen.is_some_and(|seen| seen.is_ok_and(|it| !it.is_eager));
        self.pause = Some(Pause::after(self.pause.as_ref(), state, asks, refusal, now.monotonic));
        self.wipe();
        self.output.show(state, detail);
    }

    /// Compares the source with its last version.
    fn looked(&mut self, glance: Result<Glance, ReadError>, now: Moment) {
        self.output.note_look();
        if self.vault.as_ref().is_some_and(|vault| !vault.is_held(now)) {
            self.drop_vault("the last read is too old; the next placeholder reads".to_owned());
        }
        if self.reads.is_under_way() {
            self.looked_during_read(glance);
        } else if self.seen != Some(glance) {
            self.seen = Some(glance);
            self.source_changed(glance, now);
        }
    }

    /// The reader itself notices changes. But the vault may come from a source that was replaced.
    fn looked_during_read(&mut self, glance: Result<Glance, ReadError>) {
        let held = self.vault.as_ref().map(|vault| vault.glance);
        if let Some(held) = held.filter(|held| !held.is_eager && glance != Ok(*held)) {
            self.drop_vault(format!("the {} was replaced", held.kind));
        }
    }

    fn source_changed(&mut self, glance: Result<Glance, ReadError>, now: Moment) {
        self.output.show_kind(glance.ok().map(|glance| glance.kind));
        match glance {
            Ok(glance) if glance.is_eager => self.read_now(now),
            // A read may raise a prompt, so it waits for a request that needs a secret.
            Ok(glance) => {
                self.pause = None;
                self.wipe();
                self.output.show(SecretsState::Idle, format!("a {}; the next placeholder reads", glance.kind));
            }
            Err(error) => self.fail(Failure::of(error), now),
        }
    }

    /// Refuses requests that have waited long enough, and drops a read that no request wants.
    fn tick(&mut self, now: Moment) {
        self.output.note_tick();
        if !self.reads.is_under_way() {
            return;
        }
        let holds_fresh = self.vault.as_ref().is_some_and(|vault| vault.is_fresh(now));
        let refusal = if holds_fresh { Refusal::Unconfirmed } else { Refusal::Locked };
        let overdue = self.waiting.take_overdue(self.reads.unserved_since(), now.monotonic);
        let has_request = overdue.iter().any(|entry| entry.want.is_request());
        self.output.refuse_all(overdue, &refusal);
        if has_request {
            self.output.notify();
        }
        let is_unwanted = self.reads.is_unwanted_for(self.settings.approval_wait, now.monotonic);
        if is_unwanted && self.waiting.is_empty() {
            self.drop_read(now);
        } else {
            self.output.tick_later();
        }
    }

    /// No request wants the read any more. The vault stays in force for its time.
    fn drop_read(&mut self, now: Moment) {
        self.reads.abort();
        self.output.step(Step::AbortRead);
        match self.vault.as_ref().filter(|vault| vault.is_fresh(now)) {
            Some(vault) => self.output.show_ready(vault, words::when_ready(vault)),
            None => self.fail(Failure::not_approved(), now),
        }
    }

    /// Nothing is read here any more.
    fn gone(&mut self) {
        let refusal = Refusal::Unreadable("the namespace was removed".into());
        self.output.refuse_all(self.waiting.take_all(), &refusal);
        if self.reads.is_under_way() {
            self.reads.abort();
            self.output.step(Step::AbortRead);
        }
        self.wipe();
    }

    fn drop_vault(&mut self, why: String) {
        self.wipe();
        self.output.show_nothing_held(self.reads.progress(), why);
    }

    /// Wipes the values, and has the connections closed whose buffers may hold them.
    fn wipe(&mut self) {
        if self.vault.take().is_some() {
            self.output.step(Step::ForgetSecrets);
            self.output.show_names(Arc::default(), None);
        }
    }
}
