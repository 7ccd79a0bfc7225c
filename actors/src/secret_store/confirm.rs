//! Whether reads of a source agree, and so which of them count.
//!
//! A source that nobody else reads is taken at its word. Another program may read a shared one as well, and
//! then each reader gets pieces, which can look whole: a read that ends in mid-line, or that says something
//! new, counts only when the next one says the same.

use std::sync::Arc;

use policy::secrets::file::Malformed;
use policy::secrets::fingerprint::TableFingerprint;
use policy::secrets::table::Table;

use crate::limits::DISAGREEING_READS_MAX;

/// How far a read counts.
#[derive(Debug)]
pub(super) enum Confidence {
    /// All of it. `changed`: it differs from the last confirmed table.
    Confirmed { table: Table, changed: bool },
    /// Only what it has in common with the last confirmed table, until another read agrees.
    InCommon { table: Table, before: Arc<TableFingerprint> },
    /// Nothing of it, until another read agrees.
    Unconfirmed,
    /// Nothing of it: each of several reads says something else.
    Contradictory,
}

/// Remembers what earlier reads said, without their values.
#[derive(Debug, Default)]
pub(super) struct Confirmer {
    /// The last confirmed read.
    confirmed: Option<Arc<TableFingerprint>>,
    /// The last read, if it is not confirmed.
    candidate: Option<TableFingerprint>,
    disagreements: u32,
    /// A read since the last confirmed one was broken, as it is when another program takes a part.
    had_broken_read: bool,
}

impl Confirmer {
    /// Parses a read and compares it with those before. After a malformed one the next does not count by itself.
    pub(super) fn read(&mut self, text: &[u8], is_shared: bool) -> Result<Confidence, Malformed> {
        let table = Table::read(text).inspect_err(|_| self.note_broken_read())?;
        Ok(self.check(table, is_shared, text.ends_with(b"\n")))
    }

    fn note_broken_read(&mut self) {
        self.had_broken_read = true;
    }

    /// Compares a read with those before. `is_shared`: other programs may take parts of the text.
    /// `ends_in_line`: the text ends where a line does.
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

    /// How far each of these reads of a shared source counts, in a letter: (w)hole, in (c)ommon, (n)othing, (x).
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
