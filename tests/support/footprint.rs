//! What the daemon holds at a moment: sessions, tasks, descriptors, threads, memory.
//!
//! Sessions and tasks are told by `status`, the rest by `/proc`. Without `/proc`, and where it hides
//! the descriptors of a process that is not dumpable from everybody but root, that part is not known,
//! and not compared.

use std::fs;
use std::time::Duration;

use super::eventually::{eventually, poll};
use super::proxy::Proxy;

/// How long what a client left behind may take to be gone. Threads that read files linger for 10 s.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// What a daemon holds.
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
    /// The most that it ever was.
    pub peak: Option<u64>,
}

impl Proxy {
    /// What the daemon holds now.
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

    /// Waits until no client is connected and nothing changes any more, and gives what is held then.
    #[track_caller]
    pub fn at_rest(&self) -> Footprint {
        let mut last = self.footprint();
        eventually(GONE_WITHIN, "no client is connected", || {
            let before = std::mem::replace(&mut last, self.footprint());
            (last.sessions == 0 && before.counts() == last.counts()).then_some(last)
        })
    }

    /// Waits until nothing is held that was not held at `start`; memory is compared by the caller.
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

    /// Whether there is nothing that was not there at `start`.
    fn is_no_more_than(&self, start: &Self) -> bool {
        let same = |now: Option<u64>, then: Option<u64>| now.zip(then).is_none_or(|(now, then)| now <= then);
        let descriptors = self.descriptors.zip(start.descriptors).is_none_or(|(now, then)| now <= then);
        self.sessions <= start.sessions && self.tasks <= start.tasks && descriptors && same(self.threads, start.threads)
    }
}
