//! The table that is in force, and for how long.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use policy::judge::{Permit, Plea, Verdict, judge};
use policy::refusal::Refusal;
use policy::rewrite::{Rendered, render};
use policy::secret::Name;
use policy::table::Table;

use super::source::Identity;
use crate::limits;

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
        self.age() < self.ttl.max(limits::RENDER_WITHIN)
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

    /// Whether it allows only what an earlier one did, until a second read confirms it.
    pub(super) fn is_restricted(&self) -> bool {
        self.table.is_restricted()
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
