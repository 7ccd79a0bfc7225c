//! A line's place in the chain.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;
use super::record::{Outcome, Record};
use super::{Line, Place};

/// What ties a line to its neighbours.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) place: Place,
    pub(super) seq: u64,
    pub(super) prev: Prev,
    pub(super) hash: Digest,
    /// Whether it says that a chain starts with it.
    pub(super) starts: bool,
}

/// What a line says of the line before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prev {
    /// There is none.
    None,
    Hash(Digest),
    /// Something that we never write.
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
    /// None if the record has no number.
    pub(super) fn read(record: &Record<'_>, line: &Line<'_>) -> Option<Self> {
        let prev = Prev::read(record.prev.as_deref());
        let starts = record.outcome == Some(Outcome::ChainStart) && prev == Prev::None;
        Some(Self { place: line.place.clone(), seq: record.seq?, prev, hash: Digest::of(line.text), starts })
    }

    pub(super) fn continues(&self, before: &Self) -> bool {
        Some(self.seq) == before.seq.checked_add(1) && self.prev == Prev::Hash(before.hash)
    }

    pub(super) fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// The record that must have stood before, by what this one says.
    pub(super) fn head_before(&self) -> Option<Head> {
        match self.prev {
            Prev::Hash(hash) => Some(Head { seq: self.seq.checked_sub(1)?, hash }),
            Prev::None | Prev::Malformed => None,
        }
    }
}

/// A record's number and hash. They stand for all records before it, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
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
