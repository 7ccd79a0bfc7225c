//! The resources of the process: after the test no more than before.

use std::time::Duration;

use crate::support::{Load, eventually, proc};

/// Memory that may be in use besides what there was before the first request: buffers that were needed at a
/// time, which the system's allocator keeps for the next.
const KEPT_MAX_KIB: u64 = 16 * 1024;
/// Memory that may be in use besides what there was after half of the crashes: what a crash leaks, the second
/// half would leak as well.
const GROWTH_MAX_KIB: u64 = 4 * 1024;

/// Descriptors and memory; only root may look.
pub(super) struct Resources {
    descriptors: Option<usize>,
    own_kib: Option<u64>,
}

impl Resources {
    pub(super) fn of(load: &Load) -> Self {
        let pid = load.proxy.pid();
        Self { descriptors: proc::descriptors(pid), own_kib: proc::own_kib(pid) }
    }

    /// Whether no more is in use now than at this moment, which was after the same for half as long.
    pub(super) fn are_not_outgrown(&self, load: &Load) {
        let (Some(midway), Some(now)) = (self.own_kib, Self::of(load).own_kib) else { return };
        println!("memory after half of the crashes: {midway} KiB, after all: {now} KiB");
        assert!(now <= midway + GROWTH_MAX_KIB, "{midway} KiB became {now} KiB");
    }

    /// Waits until the clients and the idle connections to the origins are gone.
    pub(super) fn are_given_back(&self, load: &Load) {
        let (Some(descriptors), Some(own)) = (self.descriptors, self.own_kib) else {
            println!("skipped: looking at a process that forbids it takes root, and Linux");
            return;
        };
        load.origin.stop();
        load.thief.stop();
        let given_back = || {
            let idle = load.proxy.status()["sessions"]["active"] == 0;
            idle && Self::of(load).descriptors <= Some(descriptors)
        };
        eventually(Duration::from_secs(20), "all descriptors are given back", given_back);
        let now = Self::of(load);
        println!("{descriptors} descriptors, then {:?}; {own} KiB, then {:?}", now.descriptors, now.own_kib);
        assert!(now.own_kib <= Some(own + KEPT_MAX_KIB), "{own} KiB became {:?}", now.own_kib);
    }
}
