//! Connecting to several addresses of one name (Happy Eyeballs, RFC 8305).

use std::net::SocketAddr;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::DialError;
use crate::limits;

/// Orders addresses so that the families alternate, the one that the system prefers first (RFC 8305, section 4).
pub(super) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let length = addresses.len();
    let (preferred, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|it| it.is_ipv6() == first.is_ipv6());
    let mut ordered = Vec::with_capacity(length);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    while ordered.len() < length {
        ordered.extend(preferred.next());
        ordered.extend(other.next());
    }
    ordered
}

/// Connects to the first address that accepts. The next one is begun when one fails, or after
/// [`limits::NEXT_ADDRESS_AFTER`] (RFC 8305, section 5). The others are closed before a byte is sent.
pub(super) async fn race<T, F>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, T), DialError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, DialError>> + Send + 'static,
{
    if let [only] = addresses {
        return attempt(*only, connect(*only)).await;
    }
    let (mut attempts, mut left) = (JoinSet::new(), addresses.iter());
    let mut last = DialError::new("the name has no address that may be dialled");
    loop {
        if let Some(address) = left.next() {
            attempts.spawn(attempt(*address, connect(*address)));
        }
        let ended = if left.len() == 0 {
            attempts.join_next().await
        } else {
            match timeout(limits::NEXT_ADDRESS_AFTER, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(Ok(connected))) => return Ok(connected),
            Some(Ok(Err(error))) => last = error,
            Some(Err(crashed)) => last = DialError::new(crashed),
            None => return Err(last),
        }
    }
}

async fn attempt<T>(
    address: SocketAddr,
    connecting: impl Future<Output = Result<T, DialError>>,
) -> Result<(SocketAddr, T), DialError> {
    let connected = timeout(limits::CONNECT_TIMEOUT, connecting).await;
    connected
        .unwrap_or_else(|_| Err(DialError::timed_out("connecting to the server, which may be behind a firewall,")))
        .map(|connected| (address, connected))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        let address = |text: &&str| SocketAddr::new(text.parse().expect("an address"), 443);
        texts.iter().map(address).collect()
    }

    #[test]
    fn table_of_orders() {
        let table: [(&[&str], &[&str]); 5] = [
            (&[], &[]),
            (&["192.0.2.1", "192.0.2.2"], &["192.0.2.1", "192.0.2.2"]),
            (&["::1", "::2", "192.0.2.1"], &["::1", "192.0.2.1", "::2"]),
            (&["192.0.2.1", "192.0.2.2", "::1", "::2"], &["192.0.2.1", "::1", "192.0.2.2", "::2"]),
            (&["::1", "::2", "::3", "::4", "192.0.2.1"], &["::1", "192.0.2.1", "::2", "::3", "::4"]),
        ];
        for (given, expected) in table {
            assert_eq!(interleave(addresses(given)), addresses(expected), "{given:?}");
        }
    }

    /// What an address does: after how many milliseconds, and whether it accepts.
    type Fate = (u64, bool);

    /// Races addresses with these fates; the winner, when it won, and how many were begun.
    async fn raced(fates: &[Fate]) -> (Option<u16>, Duration, usize) {
        let address = |port| SocketAddr::new([192, 0, 2, 1].into(), port);
        let all: Vec<_> = (0..fates.len()).map(|at| address(u16::try_from(at).expect("few"))).collect();
        let (begun, start) = (Arc::new(Mutex::new(0)), Instant::now());
        let outcome = race(&all, |address| {
            *begun.lock().expect("no panic") += 1;
            let (after, accepts) = fates[usize::from(address.port())];
            async move {
                sleep(Duration::from_millis(after)).await;
                if accepts { Ok(()) } else { Err(DialError::new("refused")) }
            }
        });
        let winner = outcome.await.ok().map(|(address, ())| address.port());
        let count = *begun.lock().expect("no panic");
        (winner, start.elapsed(), count)
    }

    #[tokio::test(start_paused = true)]
    async fn table_of_races() {
        let (never, at) = ((3_600_000, true), Duration::from_millis);
        let table: [(&[Fate], Option<u16>, Duration, usize); 7] = [
            (&[(30, true)], Some(0), at(30), 1),
            (&[(30, true), (1, true)], Some(0), at(30), 1),
            (&[never, (30, true)], Some(1), at(280), 2),
            (&[(5, false), (30, true)], Some(1), at(35), 2),
            (&[never, never, never, never, (30, true)], Some(4), at(1030), 5),
            (&[(400, true), (300, true)], Some(0), at(400), 2),
            (&[(5, false), (5, false)], None, at(10), 2),
        ];
        for (fates, winner, after, begun) in table {
            let (won, elapsed, count) = raced(fates).await;
            assert_eq!((won, count), (winner, begun), "{fates:?}");
            assert!(elapsed >= after && elapsed < after + at(5), "{fates:?}: {elapsed:?}");
        }
        let (won, elapsed, _) = raced(&[never, never]).await;
        assert_eq!(won, None);
        assert!(elapsed < limits::CONNECT_TIMEOUT + at(300), "{elapsed:?}");
    }
}
