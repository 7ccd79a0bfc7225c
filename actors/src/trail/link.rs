//! A line's place in the chain.

use std::fmt;
use std::str::FromStr;

use policy::record::{Outcome, Record};

use super::digest::Digest;
use super::lines::{Line, Place};

/// What ties a line to its neighbours.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) place: Place,
    pub(super) seq: u64,
    pub(super) prev: Prev,
    pub(super) hash: Digest,
    /// Whether it is a notice that a chain starts here.
    pub(super) starts: bool,
}

/// What `prev` of a line names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prev {
    /// No line before.
    None,
    /// The line with this hash.
    Hash(Digest),
    /// A text that the daemon never writes.
    Malformed,
}

impl Prev {
    fn read(text: Option<&str>) -> Self {
        match text {
            // Empty, too.
            Some(text) if text.bytes().all(|byte| byte == b'0') => Self::None,
            text => text.and_then(Digest::parse).map_or(Self::Malformed, Self::Hash),
        }
    }
}

impl Link {
    /// `None` if the record has no number.
    pub(super) fn read(record: &Record<'_>, line: &Line<'_>) -> Option<Self> {
        let prev = Prev::read(record.prev.as_deref());
        let starts = prev == Prev::None && record.notice().is_some_and(|it| it.outcome == Outcome::ChainStart);
        Some(Self { place: line.place.clone(), seq: record.seq?, prev, hash: Digest::of(line.text), starts })
    }

    pub(super) fn continues(&self, before: &Self) -> bool {
        Some(self.seq) == before.seq.checked_add(1) && self.prev == Prev::Hash(before.hash)
    }

    pub(super) fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// The record before it, as this one names it.
    pub(super) fn head_before(&self) -> Option<Head> {
        match self.prev {
            Prev::Hash(hash) => Some(Head { seq: self.seq.checked_sub(1)?, hash }),
            Prev::None | Prev::Malformed => None,
        }
    }
}

/// A record's number and hash. Through `prev`, the hash covers all records before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// The number of the record.
    pub seq: u64,
    /// The hash of its line.
    pub hash: Digest,
}

impl Head {
    /// Of a line without its end; `None` if it is not a record with a number.
    pub fn of(line: &[u8]) -> Option<Self> {
        Some(Self { seq: Record::read(line)?.seq?, hash: Digest::of(line) })
    }
}

impl FromStr for Head {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (seq, hash) = text.split_once(':').ok_or(())?;
        Ok(Self { seq: seq.parse().map_err(drop)?, hash: Digest::parse(hash).ok_or(())? })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}
