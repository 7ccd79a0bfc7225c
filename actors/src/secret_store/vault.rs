//! The table that is in force, and for how long.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use policy::judge::{Permit, Plea, Verdict, judge};
use policy::refusal::Refusal;
use policy::rewrite::{Rendered, render};
use policy::secret::Name;
use policy::table::Table;

use super::source::Identity;

/// How long a permit may take to be rendered under a table that is read for every request: as long
/// as dialling may take.
const RENDER_WITHIN: Duration = Duration::from_secs(30);

/// One read of the mount, in force until its time is over. Values are wiped when it is dropped.
#[derive(Debug)]
pub(super) struct Vault {
    table: Table,
    pub(super) identity: Identity,
    pub(super) loaded: Instant,
    loaded_wall: SystemTime,
    ttl: Duration,
}

impl Vault {
    pub(super) fn new(table: Table, identity: Identity, ttl: Duration) -> Self {
        Self { table, identity, loaded: Instant::now(), loaded_wall: SystemTime::now(), ttl }
    }

    /// Whether a new request may be judged by it.
    pub(super) fn is_fresh(&self) -> bool {
        self.age() < self.ttl
    }

    /// Whether a permit may still be rendered by it.
    pub(super) fn is_held(&self) -> bool {
        self.age() < self.ttl.max(RENDER_WITHIN)
    }

    pub(super) fn judge(&self, plea: Plea) -> Result<Permit, Refusal> {
        match judge(&self.table, plea) {
            Verdict::Permit(permit) => Ok(permit),
            Verdict::Refuse(refusal) => Err(refusal),
        }
    }

    pub(super) fn render(&self, permit: Permit) -> Result<Rendered, Refusal> {
        render(&self.table, permit)
    }

    /// Whether both give every name the same value and the same hosts.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        self.table.says_the_same_as(&other.table)
    }

    pub(super) fn names(&self) -> Arc<[Name]> {
        self.table.secrets().into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// How many entries have something wrong with them.
    pub(super) fn problems(&self) -> usize {
        self.table.problems().len()
    }

    /// By the clock that is further on: the monotonic one may stand still during sleep.
    fn age(&self) -> Duration {
        // A wall clock that was set back says nothing.
        let wall = self.loaded_wall.elapsed().unwrap_or_default();
        self.loaded.elapsed().max(wall)
    }
}
