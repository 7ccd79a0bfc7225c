//! The records that outlive the files that they stood in: refusals, and notices about the chain.
//!
//! They stand in a file of their own, each line as it was. They are no whole chain any more, so that the notice about the
//! deletion holds their number and a hash over them: whoever changes, removes or adds one has to rewrite the chain, too.

use std::collections::HashSet;

use policy::record::{self, Record};

use super::digest::Digest;
use super::fault::Fault;
use super::lines::{Line, Place};
use super::link::Link;
use super::names::KEPT;

/// A hash over lines, and how many there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sum {
    pub(crate) records: u64,
    hash: Option<Digest>,
}

impl Sum {
    fn of(lines: &[Digest]) -> Self {
        let mut sum = Self::default();
        lines.iter().for_each(|line| sum.add(*line));
        sum
    }

    /// Adds a line, of which this is the hash.
    pub(crate) fn add(&mut self, line: Digest) {
        let before = self.hash.map(|hash| hash.to_string()).unwrap_or_default();
        *self = Self { records: self.records + 1, hash: Some(Digest::of(format!("{before}{line}").as_bytes())) };
    }

    /// As a notice holds it.
    pub(crate) fn in_notice(self) -> record::Kept<'static> {
        let hash = self.hash.map(|hash| hash.to_string()).unwrap_or_default();
        record::Kept { records: self.records, hash: hash.into() }
    }
}

/// What was read of the file, and what the chain says about it.
#[derive(Debug, Default)]
pub(super) struct KeptLines {
    place: Option<Place>,
    lines: Vec<Digest>,
    /// A line that is not a record.
    broken: Option<Fault>,
    /// What the last notice about a deletion says is kept, and where it stands.
    noticed: Option<(record::Kept<'static>, Link)>,
    /// Records of the chain that would be kept: after a kill, some stand in both.
    in_chain: HashSet<Digest>,
}

impl KeptLines {
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Takes the next line of the file.
    pub(super) fn add(&mut self, line: &Line<'_>) {
        if Record::read(line.text).is_none() && self.broken.is_none() {
            self.broken = Some(Fault::at(&line.place, 0, "is not a record"));
        }
        self.place.get_or_insert_with(|| line.place.clone());
        self.lines.push(Digest::of(line.text));
    }

    /// Takes the next record of the chain.
    pub(super) fn look_at(&mut self, record: &Record<'_>, link: &Link) {
        if record.event.is_evidence() {
            self.in_chain.insert(link.hash);
        }
        if let Some(kept) = record.notice().and_then(|notice| notice.kept.as_ref()) {
            let kept = record::Kept { records: kept.records, hash: kept.hash.to_string().into() };
            self.noticed = Some((kept, link.clone()));
        }
    }

    /// What is wrong with the file, if the chain is whole.
    pub(super) fn fault(self) -> Option<Fault> {
        if self.broken.is_some() {
            return self.broken;
        }
        let noticed = self.noticed.as_ref().map_or(0, |(kept, _)| kept.records);
        let noticed = usize::try_from(noticed).unwrap_or(usize::MAX).min(self.lines.len());
        let (known, later) = self.lines.split_at(noticed);
        if let Some((kept, link)) = &self.noticed
            && Sum::of(known).in_notice() != *kept
        {
            let what = format!("does not fit the records in {KEPT}: one was changed, removed or added there");
            return Some(Fault::at(&link.place, link.seq, what));
        }
        let added = later.iter().position(|line| !self.in_chain.contains(line))?;
        let place = Place { line: (noticed + added + 1) as u64, ..self.place? };
        Some(Fault::at(&place, 0, "was added: no record says that it was kept"))
    }
}
