//! The agreement of reads of a source, which decides which reads count.
//!
//! Every read of a source without other readers counts. If another program reads a shared source, each reader gets
//! pieces, and pieces can look whole. So a read of a shared source that ends in mid-line, or that has new content,
//! counts only when the next read has the same content.

use std::sync::Arc;

use policy::secrets::file::Malformed;
use policy::secrets::fingerprint::TableFingerprint;
use policy::secrets::table::Table;

use crate::limits::DISAGREEING_READS_MAX;

/// The part of a read that counts.
#[derive(Debug)]
pub(super) enum Confidence {
    /// All of the read. `changed`: the table differs from the last confirmed table.
    Confirmed { table: Table, changed: bool },
    /// Only the content that is also in the last confirmed table, until another read agrees.
    InCommon { table: Table, before: Arc<TableFingerprint> },
    /// Nothing of the read, until another read agrees.
    Unconfirmed,
    /// Nothing of the read: several reads all differ.
    Contradictory,
}

/// The content of earlier reads, without values.
#[derive(Debug, Default)]
pub(super) struct Confirmer {
    /// The last confirmed read.
    confirmed: Option<Arc<TableFingerprint>>,
    /// The last read, if it is unconfirmed.
    candidate: Option<TableFingerprint>,
    disagreements: u32,
    /// A read after the last confirmed read was malformed, as after another program took a part.
    had_broken_read: bool,
}

impl Confirmer {
    /// Parses a read and compares it with earlier reads. After a malformed read the next read does not count alone.
    pub(super) fn read(&mut self, text: &[u8], is_shared: bool) -> Result<Confidence, Malformed> {
        let table = Table::read(text).inspect_err(|_| self.note_broken_read())?;
        Ok(self.check(table, is_shared, text.ends_with(b"\n")))
    }

    fn note_broken_read(&mut self) {
        self.had_broken_read = true;
    }

    /// Compares a read with earlier reads. `is_shared`: other programs may take parts of the text.
    /// `ends_in_line`: the text ends with a line end.
    pub(super) fn check(&mut self, table: Table, is_shared: bool, ends_in_line: bool) -> Confidence {
        let same = self.confirmed.as_ref().is_some_and(|confirmed| confirmed.matches(&table));
        let agreed = match (&self.candidate, &self.confirmed) {
            _ if same || !is_shared => true,
            (Some(candidate), _) => candidate.matches(&table),
            (None, confirmed) => confirmed.is_none() && ends_in_line && !self.had_broken_read,
        };
        if agreed {
            *self = Self { confirmed: Some(Arc::new(TableFingerprint::of(&table))), ..Self::default() };
            return Confidence::Confirmed { table, changed: !same };
        }
        self.candidate = Some(TableFingerprint::of(&table));
        self.disagreements += 1;
        if self.disagreements >= DISAGREEING_READS_MAX {
            self.disagreements = 0;
            return Confidence::Contradictory;
        }
        match self.confirmed.clone() {
            Some(before) => Confidence::InCommon { table, before },
            None => Confidence::Unconfirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "A=1\nA_HOSTS=a.example\n";
    const OTHER: &str = "A=1\nA_HOSTS=b.example\n";
    const THIRD: &str = "A=2\nA_HOSTS=a.example\n";

    /// The part of each read of a shared source that counts, as a letter: (w)hole, in (c)ommon, (n)othing,
    /// contradictory (x).
    fn outcomes(reads: &[&str]) -> String {
        let mut confirmer = Confirmer::default();
        let checked = reads.iter().map(|text| {
            let table = Table::read(text.as_bytes()).expect("well-formed");
            match confirmer.check(table, true, text.ends_with('\n')) {
                Confidence::Confirmed { .. } => 'w',
                Confidence::InCommon { .. } => 'c',
                Confidence::Unconfirmed => 'n',
                Confidence::Contradictory => 'x',
            }
        });
        checked.collect()
    }

    #[test]
    fn a_shared_source_counts_when_two_reads_agree() {
        let (cut, other_cut) = ("A=1\nA_HOSTS=a.exam", "A=1\nA_HOSTS=a");
        for (reads, expected) in [
            (&[WHOLE, WHOLE][..], "ww"),
            (&[WHOLE, OTHER, OTHER, OTHER], "wcww"),
            (&[WHOLE, OTHER, WHOLE, OTHER, OTHER], "wcwcw"),
            (&[WHOLE, OTHER, THIRD, THIRD], "wccw"),
            (&[WHOLE, OTHER, THIRD, OTHER, OTHER], "wccxw"),
            (&[cut, cut], "nw"),
            (&[cut, WHOLE, WHOLE], "nnw"),
            (&[cut, WHOLE, cut, cut], "nnxw"),
            (&[WHOLE, cut, WHOLE], "wcw"),
            (&[WHOLE, cut, other_cut, cut], "wccx"),
        ] {
            assert_eq!(outcomes(reads), expected, "{reads:?}");
        }
    }

    #[test]
    fn after_a_broken_read_the_next_does_not_count_by_itself() {
        let mut confirmer = Confirmer::default();
        confirmer.note_broken_read();
        let mut check = |text: &str| confirmer.check(Table::read(text.as_bytes()).expect("good"), true, true);
        assert!(matches!(check(OTHER), Confidence::Unconfirmed));
        assert!(matches!(check(WHOLE), Confidence::Unconfirmed));
        assert!(matches!(check(WHOLE), Confidence::Confirmed { .. }));
    }

    #[test]
    fn a_source_that_is_not_shared_counts_as_it_stands() {
        let mut confirmer = Confirmer::default();
        for text in [WHOLE, OTHER, "A=1\nA_HOSTS=c.example"] {
            let table = Table::read(text.as_bytes()).expect("well-formed");
            assert!(matches!(confirmer.check(table, false, false), Confidence::Confirmed { changed: true, .. }));
        }
    }
}
