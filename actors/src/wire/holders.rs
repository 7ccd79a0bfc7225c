//! The holders of places, and which of them gives way.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::place::Place;

/// Places in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    places: Vec<Arc<Place>>,
}

impl Holders {
    pub(crate) fn add(&mut self, place: Arc<Place>) {
        self.places.push(place);
    }

    /// Removes a place; false if it is not there.
    pub(crate) fn remove(&mut self, place: &Arc<Place>) -> bool {
        let found = self.places.iter().rposition(|held| Arc::ptr_eq(held, place));
        found.map(|at| self.places.remove(at)).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many places each holder has.
    pub(crate) fn counts(&self) -> HashMap<u64, usize> {
        let mut counts = HashMap::new();
        for place in &self.places {
            *counts.entry(place.holder()).or_default() += 1;
        }
        counts
    }

    /// The holder with the most places.
    pub(crate) fn largest(&self) -> Option<(u64, usize)> {
        self.counts().into_iter().max_by_key(|(_, count)| *count)
    }

    /// The place of this holder that has moved no byte for the longest time.
    pub(crate) fn quietest_of(&self, holder: u64) -> Option<&Arc<Place>> {
        self.of(holder).min_by_key(|place| place.moved())
    }

    /// A place of this holder by chance, among the older half of them. By age alone, a crowd would cut off everybody
    /// who is slower than itself; by chance alone, also those who are done in a moment.
    pub(crate) fn any_old_of(&self, holder: u64) -> Option<&Arc<Place>> {
        let old = u64::try_from(self.of(holder).count().div_ceil(2)).unwrap_or(u64::MAX);
        // Each has keys of its own, from the system's randomness.
        let chance = RandomState::new().hash_one(old).checked_rem(old)?;
        self.of(holder).nth(usize::try_from(chance).ok()?)
    }

    /// The places for which the most memory is taken, the largest first.
    pub(crate) fn by_backlog(&self) -> Vec<Arc<Place>> {
        let mut places: Vec<_> = self.places.iter().filter(|place| place.backlog() > 0).cloned().collect();
        places.sort_unstable_by_key(|place| std::cmp::Reverse(place.backlog()));
        places
    }

    fn of(&self, holder: u64) -> impl Iterator<Item = &Arc<Place>> {
        self.places.iter().filter(move |place| place.holder() == holder)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::place::Moment;
    use super::*;

    /// Places of these holders, which moved a byte at these times.
    fn held(places: &[(u64, u64)]) -> (Holders, Vec<Arc<Place>>) {
        let mut holders = Holders::default();
        let place = |(holder, moved): &(u64, u64)| {
            let place = Place::new(*holder);
            place.moved_at(Moment::of_millis(*moved));
            place
        };
        let places: Vec<_> = places.iter().map(place).collect();
        places.iter().for_each(|place| holders.add(place.clone()));
        (holders, places)
    }

    #[test]
    fn the_quietest_place_of_the_largest_holder_is_found() {
        let (mut holders, places) = held(&[(1, 10), (2, 30), (2, 20), (2, 40)]);
        assert_eq!(holders.largest(), Some((2, 3)));
        assert!(holders.quietest_of(2).is_some_and(|place| Arc::ptr_eq(place, &places[2])));
        assert!(holders.remove(&places[2]) && !holders.remove(&places[2]));
        assert!(holders.quietest_of(2).is_some_and(|place| Arc::ptr_eq(place, &places[1])));
        places[1].lend(1);
        assert_eq!((holders.largest(), holders.len()), (Some((1, 2)), 3));
        assert!(holders.quietest_of(3).is_none());
    }

    #[test]
    fn each_of_the_older_half_may_be_chosen_and_none_of_the_younger() {
        let (holders, places) = held(&[(1, 0), (2, 0), (1, 0), (1, 0), (1, 0), (1, 0)]);
        let number = |place: &Arc<Place>| places.iter().position(|it| Arc::ptr_eq(it, place));
        let chosen: HashSet<_> = (0..1000).filter_map(|_| holders.any_old_of(1).and_then(number)).collect();
        assert_eq!(chosen, [0, 2, 3].into());
        assert!(holders.any_old_of(3).is_none() && holders.any_old_of(2).is_some());
    }
}
