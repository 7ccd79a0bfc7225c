//! The manners of a destination: whether it keeps connections open between requests.
//!
//! A server that closes a connection just after its response may do so while the next request is on its way. A request
//! that must not be sent twice then fails, so it takes a fresh connection unless the server is known to keep them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName};

use crate::limits;

/// What was seen of the connections to one destination. Shared by the pool and all of them.
#[derive(Debug, Default)]
pub(super) struct Keeping(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Responses on connections that had served a request before.
    reused: u32,
    /// When a connection was last found closed soon after a response.
    closed_early: Option<Instant>,
}

/// How soon after a response a connection may carry a request that must not be sent twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manners {
    /// At once: it was reused often.
    Keeps,
    /// After [`limits::SETTLE_TIME`].
    Unknown,
    /// After [`limits::CLOSED_EARLY`].
    ClosesEarly,
}

impl Manners {
    /// How long a connection has to be idle.
    pub(super) fn idle_min(self) -> Duration {
        match self {
            Self::Keeps => Duration::ZERO,
            Self::Unknown => limits::SETTLE_TIME,
            Self::ClosesEarly => limits::CLOSED_EARLY,
        }
    }
}

impl Keeping {
    /// A connection that had served a request served another one.
    pub(super) fn note_reuse(&self) {
        let mut seen = self.seen();
        seen.reused = seen.reused.saturating_add(1);
    }

    /// A connection that became idle at `parked` is closed.
    pub(super) fn note_close(&self, parked: Instant, now: Instant) {
        if now.saturating_duration_since(parked) < limits::CLOSED_EARLY {
            *self.seen() = Seen { reused: 0, closed_early: Some(now) };
        }
    }

    pub(super) fn manners(&self, now: Instant) -> Manners {
        let seen = self.seen();
        match seen.closed_early {
            Some(at) if now.saturating_duration_since(at) < limits::CLOSED_EARLY_REMEMBERED => Manners::ClosesEarly,
            _ if seen.reused >= limits::REUSES_PROVEN => Manners::Keeps,
            _ => Manners::Unknown,
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a server says that it keeps a connection: `Keep-Alive: timeout=SECONDS`. Its clock starts before ours, so
/// that a part of it is left out.
pub(super) fn hinted(headers: &HeaderMap) -> Option<Duration> {
    let hint = headers.get(HeaderName::from_static("keep-alive"))?.to_str().ok()?;
    let parameters = || hint.split(',').filter_map(|parameter| parameter.split_once('='));
    let number = |wanted: &str| {
        let (_, value) = parameters().find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
        value.trim().trim_matches('"').parse().ok()
    };
    if number("max") == Some(0) {
        return Some(Duration::ZERO);
    }
    let timeout = Duration::from_secs(number("timeout")?);
    Some(timeout.saturating_sub(limits::KEEP_ALIVE_MARGIN.min(timeout / 2)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn table_of_hints() {
        let table = [
            ("timeout=5", Some(4000)),
            ("timeout=5, max=100", Some(4000)),
            ("Max=3 , Timeout = 60", Some(59_000)),
            ("timeout=\"2\"", Some(1000)),
            ("timeout=1", Some(500)),
            ("timeout=0", Some(0)),
            ("max=0", Some(0)),
            ("max=5", None),
            ("timeout", None),
            ("timeout=soon", None),
        ];
        for (text, expected) in table {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static("keep-alive"), HeaderValue::from_static(text))]);
            assert_eq!(hinted(&headers), expected.map(Duration::from_millis), "{text}");
        }
        assert_eq!(hinted(&HeaderMap::new()), None);
    }

    #[test]
    fn table_of_what_was_seen_and_what_follows() {
        let (keeping, start) = (Keeping::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(keeping.manners(start), Manners::Unknown);
        (0..limits::REUSES_PROVEN).for_each(|_| keeping.note_reuse());
        assert_eq!(keeping.manners(start), Manners::Keeps);
        keeping.note_close(start, at(5000));
        assert_eq!(keeping.manners(at(5000)), Manners::Keeps, "an idle connection has to be closed some time");
        keeping.note_close(start, at(1));
        assert_eq!(keeping.manners(at(2)), Manners::ClosesEarly);
        let later = at(1) + limits::CLOSED_EARLY_REMEMBERED;
        assert_eq!(keeping.manners(later), Manners::Unknown, "it has to prove itself again");
    }
}
