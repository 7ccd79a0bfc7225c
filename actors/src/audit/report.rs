//! The audit owner's part of the status report.

use std::path::PathBuf;

use policy::record::Event;

use crate::supervision::part::{self, Counter};
use crate::trail::Head;

/// Lent by boot.
pub(crate) type Part = part::Part<Report, Counters>;

/// The state of the audit file.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) path: PathBuf,
    /// The last record that this process has written.
    pub(crate) head: Option<Head>,
    pub(crate) last_error: Option<String>,
    /// Free space for records, once it is known.
    pub(crate) free_bytes: Option<u64>,
    pub(crate) low_space: bool,
}

impl Report {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, head: None, last_error: None, free_bytes: None, low_space: false }
    }
}

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Attempts that were recorded.
    pub(crate) records: Counter,
    /// Refusals: those among them, and those that share a record.
    pub(crate) refused: Counter,
    /// Refusals that share a record.
    pub(crate) refused_together: Counter,
    /// Records that could not be written.
    pub(crate) unrecorded: Counter,
}

impl Counters {
    /// Counts a record that was written.
    pub(super) fn note(&self, event: &Event<'_>) {
        let refusals = event.refusals();
        self.refused.add(refusals);
        match event {
            Event::Attempt(_) => self.records.add_one(),
            Event::Notice(_) => self.refused_together.add(refusals),
        }
    }
}
