//! The questions that wait for a read, in the order of arrival.
//!
//! `limits.rs` has the times: `REQUEST_WAIT`, `UNSERVED_WAIT` and `DRAINING_WAIT`.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use policy::verdict::refusal::Refusal;

use super::question::{Answer, Question, QuestionId};
use crate::limits::{DRAINING_WAIT, REQUEST_WAIT, UNSERVED_WAIT};
use crate::secret_store::vault::Vault;

pub(super) struct Waiting {
    entries: Vec<Entry>,
    /// How long each question may wait.
    patience: Duration,
}

struct Entry {
    id: QuestionId,
    question: Question,
    since: Instant,
}

impl Entry {
    fn refuse(self, refusal: &Refusal) -> (QuestionId, Answer) {
        (self.id, self.question.refuse(refusal.clone()))
    }
}

/// Answers, each with the question.
pub(super) type Answers = Vec<(QuestionId, Answer)>;

impl Default for Waiting {
    fn default() -> Self {
        Self { entries: Vec::new(), patience: REQUEST_WAIT }
    }
}

impl Waiting {
    /// From now on no question waits long.
    pub(super) fn be_brief(&mut self) {
        self.patience = DRAINING_WAIT;
    }

    pub(super) fn push(&mut self, id: QuestionId, question: Question, now: Instant) {
        self.entries.push(Entry { id, question, since: now });
    }

    pub(super) fn forget(&mut self, abandoned: &HashSet<QuestionId>) {
        self.entries.retain(|entry| !abandoned.contains(&entry.id));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn has_request(&self) -> bool {
        self.entries.iter().any(|entry| entry.question.is_request())
    }

    /// Answers the questions that a vault can answer after a read.
    pub(super) fn answer(&mut self, vault: &Vault) -> Answers {
        let mut answers = Vec::new();
        for Entry { id, question, since } in std::mem::take(&mut self.entries) {
            match question.answer(vault) {
                ControlFlow::Break(answer) => answers.push((id, answer)),
                ControlFlow::Continue(question) => self.entries.push(Entry { id, question, since }),
            }
        }
        answers
    }

    /// Answers the `reload` commands that wait for a read.
    pub(super) fn answer_reloads(&mut self) -> Answers {
        let reloads = self.entries.extract_if(.., |entry| !entry.question.is_request());
        reloads.map(|entry| (entry.id, Answer::Reload)).collect()
    }

    pub(super) fn refuse_all(&mut self, refusal: &Refusal) -> Answers {
        self.entries.drain(..).map(|entry| entry.refuse(refusal)).collect()
    }

    /// Refuses the questions that have waited long enough. The limit is shorter while no program serves the source; the
    /// longer limit holds in any case.
    pub(super) fn refuse_overdue(
        &mut self,
        unserved_since: Option<Instant>,
        now: Instant,
        refusal: &Refusal,
    ) -> Answers {
        let patience = self.patience;
        let has_waited = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        let is_overdue = |entry: &mut Entry| {
            let unserved = unserved_since.is_some_and(|since| has_waited(since.max(entry.since), UNSERVED_WAIT));
            unserved || has_waited(entry.since, patience)
        };
        self.entries.extract_if(.., is_overdue).map(|entry| entry.refuse(refusal)).collect()
    }
}
