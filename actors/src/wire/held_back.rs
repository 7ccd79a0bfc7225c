//! Bodies that their receivers do not read, and that count as backlog.

use std::sync::Arc;

use http::HeaderMap;

use super::place::Place;

/// Smaller heads are less than what the rest of a request takes.
const LARGE_HEAD: usize = 8 * 1024;

/// The body of a response, with buffers of so many bytes behind it, which count while it is held back.
#[derive(Debug)]
pub(crate) struct HeldResponse {
    place: Arc<Place>,
    buffers: usize,
    counts: bool,
}

impl HeldResponse {
    /// It is not held back yet.
    pub(crate) fn new(place: Arc<Place>, buffers: usize) -> Self {
        Self { place, buffers, counts: false }
    }

    /// A piece was handed on.
    pub(crate) fn handed(&mut self, bytes: usize) {
        self.place.share().handed(bytes);
        if !std::mem::replace(&mut self.counts, true) {
            self.place.share().hold_back(self.buffers);
        }
    }

    /// The next piece is asked for.
    pub(crate) fn asked(&mut self) {
        if std::mem::replace(&mut self.counts, false) {
            self.place.share().let_go(self.buffers);
        }
    }
}

impl Drop for HeldResponse {
    fn drop(&mut self) {
        self.asked();
    }
}

/// The body of a request, whose client may send more of it while it is held back.
#[derive(Debug)]
pub(crate) struct HeldRequest {
    place: Arc<Place>,
    counts: bool,
}

impl HeldRequest {
    /// Held back until it is asked for.
    pub(crate) fn new(place: Arc<Place>) -> Self {
        place.share().hold_request();
        Self { place, counts: true }
    }

    /// A piece was handed on.
    pub(crate) fn handed(&mut self, bytes: usize) {
        self.place.share().passed_on(bytes);
        if !std::mem::replace(&mut self.counts, true) {
            self.place.share().hold_request();
        }
    }

    /// The next piece is asked for.
    pub(crate) fn asked(&mut self) {
        if std::mem::replace(&mut self.counts, false) {
            self.place.share().let_request_go();
        }
    }
}

impl Drop for HeldRequest {
    fn drop(&mut self) {
        self.asked();
    }
}

/// The head of a request under way, if it is large.
#[derive(Debug)]
pub(crate) struct HeldHead {
    place: Arc<Place>,
    bytes: usize,
}

impl HeldHead {
    pub(crate) fn of(place: &Arc<Place>, fields: &HeaderMap) -> Option<Self> {
        let bytes = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        (bytes >= LARGE_HEAD).then(|| {
            place.share().hold_back(bytes);
            Self { place: place.clone(), bytes }
        })
    }
}

impl Drop for HeldHead {
    fn drop(&mut self) {
        self.place.share().let_go(self.bytes);
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

    fn client() -> (Backlog, Arc<Place>) {
        let backlog = Backlog::default();
        (backlog.clone(), Place::of_client(0, backlog))
    }

    #[tokio::test(start_paused = true)]
    async fn responses_count_while_they_are_held_back_and_until_they_are_written() {
        let (backlog, place) = client();
        let mut bodies = [HeldResponse::new(place.clone(), HALF), HeldResponse::new(place.clone(), HALF)];
        let exceeded = async || timeout(Duration::from_secs(1), backlog.exceeded()).await.ok();
        bodies[0].handed(0);
        bodies[1].handed(0);
        assert_eq!((backlog.bytes(), place.backlog(), exceeded().await), (2 * HALF, 2 * HALF, None));
        bodies[1].handed(100);
        assert_eq!(exceeded().await, Some(100));
        bodies[0].asked();
        bodies[0].asked();
        assert_eq!(backlog.bytes(), HALF + 100);
        place.share().written(40);
        assert_eq!(place.backlog(), HALF + 60);
        drop(bodies);
        assert_eq!((backlog.bytes(), place.backlog()), (60, 60), "it is still in the library");
        drop(place);
        assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn large_heads_count_until_they_are_answered() {
        let (backlog, place) = client();
        for (length, expected) in [(10, 0), (LARGE_HEAD, LARGE_HEAD + 1)] {
            let fields = [("x".parse().expect("a name"), "y".repeat(length).parse().expect("a value"))];
            let head = HeldHead::of(&place, &HeaderMap::from_iter(fields));
            assert_eq!(backlog.bytes(), expected, "{length}");
            drop(head);
            assert_eq!(backlog.bytes(), 0);
        }
    }

    #[test]
    fn requests_count_by_what_the_client_sends_while_one_of_them_is_held_back() {
        let (backlog, place) = client();
        place.share().read(10);
        let (mut one, mut other) = (HeldRequest::new(place.clone()), HeldRequest::new(place.clone()));
        place.share().read(100);
        assert_eq!(backlog.bytes(), 100, "what came before is not theirs");
        one.asked();
        one.handed(30);
        one.asked();
        assert_eq!((backlog.bytes(), place.backlog()), (70, 70));
        for _ in 0..20 {
            place.share().read(limits::H2_CONNECTION_BYTES / 10);
        }
        assert!(backlog.bytes() < 2 * limits::H2_CONNECTION_BYTES, "others pass meanwhile");
        other.asked();
        assert_eq!(backlog.bytes(), 0, "all are read");
        drop((one, other));
        assert_eq!(backlog.bytes(), 0);
    }
}
