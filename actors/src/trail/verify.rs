//! The hash chain: whether every line continues the one before it.
//!
//! Each record has a number, `seq`, and in `prev` the hash of the line before. A `chain_start`
//! record gives the reason why a new chain starts; a `pruned` record names the last one of the oldest records
//! that were deleted on purpose. Everything else that does not fit is a fault.

use std::io;

use policy::record::{Notice, Outcome, Record};

use super::digest::Digest;
use super::fault::{Fault, Misfit, diagnose};
use super::kept::KeptLines;
use super::lines::Place;
use super::link::{Head, Link, Prev};
use super::names::is_kept;
use super::pin::Pin;
use super::reader::Trail;

/// What was found of the chain.
#[derive(Debug, Default)]
pub struct Verification {
    /// How many lines fit.
    pub records: u64,
    /// Of the first record, as it stands there.
    pub first_timestamp: String,
    /// Of the last record that fits.
    pub last_timestamp: String,
    /// In the order of the lines.
    pub remarks: Vec<Remark>,
    /// In the order of the lines; none if the chain is whole.
    pub faults: Vec<Fault>,
    before: Option<Link>,
    last: Option<Link>,
    /// The oldest record, while no notice explains why those before it are missing.
    headless: Option<Link>,
    /// Lines before the first chain, such as those of the script that this program replaces: where, and how many.
    unchained: Option<(Place, u64)>,
    kept: KeptLines,
    pin: Pin,
}

/// A gap or a new start that the records themselves explain.
#[derive(Debug)]
pub struct Remark {
    /// Where it stands.
    pub place: Place,
    /// The explanation.
    pub what: String,
}

/// Reads the whole trail, up to the first line that does not fit.
///
/// # Errors
/// A file cannot be read.
pub fn verify(trail: &mut Trail, pinned: Option<Head>) -> io::Result<Verification> {
    let mut found = Verification { pin: Pin::of(pinned), ..Verification::default() };
    while trail.advance()? {
        let Some(current) = trail.line() else { break };
        if is_kept(&current.place.path) {
            found.kept.add(&current);
            continue;
        }
        let record = Record::read(current.text);
        let link = record.as_ref().and_then(|record| Link::read(record, &current));
        let misfit = match &record {
            Some(record) if found.take(record, link.as_ref(), &current.place) => continue,
            Some(_) => link.ok_or((current.place, "has no place in the chain")),
            None => Err((current.place, "is not a record")),
        };
        let fault = found.fault(misfit, next_link(trail)?.as_ref());
        found.faults.push(fault);
        break;
    }
    found.finish(Place { path: trail.live_path().into(), line: 0 });
    Ok(found)
}

fn next_link(trail: &mut Trail) -> io::Result<Option<Link>> {
    let is_there = trail.advance()?;
    let line = trail.line().filter(|_| is_there);
    Ok(line.and_then(|line| Link::read(&Record::read(line.text)?, &line)))
}

impl Verification {
    /// The last record that fits.
    pub fn head(&self) -> Option<Head> {
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
            (*record.timestamp).clone_into(&mut self.first_timestamp);
        }
        (*record.timestamp).clone_into(&mut self.last_timestamp);
        self.records += 1;
        true
    }

    /// Whether this may be the oldest record. If it is not the first of its chain, a later notice
    /// has to give the reason.
    fn may_be_oldest(&mut self, link: &Link) -> bool {
        let is_first = link.seq == 1 && link.prev == Prev::None;
        let is_headless = link.seq > 1 && link.head_before().is_some();
        if is_headless {
            self.headless = Some(link.clone());
        }
        // After lines without a place, a chain begins with a notice that it starts.
        link.starts || (is_first || is_headless) && self.unchained.is_none()
    }

    fn tie(&mut self, record: &Record<'_>, link: &Link) {
        if let Some(notice) = record.notice() {
            self.heed(notice, link);
        }
        self.pin.look_at(link);
        self.kept.look_at(record, link);
        self.before = self.last.replace(link.clone());
    }

    /// What a notice explains.
    fn heed(&mut self, notice: &Notice<'_>, link: &Link) {
        let reason = if notice.reason.is_empty() { "no reason is given" } else { &*notice.reason };
        if link.starts && (self.last.is_some() || link.seq > 1) {
            self.remark(link, format!("a new chain starts: {reason}"));
        }
        if notice.outcome == Outcome::Pruned
            && let Some(through) = &notice.through
            && let Some(hash) = Digest::parse(&through.hash)
        {
            self.prune(Head { seq: through.seq, hash }, reason, link);
        }
    }

    /// Old records were deleted on purpose.
    fn prune(&mut self, through: Head, reason: &str, link: &Link) {
        self.pin.look_at_pruned(through, &link.place);
        if self.headless.as_ref().and_then(Link::head_before) == Some(through) {
            self.headless = None;
            self.remark(link, format!("the records up to {} were deleted on purpose: {reason}", through.seq));
        }
    }

    fn remark(&mut self, link: &Link, what: String) {
        self.remarks.push(Remark { place: link.place.clone(), what });
    }

    fn fault(&self, misfit: Misfit, next: Option<&Link>) -> Fault {
        match (&self.last, misfit, &self.unchained) {
            (Some(last), misfit, _) => diagnose(self.before.as_ref(), last, misfit, next),
            (None, Ok(_), Some((first, _))) => Fault::at(first, 0, "has no place in the chain"),
            (None, Ok(link), None) => Fault::at(&link.place, link.seq, "was changed, or was not the first record"),
            (None, Err((place, what)), _) => Fault::at(&place, 1, what),
        }
    }

    /// What only the end of the trail shows.
    fn finish(&mut self, live: Place) {
        if let Some(link) = &self.headless {
            let what = "the records before this line are missing, and none says that they were deleted on purpose";
            self.faults.insert(0, Fault::at(&link.place, link.seq, what));
        }
        if let Some((place, lines)) = &self.unchained {
            let what = format!("{lines} lines from here on are older than the chain, which does not protect them");
            self.remarks.insert(0, Remark { place: place.clone(), what });
        }
        let kept = std::mem::take(&mut self.kept);
        if let Some(place) = kept.place() {
            let what = format!("{} records were kept when the files that they stood in were deleted", kept.count());
            self.remarks.insert(0, Remark { place: place.clone(), what });
        }
        if self.faults.is_empty() {
            self.faults.extend(kept.fault().or_else(|| self.pin.fault(self.last.as_ref(), live)));
        }
    }
}
