//! The current read: one at a time for all waiting requests.

use std::time::{Duration, Instant};

use super::event::ReadNumber;
use crate::secret_store::sources::Progress;

#[derive(Default)]
pub(super) struct Reads {
    count: ReadNumber,
    under_way: Option<Read>,
}

struct Read {
    progress: Option<Progress>,
    /// The time of the last reported progress.
    since: Instant,
    /// The time at which a request last wanted the read.
    wanted: Instant,
}

impl Reads {
    /// Keeps the current read open, or returns the number of a read to start.
    pub(super) fn want(&mut self, now: Instant) -> Option<ReadNumber> {
        if let Some(read) = &mut self.under_way {
            read.wanted = now;
            return None;
        }
        self.count += 1;
        self.under_way = Some(Read { progress: None, since: now, wanted: now });
        Some(self.count)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether the progress is that of the current read.
    pub(super) fn note(&mut self, number: ReadNumber, progress: Progress, now: Instant) -> bool {
        let Some(read) = self.under_way.as_mut().filter(|_| number == self.count) else { return false };
        (read.progress, read.since) = (Some(progress), now);
        true
    }

    /// Whether the current read has ended.
    pub(super) fn end(&mut self, number: ReadNumber) -> bool {
        number == self.count && self.under_way.take().is_some()
    }

    pub(super) fn abort(&mut self) {
        self.under_way = None;
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        self.under_way.as_ref().and_then(|read| read.progress)
    }

    pub(super) fn unserved_since(&self) -> Option<Instant> {
        let read = self.under_way.as_ref().filter(|read| read.progress == Some(Progress::Unserved));
        read.map(|read| read.since)
    }

    /// Whether no request has wanted the read for this time.
    pub(super) fn is_unwanted_for(&self, wait: Duration, now: Instant) -> bool {
        self.under_way.as_ref().is_some_and(|read| now.saturating_duration_since(read.wanted) >= wait)
    }
}
