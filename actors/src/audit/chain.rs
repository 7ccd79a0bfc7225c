//! The hash chain as it is written: where it stands, and where it continues after a restart.

use std::fs::File;
use std::path::Path;

use policy::record::Record;

use crate::trail::{Digest, Head, Tail, beside};

/// The end of the chain, which the next record continues.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    /// The number of the last record.
    pub(super) seq: u64,
    /// The hash of its line; `None` where a chain starts.
    hash: Option<Digest>,
}

impl From<Head> for Chain {
    fn from(Head { seq, hash }: Head) -> Self {
        Self { seq, hash: Some(hash) }
    }
}

impl Chain {
    /// Gives a record the next place, and adds its line.
    pub(super) fn add(&mut self, record: &mut Record<'_>, lines: &mut Vec<u8>) {
        let (start, seq) = (lines.len(), self.seq + 1);
        let prev = self.hash.map(|hash| hash.to_string()).unwrap_or_default();
        (record.seq, record.prev) = (Some(seq), Some(prev.into()));
        record.add_line(lines);
        let line = lines.get(start..).unwrap_or_default();
        *self = Self { seq, hash: Some(Digest::of(line.strip_suffix(b"\n").unwrap_or(line))) };
    }

    /// The last record, if there is one in this chain.
    pub(super) fn head(&self) -> Option<Head> {
        Some(Head { seq: self.seq, hash: self.hash? })
    }

    /// Where the chain continues in a new file: after the last record of any other file, or of this process.
    pub(super) fn in_new_file(live: &Path, last: Option<Head>) -> Self {
        latest(live, last).map_or_else(Self::default, Self::from)
    }

    /// Where the chain continues in a file that is not empty, and whether a new chain starts there: its last line
    /// is no record, or an older one than the last that was written. Numbers go on in any case, so that no two
    /// records, and no two files, get the same.
    pub(super) fn in_file(tail: &Tail, live: &Path, last: Option<Head>) -> (Self, bool) {
        match (tail.head(), last) {
            (Some(head), None) => (head.into(), false),
            (Some(head), Some(last)) if head.seq > last.seq || head == last => (head.into(), false),
            (_, last) => {
                let known = latest(live, last).map_or(0, |head| head.seq);
                (Self { seq: known.max(tail.seq()), hash: None }, true)
            }
        }
    }
}

/// The last record of the files that were rotated, by the daemon or by another program, or of this process.
fn latest(live: &Path, last: Option<Head>) -> Option<Head> {
    let ends = beside(live).into_iter().filter_map(|path| Tail::read(&File::open(path).ok()?).ok()?.head());
    ends.chain(last).max_by_key(|head| head.seq)
}
