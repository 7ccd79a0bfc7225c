//! Watches the space that is left for records.

use std::path::{Path, PathBuf};

use tokio::time::sleep;
use tracing::warn;

use super::report::Part;
use crate::limits;
use crate::trail::Space;

/// Checks at intervals, on another thread, because a file system may take its time.
pub(super) async fn watch(path: PathBuf, part: Part) {
    loop {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let space = tokio::task::spawn_blocking(move || Space::of(&folder)).await.ok().flatten();
        space.into_iter().for_each(|space| publish(&part, space));
        let is_short = space.is_some_and(|space| space.free_bytes < limits::SPACE_SHORT_BYTES);
        sleep(if is_short { limits::SPACE_CHECK_SOON } else { limits::SPACE_CHECK_EVERY }).await;
    }
}

fn publish(part: &Part, space: Space) {
    part.update(|report| {
        let (free, low) = (space.free_bytes, space.is_low());
        if low && !report.low_space {
            warn!(free_bytes = free, "little space is left for records: permitted requests are slowed down, and nothing is deleted automatically");
        }
        (report.free_bytes, report.low_space) = (Some(free), low);
    });
}
