//! The space left for records on the disk.

use std::path::Path;

use rustix::fs::statvfs;

use crate::limits;

/// The space that is left in a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Space {
    /// What this user may still write, in bytes.
    pub free_bytes: u64,
}

impl Space {
    /// Asks the file system, which may take its time; `None` if it does not say.
    pub fn of(folder: &Path) -> Option<Self> {
        let found = statvfs(folder).ok()?;
        Some(Self { free_bytes: found.f_bavail.checked_mul(found.f_frsize)? })
    }

    /// Whether a person should know.
    pub fn is_low(self) -> bool {
        self.free_bytes < limits::SPACE_LOW_BYTES
    }
}
