//! A body that its receiver does not read: its buffers count as backlog.

use std::sync::Arc;

use super::place::Place;

/// One body, which counts while it is held back.
#[derive(Debug)]
pub(crate) struct HeldBack {
    place: Arc<Place>,
    buffers: usize,
    counts: bool,
}

impl HeldBack {
    /// A body of a client, with buffers of so many bytes behind it. It is not held back yet.
    pub(crate) fn new(place: Arc<Place>, buffers: usize) -> Self {
        Self { place, buffers, counts: false }
    }

    /// A piece of a response was handed on.
    pub(crate) fn handed(&mut self, bytes: usize) {
        self.place.share().handed(bytes);
        self.begin();
    }

    /// A piece of a request was handed on, or nobody has asked for the first.
    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.counts, true) {
            self.place.share().hold_back(self.buffers);
        }
    }

    /// The next piece is asked for.
    pub(crate) fn end(&mut self) {
        if std::mem::replace(&mut self.counts, false) {
            self.place.share().let_go(self.buffers);
        }
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::limits;
    use crate::wire::backlog::Backlog;

    const HALF: usize = limits::BACKLOG_BYTES_MAX / 2;

    #[tokio::test(start_paused = true)]
    async fn bodies_count_while_they_are_held_back_and_responses_until_they_are_written() {
        let backlog = Backlog::default();
        let place = Place::of_client(0, backlog.clone());
        let mut bodies = [HeldBack::new(place.clone(), HALF), HeldBack::new(place.clone(), HALF)];
        let exceeded = async || timeout(Duration::from_secs(1), backlog.exceeded()).await.ok();
        bodies[0].begin();
        bodies[1].begin();
        bodies[1].begin();
        assert_eq!((backlog.bytes(), place.backlog(), exceeded().await), (2 * HALF, 2 * HALF, None));
        bodies[1].handed(100);
        assert_eq!(exceeded().await, Some(100));
        bodies[0].end();
        bodies[0].end();
        assert_eq!(backlog.bytes(), HALF + 100);
        place.share().written(40);
        assert_eq!(place.backlog(), HALF + 60);
        drop(bodies);
        assert_eq!((backlog.bytes(), place.backlog()), (60, 60), "it is still in the library");
        drop(place);
        assert_eq!(backlog.bytes(), 0);
    }
}
