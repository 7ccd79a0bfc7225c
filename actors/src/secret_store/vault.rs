//! The table in force, and its time.

use std::sync::Arc;
use std::time::Duration;

use policy::name::{Name, Namespace};
use policy::secrets::fingerprint::TableFingerprint;
use policy::secrets::table::Table;
use policy::verdict::tables::InForce;

use super::moment::Moment;
use super::sources::{Glance, ReadError};
use crate::limits;

/// One read of a source, in force until its time is over. Dropping it wipes the values.
#[derive(Debug)]
pub(super) struct Vault {
    table: Table,
    /// The last confirmed table, while this table is unconfirmed: a secret goes only where both tables allow it.
    before: Option<Arc<TableFingerprint>>,
    /// The state of the source at the read.
    pub(super) glance: Glance,
    pub(super) loaded: Moment,
    ttl: Duration,
}

impl Vault {
    pub(super) fn new(
        table: Table,
        before: Option<Arc<TableFingerprint>>,
        glance: Glance,
        ttl: Duration,
        now: Moment,
    ) -> Self {
        Self { table, before, glance, loaded: now, ttl }
    }

    /// Whether the vault may judge a new request.
    pub(super) fn is_fresh(&self, now: Moment) -> bool {
        now.age_of(self.loaded) < self.ttl
    }

    /// Whether the vault may still fill a permit.
    pub(super) fn is_held(&self, now: Moment) -> bool {
        now.age_of(self.loaded) < self.ttl.max(limits::RENDER_WITHIN)
    }

    /// Whether another file was seen in its place since: then a question waits for the read of that one.
    pub(super) fn is_replaced(&self, seen: Option<Result<Glance, ReadError>>) -> bool {
        self.glance.is_eager && matches!(seen, Some(Ok(seen)) if seen != self.glance)
    }

    /// What policy judges by.
    pub(super) fn in_force<'a>(&'a self, namespace: &'a Namespace) -> InForce<'a> {
        InForce { namespace, table: &self.table, before: self.before.as_deref() }
    }

    /// Whether the table is unconfirmed, and so limited by an earlier table.
    pub(super) fn is_restricted(&self) -> bool {
        self.before.is_some()
    }

    pub(super) fn names(&self) -> Arc<[Name]> {
        self.table.secrets().into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// The number of wrong entries.
    pub(super) fn problems(&self) -> usize {
        self.table.faults().len()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt;

    use zeroize::Zeroizing;

    use super::super::sources::Version;
    use super::*;

    const MASK: u8 = 0x5a;

    /// The number of copies of the value in this process's writable memory. The search has only a masked value, so that
    /// it does not find itself.
    fn copies_of(masked: &[u8]) -> usize {
        let memory = File::open("/proc/self/mem").expect("our own");
        let maps = fs::read_to_string("/proc/self/maps").expect("our own");
        let ranges = maps.lines().filter(|map| map.contains(" rw")).filter_map(|map| {
            let (start, end) = map.split_once(' ')?.0.split_once('-')?;
            Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
        });
        let count = |(start, end): (u64, u64)| {
            let mut bytes = Zeroizing::new(vec![0; usize::try_from(end - start).expect("a length")]);
            let read = memory.read_at(&mut bytes, start).unwrap_or(0);
            let found = |window: &&[u8]| window.iter().zip(masked).all(|(byte, masked)| byte ^ MASK == *masked);
            bytes[..read].windows(masked.len()).filter(found).count()
        };
        // A heap of a thread has at most 64 MiB; other tests of this process may have made it grow so far.
        ranges.filter(|(start, end)| end - start <= 64 * 1024 * 1024).map(count).sum()
    }

    /// A file with the value, which is nowhere else.
    fn text(masked: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(256));
        text.extend_from_slice(b"KEY='");
        text.extend(masked.iter().map(|byte| byte ^ MASK));
        text.extend_from_slice(b"'\nKEY_HOSTS=api.example\n");
        text
    }

    #[test]
    fn a_vault_that_is_dropped_leaves_no_value_in_memory() {
        let version = Version::numbered(1);
        let glance = Glance { kind: "file", is_eager: true, is_shared: false, note: None, version };
        let digits = |byte: u8| [b'a' + (byte & 15), b'a' + (byte >> 4)];
        let mut random = [0; 16];
        aws_lc_rs::rand::fill(&mut random).expect("randomness");
        let masked: Vec<u8> = random.into_iter().flat_map(digits).map(|byte| byte ^ MASK).collect();
        let table = Table::read(&text(&masked)).expect("well-formed");
        let vault = Vault::new(table, None, glance, Duration::from_secs(300), Moment::now());
        assert!(copies_of(&masked) >= 1, "the search finds what is held");
        drop(vault);
        assert_eq!(copies_of(&masked), 0);
    }
}
