//! When a read of the mount is believed.
//!
//! A regular file is believed when it stood still. A pipe may be read by another program as well, and
//! then each gets pieces, which can look whole: a read that ends in mid-line, or that says something
//! new, is believed only when the next one says the same.

use std::sync::Arc;

use policy::secrets::imprint::Imprint;
use policy::secrets::table::Table;

use super::sources::Kind;
use crate::limits::DOUBTS_MAX;

/// What became of a read.
#[derive(Debug)]
pub(super) enum Belief {
    /// It is in force. `changed` tells whether it differs from the table before.
    Whole { table: Table, changed: bool },
    /// Only what the table before says, too, is in force: read once more.
    InCommon(Table),
    /// Nothing is in force: read once more.
    Nothing,
    /// One read after the other says something else.
    Contradictory,
}

/// Remembers what earlier reads said, without their values.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// The last read that was believed.
    believed: Option<Arc<Imprint>>,
    /// The last read, if it was not.
    doubted: Option<Imprint>,
    doubts: u32,
    /// Whether a read since then came to nothing as it does when another program takes a part.
    disturbed: bool,
}

impl Witness {
    /// A read of a pipe could not be made sense of: the next one is not believed by itself.
    pub(super) fn disturb(&mut self) {
        self.disturbed = true;
    }

    /// Weighs a read. `ends_in_line` tells whether the text ends where a line does.
    pub(super) fn weigh(&mut self, mut table: Table, kind: Kind, ends_in_line: bool) -> Belief {
        let same = self.believed.as_ref().is_some_and(|believed| believed.is_of(&table));
        let agreed = match (&self.doubted, &self.believed) {
            _ if same || kind == Kind::File => true,
            (Some(doubted), _) => doubted.is_of(&table),
            (None, believed) => believed.is_none() && ends_in_line && !self.disturbed,
        };
        if agreed {
            *self = Self { believed: Some(Arc::new(Imprint::of(&table))), ..Self::default() };
            return Belief::Whole { table, changed: !same };
        }
        self.doubted = Some(Imprint::of(&table));
        self.doubts += 1;
        if self.doubts >= DOUBTS_MAX {
            self.doubts = 0;
            return Belief::Contradictory;
        }
        match self.believed.clone() {
            Some(believed) => {
                table.restrict_to(believed);
                Belief::InCommon(table)
            }
            None => Belief::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "A=1\nA_HOSTS=a.example\n";
    const OTHER: &str = "A=1\nA_HOSTS=b.example\n";
    const THIRD: &str = "A=2\nA_HOSTS=a.example\n";

    /// What becomes of each of these reads of a pipe, in a letter: (w)hole, in (c)ommon, (n)othing, (x).
    fn told(reads: &[&str]) -> String {
        let mut witness = Witness::default();
        let weighed = reads.iter().map(|text| {
            let table = Table::read(text.as_bytes()).expect("well-formed");
            match witness.weigh(table, Kind::Pipe, text.ends_with('\n')) {
                Belief::Whole { .. } => 'w',
                Belief::InCommon(table) => {
                    assert!(table.is_restricted());
                    'c'
                }
                Belief::Nothing => 'n',
                Belief::Contradictory => 'x',
            }
        });
        weighed.collect()
    }

    #[test]
    fn a_pipe_is_believed_when_two_reads_agree() {
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
            assert_eq!(told(reads), expected, "{reads:?}");
        }
    }

    #[test]
    fn after_a_read_that_made_no_sense_the_first_is_not_believed_by_itself() {
        let mut witness = Witness::default();
        witness.disturb();
        let mut weigh = |text: &str| witness.weigh(Table::read(text.as_bytes()).expect("good"), Kind::Pipe, true);
        assert!(matches!(weigh(OTHER), Belief::Nothing));
        assert!(matches!(weigh(WHOLE), Belief::Nothing));
        assert!(matches!(weigh(WHOLE), Belief::Whole { .. }));
    }

    #[test]
    fn a_regular_file_is_believed_as_it_stands() {
        let mut witness = Witness::default();
        for text in [WHOLE, OTHER, "A=1\nA_HOSTS=c.example"] {
            let table = Table::read(text.as_bytes()).expect("well-formed");
            assert!(matches!(witness.weigh(table, Kind::File, false), Belief::Whole { changed: true, .. }));
        }
    }
}
