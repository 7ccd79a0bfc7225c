//! Which refusals have records of their own, and what the others have in common.
//!
//! A pure machine. Nobody waits for the pace: beyond it, a refusal is counted, and all that are counted within a
//! second share one record and its id.

use policy::record::{Attempt, Destination, Event, Notice, Outcome, Text};
use tokio::time::Instant;

use super::pace::Pace;
use super::reply::Obligation;
use crate::hex::RecordId;
use crate::limits::{RECORD_BYTES, REFUSALS_BURST, REFUSALS_PER_SECOND, REFUSED_TOGETHER_NAMED};

const REASON: &str = "too many requests were refused for a record of each";

pub(super) struct Refusals {
    pace: Pace,
    together: Option<Together>,
}

/// Refusals that share a record.
struct Together {
    id: RecordId,
    count: u64,
    hosts: Vec<Destination<'static>>,
    secrets: Vec<Text<'static>>,
    obligation: Obligation,
}

/// What becomes of a refusal.
#[derive(Debug)]
pub(super) enum Turn {
    /// It has a record of its own.
    Alone(Attempt<'static>, Obligation),
    /// It is counted, and found under this id. If it is the first of its second, [`Refusals::close`] is due when that is
    /// over.
    Together { id: RecordId, is_first: bool },
}

impl Refusals {
    pub(super) fn new(now: Instant) -> Self {
        Self { pace: Pace::new(REFUSALS_BURST.into(), REFUSALS_PER_SECOND, now), together: None }
    }

    pub(super) fn take(&mut self, attempt: Attempt<'static>, obligation: Obligation, now: Instant) -> Turn {
        if self.pace.take(units(&attempt), now).is_ok() {
            return Turn::Alone(attempt, obligation);
        }
        let is_first = self.together.is_none();
        let together = self.together.get_or_insert_with(Together::new);
        together.add(attempt, obligation);
        Turn::Together { id: together.id, is_first }
    }

    /// The record of those that were counted, which fulfils their obligations.
    pub(super) fn close(&mut self) -> Option<(Event<'static>, Obligation)> {
        let Together { id, count, hosts, secrets, obligation } = self.together.take()?;
        let notice = Notice::new(id, Outcome::RefusedTogether, REASON);
        Some((Event::Notice(Notice { count: Some(count), hosts, secrets, ..notice }), obligation))
    }
}

impl Together {
    fn new() -> Self {
        let obligation = Obligation::default();
        Self { id: RecordId::random(), count: 0, hosts: Vec::new(), secrets: Vec::new(), obligation }
    }

    fn add(&mut self, attempt: Attempt<'static>, obligation: Obligation) {
        self.count += 1;
        self.obligation.absorb(obligation);
        if let Some(known) = self.hosts.iter_mut().find(|known| known.host == attempt.host) {
            known.count += 1;
        } else if self.hosts.len() < REFUSED_TOGETHER_NAMED {
            self.hosts.push(Destination { host: attempt.host, count: 1 });
        }
        for name in attempt.secrets {
            if self.secrets.len() < REFUSED_TOGETHER_NAMED && !self.secrets.contains(&name) {
                self.secrets.push(name);
            }
        }
    }
}

/// The length of its record, in units of the pace.
fn units(attempt: &Attempt<'_>) -> u32 {
    let names: usize = attempt.secrets.iter().map(|name| name.len()).sum();
    u32::try_from((names + attempt.path.len()) / RECORD_BYTES).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn attempt(host: String, secret: String) -> Attempt<'static> {
        Attempt { host: host.into(), secrets: vec![secret.into()], blocked: true, ..Attempt::default() }
    }

    fn take(refusals: &mut Refusals, host: &str, secret: &str, now: Instant) -> Option<(RecordId, bool)> {
        match refusals.take(attempt(host.to_owned(), secret.to_owned()), Obligation::default(), now) {
            Turn::Alone(..) => None,
            Turn::Together { id, is_first } => Some((id, is_first)),
        }
    }

    fn exhausted(now: Instant) -> Refusals {
        let mut refusals = Refusals::new(now);
        assert!((0..REFUSALS_BURST).all(|_| take(&mut refusals, "a", "A", now).is_none()));
        refusals
    }

    #[test]
    fn beyond_the_pace_refusals_share_an_id_and_a_record() {
        let now = Instant::now();
        let mut refusals = exhausted(now);
        assert!(refusals.close().is_none(), "each had its own");
        let (id, is_first) = take(&mut refusals, "evil.example", "A", now).expect("counted");
        assert!(is_first);
        for (host, secret) in [("evil.example", "B"), ("other.example", "A")] {
            assert_eq!(take(&mut refusals, host, secret, now), Some((id, false)));
        }
        let (event, _) = refusals.close().expect("a record");
        let Event::Notice(notice) = event else { panic!("a notice") };
        assert_eq!((&*notice.id, notice.outcome, notice.count), (id.as_str(), Outcome::RefusedTogether, Some(3)));
        let hosts: Vec<_> = notice.hosts.iter().map(|it| (&*it.host, it.count)).collect();
        assert_eq!(hosts, [("evil.example", 2), ("other.example", 1)]);
        assert_eq!(notice.secrets, ["A", "B"].map(Text::from));
        // The next second has a record of its own, and after a while single ones are recorded again.
        let (other, is_first) = take(&mut refusals, "a", "A", now).expect("counted");
        assert!(other != id && is_first);
        assert!(take(&mut refusals, "a", "A", now + Duration::from_secs(2)).is_none());
    }

    #[test]
    fn a_common_record_is_bounded_and_counts_all() {
        let now = Instant::now();
        let mut refusals = exhausted(now);
        for number in 0..10_000 {
            take(&mut refusals, &format!("{number:0250}"), &format!("{number:0128}"), now);
        }
        let (event, _) = refusals.close().expect("a record");
        assert_eq!(event.refusals(), 10_000);
        let mut line = Vec::new();
        policy::record::Record::new("2026-02-04T12:34:57Z", event).add_line(&mut line);
        assert!((2_000..3_500).contains(&line.len()), "{}", line.len());
    }

    #[test]
    fn long_records_use_the_pace_up_sooner() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        let long = || Attempt { path: "x".repeat(1024).into(), ..attempt("a".to_owned(), "A".to_owned()) };
        let alone = (0..REFUSALS_BURST)
            .filter(|_| matches!(refusals.take(long(), Obligation::default(), now), Turn::Alone(..)))
            .count();
        assert_eq!(alone, REFUSALS_BURST.div_ceil(3) as usize);
    }
}
