//! The questions that wait for a read, in the order of arrival.
//!
//! `limits.rs` has the times: `REQUEST_WAIT`, `UNSERVED_WAIT` and `DRAINING_WAIT`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::want::{QuestionId, Want};
use crate::limits::{DRAINING_WAIT, REQUEST_WAIT, UNSERVED_WAIT};
use crate::secret_store::vault::Vault;

pub(super) struct Waiting {
    entries: Vec<Entry>,
    /// How long each question may wait.
    patience: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: QuestionId,
    pub(super) want: Want,
    pub(super) since: Instant,
}

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

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(super) fn forget(&mut self, abandoned: &HashSet<QuestionId>) {
        self.entries.retain(|entry| !abandoned.contains(&entry.id));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn has_request(&self) -> bool {
        self.entries.iter().any(|entry| entry.want.is_request())
    }

    /// Takes the entries that a read which has just ended is enough for.
    pub(super) fn take_met(&mut self, vault: &Vault) -> Vec<Entry> {
        self.entries.extract_if(.., |entry| entry.want.is_met_by_new(vault)).collect()
    }

    /// Takes the `reload` commands.
    pub(super) fn take_reloads(&mut self) -> Vec<Entry> {
        self.entries.extract_if(.., |entry| !entry.want.is_request()).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Takes the entries that have waited long enough. The limit is shorter while no program serves the source; the
    /// longer limit holds in any case.
    pub(super) fn take_overdue(&mut self, unserved_since: Option<Instant>, now: Instant) -> Vec<Entry> {
        let patience = self.patience;
        let has_waited = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        let is_overdue = |entry: &mut Entry| {
            let unserved = unserved_since.is_some_and(|since| has_waited(since.max(entry.since), UNSERVED_WAIT));
            unserved || has_waited(entry.since, patience)
        };
        self.entries.extract_if(.., is_overdue).collect()
    }
}
