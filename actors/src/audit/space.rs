//! How much room there is left for records.

use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use tokio::time::sleep;
use tracing::warn;

use super::report::Part;
use crate::limits;

/// Looks from time to time, on another thread: a file system may take its time.
pub(super) async fn watch(path: PathBuf, part: Part) {
    loop {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        if let Ok(Some(free)) = tokio::task::spawn_blocking(move || free_bytes(&folder)).await {
            publish(&part, free);
        }
        sleep(limits::SPACE_LOOK).await;
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let found = statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

fn publish(part: &Part, free: u64) {
    part.update(|report| {
        let low = free < limits::SPACE_LOW;
        if low && !report.low_space {
            warn!(free_bytes = free, "little room is left for records: nothing is deleted by itself");
        }
        (report.free_bytes, report.low_space) = (Some(free), low);
    });
}
