//! The addresses that worked last.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use policy::destination::host::Destination;

use crate::limits;

/// The address of each destination that was connected last. It is tried first for a while.
#[derive(Debug, Default)]
pub(crate) struct Worked(Mutex<HashMap<Destination, (SocketAddr, Instant)>>);

impl Worked {
    /// Remembers an address that worked.
    pub(super) fn note(&self, destination: &Destination, address: SocketAddr, now: Instant) {
        let mut worked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if worked.len() >= limits::DESTINATIONS_MAX && !worked.contains_key(destination) {
            let oldest = worked.iter().min_by_key(|(_, (_, at))| *at).map(|(oldest, _)| oldest.clone());
            oldest.map(|oldest| worked.remove(&oldest));
        }
        worked.insert(destination.clone(), (address, now));
    }

    /// Forgets the address of a destination.
    pub(super) fn forget(&self, destination: &Destination) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(destination);
    }

    /// These addresses, that which worked last first. Only the addresses that are given are ever dialled.
    pub(super) fn first(
        &self,
        destination: &Destination,
        mut addresses: Vec<SocketAddr>,
        now: Instant,
    ) -> Vec<SocketAddr> {
        let worked = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(destination).copied();
        let fresh = worked.filter(|(_, at)| now.saturating_duration_since(*at) < limits::ADDRESS_REMEMBERED);
        let at = fresh.and_then(|(last, _)| addresses.iter().position(|address| *address == last));
        if let Some(before) = at.and_then(|at| addresses.get_mut(..=at)) {
            before.rotate_right(1);
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_worked_last_comes_first_for_a_while_if_it_is_still_an_address_of_the_name() {
        let (worked, start) = (Worked::default(), Instant::now());
        let destination = |text: &str| Destination::from_connect(text).expect("a destination");
        let (ours, other) = (destination("a.example:443"), destination("b.example:443"));
        let addresses = |hosts: &[u8]| -> Vec<SocketAddr> {
            hosts.iter().map(|host| SocketAddr::new([192, 0, 2, *host].into(), 443)).collect()
        };
        let first = |of, given: &[u8], after| worked.first(of, addresses(given), start + after);
        worked.note(&ours, addresses(&[3])[0], start);
        assert_eq!(first(&ours, &[1, 2, 3, 4], Duration::ZERO), addresses(&[3, 1, 2, 4]));
        assert_eq!(first(&ours, &[1, 2], Duration::ZERO), addresses(&[1, 2]));
        assert_eq!(first(&other, &[1, 2, 3], Duration::ZERO), addresses(&[1, 2, 3]));
        assert_eq!(first(&ours, &[1, 3], limits::ADDRESS_REMEMBERED), addresses(&[1, 3]));
        worked.forget(&ours);
        assert_eq!(first(&ours, &[1, 3], Duration::ZERO), addresses(&[1, 3]));
        for port in 1..=1100_u16 {
            worked.note(&destination(&format!("c.example:{port}")), addresses(&[3])[0], start);
        }
        assert_eq!(worked.0.lock().expect("no panic").len(), limits::DESTINATIONS_MAX);
    }
}
