//! The steps of a shelf, without repetitions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::name::Name;
use policy::verdict::refusal::Refusal;

use super::event::Step;
use super::waiting::Entry;
use super::want::QuestionId;
use crate::hint::Hint;
use crate::limits::EVENT_DEBOUNCE;
use crate::secret_store::report::{Report, SecretsState};
use crate::secret_store::sources::Progress;
use crate::secret_store::vault::Vault;
use crate::secret_store::words;

/// The interval of checks of the waiting questions.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The steps to carry out.
pub(super) struct Output {
    steps: Vec<Step>,
    shown: Shown,
    /// Whether the person was notified since the last good read.
    notified: bool,
    tick_is_due: bool,
    look_is_due: bool,
}

/// The report, published once for each event that changes it.
struct Shown {
    report: Report,
    has_changed: bool,
}

impl Shown {
    fn set(&mut self, state: SecretsState, detail: String, hints: Vec<Hint>) {
        let report = &mut self.report;
        if report.state != state || report.detail != detail {
            (report.state, report.detail, report.hints) = (state, detail, hints);
            self.has_changed = true;
        }
    }
}

impl Output {
    pub(super) fn new(report: Report) -> Self {
        let shown = Shown { report, has_changed: false };
        Self { steps: Vec::new(), shown, notified: false, tick_is_due: false, look_is_due: false }
    }

    /// The steps since the last call.
    pub(super) fn take(&mut self) -> Vec<Step> {
        if std::mem::take(&mut self.shown.has_changed) {
            self.steps.push(Step::Publish(self.shown.report.clone()));
        }
        std::mem::take(&mut self.steps)
    }

    pub(super) fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(super) fn refuse(&mut self, id: QuestionId, refusal: Refusal) {
        self.steps.push(Step::Refuse(id, refusal));
    }

    pub(super) fn grant_all(&mut self, entries: Vec<Entry>) {
        self.steps.extend(entries.into_iter().map(|entry| Step::Grant(entry.id)));
    }

    pub(super) fn refuse_all(&mut self, entries: Vec<Entry>, refusal: &Refusal) {
        self.steps.extend(entries.into_iter().map(|entry| Step::Refuse(entry.id, refusal.clone())));
    }

    /// Looks once for many changes.
    pub(super) fn look_soon(&mut self) {
        if !std::mem::replace(&mut self.look_is_due, true) {
            self.steps.push(Step::LookAfter(EVENT_DEBOUNCE));
        }
    }

    pub(super) fn note_look(&mut self) {
        self.look_is_due = false;
    }

    pub(super) fn tick_later(&mut self) {
        if !std::mem::replace(&mut self.tick_is_due, true) {
            self.steps.push(Step::TickAfter(TICK));
        }
    }

    pub(super) fn note_tick(&mut self) {
        self.tick_is_due = false;
    }

    /// Notifies the person, at most once until the next good read.
    pub(super) fn notify(&mut self) {
        if !std::mem::replace(&mut self.notified, true) {
            self.steps.push(Step::Notify);
        }
    }

    pub(super) fn note_good_read(&mut self) {
        self.notified = false;
    }

    pub(super) fn show(&mut self, state: SecretsState, detail: impl Into<String>) {
        self.shown.set(state, detail.into(), words::hints(state, None));
    }

    pub(super) fn show_ready(&mut self, vault: &Vault, detail: String) {
        self.shown.set(SecretsState::Ready, detail, words::hints(SecretsState::Ready, Some(vault)));
    }

    /// Shows the progress of the current read, or the reason why no secrets are held.
    pub(super) fn show_nothing_held(&mut self, progress: Option<Progress>, idle: impl Into<String>) {
        match progress.map(words::while_waiting) {
            Some((state, detail)) => self.show(state, detail),
            None => self.show(SecretsState::Idle, idle),
        }
    }

    pub(super) fn show_kind(&mut self, kind: Option<&'static str>) {
        self.shown.has_changed |= self.shown.report.kind != kind;
        self.shown.report.kind = kind;
    }

    pub(super) fn show_names(&mut self, names: Arc<[Name]>, loaded: Option<Instant>) {
        (self.shown.report.names, self.shown.report.loaded) = (names, loaded);
        self.shown.has_changed = true;
    }
}
