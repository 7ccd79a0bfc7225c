//! The line that breaks the chain.
//!
//! A line that does not fit is not always the one that was changed: after a changed line, the next one names
//! another hash. So the neighbours decide: which of them still continue each other?

use std::fmt;

use super::lines::Place;
use super::link::{Link, Prev};

/// The first line that was changed, added or moved, or that has records missing before it.
#[derive(Debug, Eq, PartialEq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// The number that the line has, or should have.
    pub seq: u64,
    /// What is wrong with it.
    pub what: String,
}

impl Fault {
    pub(super) fn at(place: &Place, seq: u64, what: impl Into<String>) -> Self {
        Self { place: place.clone(), seq, what: what.into() }
    }

    fn of(link: &Link, what: impl Into<String>) -> Self {
        Self::at(&link.place, link.seq, what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (seq {})", self.place, self.what, self.seq)
    }
}

/// A line that does not fit: its link, or where it stands and what is wrong with it.
pub(super) type Misfit = Result<Link, (Place, &'static str)>;

const ADDED: &str = "was added or moved here: the line after it continues the line before it";
const CHANGED: &str = "was changed after it was written";

/// `line` does not continue `last`; `before` is what `last` continues, `next` what comes after.
pub(super) fn diagnose(before: Option<&Link>, last: &Link, line: Misfit, next: Option<&Link>) -> Fault {
    let expected = last.seq.saturating_add(1);
    let is_surplus = next.is_some_and(|next| next.continues(last));
    let line = match line {
        Err((place, what)) => return Fault::at(&place, expected, if is_surplus { ADDED } else { what }),
        Ok(line) => line,
    };
    if is_surplus {
        Fault::of(&line, ADDED)
    } else if before.is_some_and(|before| line.continues(before)) {
        Fault::of(last, ADDED)
    } else if line.seq == expected {
        changed(last, &line, next)
    } else if line.prev == Prev::Hash(last.hash) {
        Fault::at(&line.place, expected, CHANGED)
    } else if line.seq > expected {
        Fault::of(&line, format!("{} missing before this line", records(expected, line.seq - 1)))
    } else if before.is_none() && next.is_some_and(|next| next.continues(&line)) {
        Fault::of(last, CHANGED)
    } else {
        Fault::of(&line, format!("was copied or moved here: it comes after the record {}", last.seq))
    }
}

/// The numbers fit, the hash does not: either `last` or `line` was changed.
fn changed(last: &Link, line: &Link, next: Option<&Link>) -> Fault {
    match line.prev {
        Prev::Hash(prev) if !prev.resembles(&last.hash) => {}
        _ => return Fault::of(line, CHANGED),
    }
    if next.is_some_and(|next| next.continues(line)) {
        Fault::of(last, CHANGED)
    } else {
        Fault::of(last, "was changed after it was written, or the line after it was")
    }
}

/// `the record 7 is`, or `the records 7 to 9 are`.
pub(super) fn records(first: u64, last: u64) -> String {
    if first == last { format!("the record {first} is") } else { format!("the records {first} to {last} are") }
}
