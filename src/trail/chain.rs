//! The hash chain: whether every line continues the one before it.
//!
//! Each record has a number, `seq`, and in `prev` the hash of the line before. A `chain_start`
//! record says why a chain starts anew; a `pruned` record says up to which one the oldest records
//! were deleted on purpose. Whatever else does not fit is a fault.

use std::io;

use super::digest::Digest;
use super::fault::{Fault, Misfit, diagnose};
use super::link::{Head, Link, Prev};
use super::pin::Pin;
use super::record::{Outcome, Record};
use super::{Place, Trail};

/// What was found of the chain.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) records: u64,
    pub(crate) first_timestamp: String,
    pub(crate) last_timestamp: String,
    pub(crate) notes: Vec<Note>,
    /// In the order of the lines; none if all is well.
    pub(crate) faults: Vec<Fault>,
    before: Option<Link>,
    last: Option<Link>,
    /// The oldest record, if none has told yet what became of those before it.
    headless: Option<Link>,
    /// Lines before the first chain, as those of the script that we replace: where, and how many.
    unchained: Option<(Place, u64)>,
    pin: Pin,
}

/// What the chain tells of itself, and a person should know.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) place: Place,
    pub(crate) what: String,
}

/// Reads the whole trail, up to the first line that does not fit.
pub(crate) fn check(trail: &mut Trail, pinned: Option<Head>) -> io::Result<Chain> {
    let mut chain = Chain { pin: Pin::of(pinned), ..Chain::default() };
    while trail.advance()? {
        let Some(current) = trail.line() else { break };
        let record = Record::read(current.text);
        let link = record.as_ref().and_then(|record| Link::read(record, &current));
        let misfit = match &record {
            Some(record) if chain.take(record, link.as_ref(), &current.place) => continue,
            Some(_) => link.ok_or((current.place, "has no place in the chain")),
            None => Err((current.place, "is not a record")),
        };
        let fault = chain.fault(misfit, next_link(trail)?.as_ref());
        chain.faults.push(fault);
        break;
    }
    chain.finish(Place { path: trail.live_path().into(), line: 0 });
    Ok(chain)
}

fn next_link(trail: &mut Trail) -> io::Result<Option<Link>> {
    let is_there = trail.advance()?;
    let line = trail.line().filter(|_| is_there);
    Ok(line.and_then(|line| Link::read(&Record::read(line.text)?, &line)))
}

impl Chain {
    /// The last record that fits.
    pub(crate) fn head(&self) -> Option<Head> {
        self.last.as_ref().map(Link::head)
    }

    /// Takes the next line, if it fits.
    fn take(&mut self, record: &Record<'_>, link: Option<&Link>, place: &Place) -> bool {
        let fits = match (link, &self.last) {
            (Some(link), Some(last)) => link.starts || link.continues(last),
            (Some(link), None) => self.may_be_oldest(link),
            (None, Some(_)) => false,
            (None, None) => record.prev.is_none(),
        };
        if !fits {
            return false;
        }
        match link {
            Some(link) => self.tie(record, link),
            None => self.unchained.get_or_insert_with(|| (place.clone(), 0)).1 += 1,
        }
        if self.records == 0 {
            record.timestamp.clone_into(&mut self.first_timestamp);
        }
        record.timestamp.clone_into(&mut self.last_timestamp);
        self.records += 1;
        true
    }

    /// Whether the oldest record may be what it is. If it is not the first of its chain, a later one
    /// has to tell why.
    fn may_be_oldest(&mut self, link: &Link) -> bool {
        let is_first = link.seq == 1 && link.prev == Prev::None;
        let is_headless = link.seq > 1 && link.head_before().is_some();
        if is_headless {
            self.headless = Some(link.clone());
        }
        // Lines without a place are for a chain that says that it starts after them.
        link.starts || (is_first || is_headless) && self.unchained.is_none()
    }

    fn tie(&mut self, record: &Record<'_>, link: &Link) {
        let reason = record.reason.as_deref().unwrap_or("no reason is given");
        if link.starts && (self.last.is_some() || link.seq > 1) {
            self.note(link, format!("the chain starts anew: {reason}"));
        }
        if record.outcome == Some(Outcome::Pruned)
            && let Some(through) = &record.through
            && let Some(hash) = Digest::parse(&through.hash)
        {
            self.prune(Head { seq: through.seq, hash }, reason, link);
        }
        self.pin.look_at(link);
        self.before = self.last.replace(link.clone());
    }

    /// Old records were deleted on purpose.
    fn prune(&mut self, through: Head, reason: &str, link: &Link) {
        self.pin.look_at_pruned(through, &link.place);
        if self.headless.as_ref().and_then(Link::head_before) == Some(through) {
            self.headless = None;
            self.note(link, format!("the records up to {} were deleted on purpose: {reason}", through.seq));
        }
    }

    fn note(&mut self, link: &Link, what: String) {
        self.notes.push(Note { place: link.place.clone(), what });
    }

    fn fault(&self, misfit: Misfit, next: Option<&Link>) -> Fault {
        match (&self.last, misfit, &self.unchained) {
            (Some(last), misfit, _) => diagnose(self.before.as_ref(), last, misfit, next),
            (None, Ok(_), Some((first, _))) => Fault::at(first, 0, "has no place in the chain"),
            (None, Ok(link), None) => Fault::at(&link.place, link.seq, "was changed, or was not the first record"),
            (None, Err((place, what)), _) => Fault::at(&place, 1, what),
        }
    }

    /// What only the whole trail can tell.
    fn finish(&mut self, live: Place) {
        if let Some(link) = &self.headless {
            let what = "the records before this line are missing, and none says that they were deleted on purpose";
            self.faults.insert(0, Fault::at(&link.place, link.seq, what));
        }
        if let Some((place, lines)) = &self.unchained {
            let what = format!("{lines} lines from here on are older than the chain, which does not protect them");
            self.notes.insert(0, Note { place: place.clone(), what });
        }
        if self.faults.is_empty() {
            self.faults.extend(self.pin.fault(self.last.as_ref(), live));
        }
    }
}
