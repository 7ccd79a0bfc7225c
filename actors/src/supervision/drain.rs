//! The orderly end of the daemon, begun once and seen by all who serve clients.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Made by boot. The root begins it; whoever serves a client finishes when it has begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    begun: CancellationToken,
    holders: TaskTracker,
}

impl Drain {
    /// Holds up the end, for a bounded time, until the hold is dropped.
    pub(crate) fn hold(&self) -> TaskTrackerToken {
        self.holders.token()
    }

    /// Asks all holders to finish what is under way.
    pub(crate) fn begin(&self) {
        self.begun.cancel();
        self.holders.close();
    }

    /// Waits until the end has begun.
    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Waits until nobody holds up the end any more, once it has begun.
    pub(crate) async fn finished(&self) {
        self.holders.wait().await;
    }

    /// Cancelled when the end begins, or before that by whoever holds it.
    pub(crate) fn child_token(&self) -> CancellationToken {
        self.begun.child_token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn holders_are_asked_to_finish_and_waited_for() {
        let drain = Drain::default();
        let (early, finish) = (drain.hold(), drain.child_token());
        drain.begin();
        assert!(finish.is_cancelled());
        let late = drain.hold();
        assert!(drain.child_token().is_cancelled(), "one that comes late is asked at once");
        let mut finished = Box::pin(drain.finished());
        for holder in [early, late] {
            assert!(is_pending(&mut finished).await, "one is left");
            drop(holder);
        }
        finished.await;
    }

    /// Whether it is still pending.
    async fn is_pending(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        tokio::select! {
            biased;
            () = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
