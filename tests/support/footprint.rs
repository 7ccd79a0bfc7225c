//! The daemon's sessions, tasks, descriptors, threads and memory at a moment.
//!
//! `status` reports sessions and tasks, `/proc` the rest. Only root can see the descriptors of a process that
//! is not dumpable. Figures that the system does not report are not compared.

use std::fs;
use std::time::Duration;

use super::eventually::{eventually, poll};
use super::proxy::Proxy;

/// The time limit for the release of a client's resources. Threads that read files stay for 10 s.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// The resources of a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Client connections.
    pub sessions: u64,
    /// Tasks of the runtime.
    pub tasks: u64,
    /// Open descriptors, if they can be counted.
    pub descriptors: Option<usize>,
    /// Threads, if they can be counted.
    pub threads: Option<u64>,
    /// Resident memory in KiB, if it can be measured.
    pub resident: Option<u64>,
    /// The peak of resident memory in KiB.
    pub peak: Option<u64>,
}

impl Proxy {
    /// The daemon's resources now.
    pub fn footprint(&self) -> Footprint {
        let status = self.status();
        let process = format!("/proc/{}", self.pid());
        let lines = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let number =
            |key: &str| lines.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
        Footprint {
            sessions: status["sessions"]["active"].as_u64().expect("a number"),
            tasks: status["tasks"].as_u64().expect("a number"),
            descriptors: fs::read_dir(format!("{process}/fd")).ok().map(Iterator::count),
            threads: number("Threads:"),
            resident: number("VmRSS:"),
            peak: number("VmHWM:"),
        }
    }

    /// Waits until no client is connected and the figures are stable, and returns the figures.
    #[track_caller]
    pub fn at_rest(&self) -> Footprint {
        let mut last = self.footprint();
        eventually(GONE_WITHIN, "no client is connected", || {
            let before = std::mem::replace(&mut last, self.footprint());
            (last.sessions == 0 && before.counts() == last.counts()).then_some(last)
        })
    }

    /// Waits until no more is held than at `start`; the caller compares memory.
    #[track_caller]
    pub fn returns_to(&self, start: &Footprint, after: &str) -> Footprint {
        let mut last = *start;
        let returned = poll(GONE_WITHIN, || {
            last = self.footprint();
            last.is_no_more_than(start)
        });
        assert!(returned.is_some(), "after {after}: {last:?} is left of {start:?}");
        last
    }
}

impl Footprint {
    fn counts(&self) -> (u64, u64, Option<usize>, Option<u64>) {
        (self.sessions, self.tasks, self.descriptors, self.threads)
    }

    /// Whether no more is held than at `start`.
    fn is_no_more_than(&self, start: &Self) -> bool {
        let same = |now: Option<u64>, then: Option<u64>| now.zip(then).is_none_or(|(now, then)| now <= then);
        let descriptors = self.descriptors.zip(start.descriptors).is_none_or(|(now, then)| now <= then);
        self.sessions <= start.sessions && self.tasks <= start.tasks && descriptors && same(self.threads, start.threads)
    }
}
