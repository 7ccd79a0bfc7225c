//! Bounded waits for a state, without bare sleeps.

use std::future::Future;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// The result of a probe: a `bool`, or an `Option<T>`.
pub trait Probe {
    /// The result of the wait.
    type Found;
    /// The result, or nothing yet.
    fn found(self) -> Option<Self::Found>;
}

impl Probe for bool {
    type Found = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Probe for Option<T> {
    type Found = T;

    fn found(self) -> Self {
        self
    }
}

/// Calls the probe every 10 ms until it returns a result; panics with `what` after `within`.
#[track_caller]
pub fn eventually<P: Probe>(within: Duration, what: &str, probe: impl FnMut() -> P) -> P::Found {
    let Some(found) = poll(within, probe) else { panic!("not within {within:?}: {what}") };
    found
}

/// [`eventually`] without the panic, for callers with a longer message.
pub fn poll<P: Probe>(within: Duration, mut probe: impl FnMut() -> P) -> Option<P::Found> {
    let deadline = Instant::now() + within;
    loop {
        // Taken before the probe, so that a slow machine still gets a last probe.
        let last_look = Instant::now() >= deadline;
        if let Some(found) = probe().found() {
            return Some(found);
        }
        if last_look {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

/// [`eventually`] for an async probe; a probe that hangs fails at the same limit.
pub async fn eventually_async<P, F>(within: Duration, what: &str, mut probe: impl FnMut() -> F) -> P::Found
where
    P: Probe,
    F: Future<Output = P>,
{
    let polling = async {
        loop {
            if let Some(found) = probe().await.found() {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let Ok(found) = tokio::time::timeout(within, polling).await else { panic!("not within {within:?}: {what}") };
    found
}
