//! A head that a person kept elsewhere.
//!
//! Only a pinned head shows that the newest records were removed, or that all of them were rewritten.

use super::fault::{Fault, records};
use super::lines::Place;
use super::link::{Head, Link};

/// The pinned head, and what the chain says about it.
#[derive(Debug, Default)]
pub(super) struct Pin {
    wanted: Option<Head>,
    is_met: bool,
    /// Where a record with its number and another hash stands.
    replaced: Option<Place>,
    /// The notice by which it was deleted on purpose.
    pruned: Option<Place>,
}

impl Pin {
    pub(super) fn of(wanted: Option<Head>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Compares it with the next link of the chain.
    pub(super) fn look_at(&mut self, link: &Link) {
        let Some(wanted) = self.wanted else { return };
        if link.head() == wanted || link.head_before() == Some(wanted) {
            self.is_met = true;
        } else if link.seq == wanted.seq && self.replaced.is_none() {
            self.replaced = Some(link.place.clone());
        }
    }

    /// Records were deleted on purpose, up to this one.
    pub(super) fn look_at_pruned(&mut self, through: Head, place: &Place) {
        let Some(wanted) = self.wanted else { return };
        self.is_met |= wanted == through;
        if wanted.seq < through.seq {
            self.pruned = Some(place.clone());
        }
    }

    /// What is wrong with a chain that is whole, and ends with `last`.
    pub(super) fn fault(&self, last: Option<&Link>, live: Place) -> Option<Fault> {
        let wanted = self.wanted.filter(|_| !self.is_met)?;
        let place = last.map_or(live, |last| last.place.clone());
        let seq = last.map_or(0, |last| last.seq);
        Some(if let Some(place) = &self.replaced {
            Fault::at(place, wanted.seq, "is not the record that was pinned: it, or one before it, was changed")
        } else if let Some(place) = &self.pruned {
            Fault::at(place, wanted.seq, "the pinned record was deleted on purpose, this line says: pin a newer head")
        } else if seq < wanted.seq {
            Fault::at(&place, seq, format!("{} missing after this line", records(seq + 1, wanted.seq)))
        } else {
            Fault::at(&place, seq, format!("the chain up to here lacks the pinned record {}", wanted.seq))
        })
    }
}
