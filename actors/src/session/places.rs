//! The places of client connections, and which connection gives way when all are taken and somebody waits.
//!
//! A *newcomer* has not finished its first head, or the handshake of its tunnel; the others are *settled*. What
//! newcomers hold never costs a settled connection its place while it moves bytes, and settled ones leave a share of
//! the places to newcomers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::vm::Vm;
use crate::limits;
use crate::wire::backlog::Backlog;
use crate::wire::holders::Holders;
use crate::wire::place::{Moment, Place};

#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    newcomers: Holders,
    settled: Holders,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self { max, held: Mutex::default() }
    }

    /// A place for a newcomer.
    pub(super) fn enter(&self, vm: Vm, backlog: Backlog) -> Arc<Place> {
        let place = Place::of_client(vm.number(), backlog);
        self.held().newcomers.add(place.clone());
        place
    }

    /// This connection is no newcomer any more.
    pub(super) fn settle(&self, place: &Arc<Place>) {
        let mut held = self.held();
        if held.newcomers.remove(place) {
            held.settled.add(place.clone());
        }
    }

    pub(super) fn leave(&self, place: &Arc<Place>) {
        let mut held = self.held();
        let _ = held.newcomers.remove(place) || held.settled.remove(place);
    }

    /// Takes a place away, because all are taken and somebody waits. False if all are in use.
    pub(super) fn make_room(&self, now: Moment) -> bool {
        let mut held = self.held();
        let Some(place) = held.gives_way(self.max, now) else { return false };
        let _ = held.newcomers.remove(&place) || held.settled.remove(&place);
        drop(held);
        place.take_away();
        true
    }

    /// Takes places away for which so many bytes are taken in all: of those that are quiet, and if it is urgent, of those
    /// that have more than their share. Gives how many.
    pub(super) fn relieve(&self, bytes: usize, now: Moment) -> usize {
        let (mut left, mut count, mut held) = (bytes, 0, self.held());
        let is_urgent = bytes > limits::BACKLOG_BYTES_MAX;
        for place in held.settled.by_backlog() {
            if left == 0 {
                break;
            }
            let is_too_large = is_urgent && place.backlog() > limits::BACKLOG_SHARE_MAX;
            if is_too_large || now.since(place.moved()) >= limits::PLACE_QUIET_MIN {
                (left, count) = (left.saturating_sub(place.backlog()), count + 1);
                held.settled.remove(&place);
                place.take_away();
            }
        }
        count
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The connection that gives way. One VM never takes the place of another that has fewer.
    fn gives_way(&self, max: usize, now: Moment) -> Option<Arc<Place>> {
        let quietest = self.settled.largest().and_then(|(vm, _)| self.settled.quietest_of(vm));
        let is_quiet = |place: &&Arc<Place>| now.since(place.moved()) >= limits::PLACE_QUIET_MIN;
        let newcomer = || self.newcomers.largest().and_then(|(vm, _)| self.newcomers.any_old_of(vm));
        let chosen = if self.settled.len() > max - limits::newcomers_share(max) {
            quietest
        } else if self.newcomers.len() < max.div_ceil(2) {
            quietest.filter(is_quiet).or_else(newcomer)
        } else {
            newcomer()
        };
        chosen.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::held_back::HeldResponse;

    const MAX: usize = 16;
    const NOW: Moment = Moment::of_millis(10_000);

    /// So many newcomers, and settled connections that have moved no byte for so long.
    fn crowd(newcomers: usize, quiet_for: &[u64]) -> (Places, Vec<Arc<Place>>, Vec<Arc<Place>>) {
        let places = Places::new(MAX);
        let settle = |quiet_for: &u64| {
            let place = places.enter(Vm::Local, Backlog::default());
            place.moved_at(Moment::of_millis(10_000 - quiet_for));
            places.settle(&place);
            place
        };
        let settled = quiet_for.iter().map(settle).collect();
        let newcomers = (0..newcomers).map(|_| places.enter(Vm::Local, Backlog::default())).collect();
        (places, newcomers, settled)
    }

    /// Which of them has lost its place.
    fn taken(places: &[Arc<Place>]) -> Option<usize> {
        places.iter().position(|place| place.is_taken_away())
    }

    #[test]
    fn the_quietest_gives_way_and_newcomers_and_settled_ones_keep_their_shares() {
        let (busy, quiet) = (vec![1; 14], [vec![1; 6], vec![5000, 9000], vec![1; 6]].concat());
        // Newcomers, the others, and whether a newcomer or which of the others gives way.
        let cases = [
            (2, quiet.clone(), Err(7)),
            (2, busy.clone(), Ok(())),
            // They have half already, as many as they ever get from others.
            (8, quiet[..8].to_vec(), Ok(())),
            // The others have taken the share of newcomers.
            (0, [busy, vec![3, 2]].concat(), Err(14)),
        ];
        for (case, (count, quiet_for, expected)) in cases.into_iter().enumerate() {
            let (places, newcomers, settled) = crowd(count, &quiet_for);
            assert!(places.make_room(NOW), "case {case}");
            let found = taken(&settled).map_or(Ok(()), Err);
            assert_eq!((found, taken(&newcomers).is_some()), (expected, expected.is_ok()), "case {case}");
        }
    }

    #[test]
    fn the_largest_backlog_of_those_that_are_quiet_goes_first() {
        let (places, _, settled) = crowd(0, &[5000, 5000, 1, 1, 5000]);
        let sizes = [10, 30, limits::BACKLOG_SHARE_MAX + 1, 40, 0].iter().zip(&settled);
        let mut bodies: Vec<_> = sizes.map(|(bytes, place)| HeldResponse::new(place.clone(), *bytes)).collect();
        bodies.iter_mut().for_each(|body| body.handed(0));
        let taken = || settled.iter().map(|place| u8::from(place.is_taken_away())).collect::<Vec<_>>();
        assert_eq!((places.relieve(20, NOW), taken()), (1, vec![0, 1, 0, 0, 0]));
        assert_eq!((places.relieve(100, NOW), taken()), (1, vec![1, 1, 0, 0, 0]));
        assert_eq!((places.relieve(limits::BACKLOG_BYTES_MAX + 1, NOW), taken()), (1, vec![1, 1, 1, 0, 0]));
    }

    #[test]
    fn a_place_is_taken_once_and_one_that_was_left_never() {
        let (places, newcomers, settled) = crowd(1, &[9000, 8000, 7000]);
        places.leave(&settled[0]);
        for expected in [1, 2] {
            assert!(places.make_room(NOW) && settled[expected].is_taken_away());
        }
        assert!(!settled[0].is_taken_away() && places.make_room(NOW) && newcomers[0].is_taken_away());
        assert!(!places.make_room(NOW), "nobody is left");
    }
}
