//! Watches the space that is left for records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::sleep;
use tracing::warn;

use crate::limits;
use crate::status::Board;
use crate::trail::Space;

/// Checks at intervals, on another thread, because a file system may take its time.
pub(super) async fn watch(path: PathBuf, board: Arc<Board>) {
    loop {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        if let Ok(Some(space)) = tokio::task::spawn_blocking(move || Space::of(&folder)).await {
            publish(&board, space);
        }
        sleep(limits::SPACE_LOOK).await;
    }
}

fn publish(board: &Board, space: Space) {
    board.audit.send_modify(|report| {
        let (free, low) = (space.free_bytes, space.is_low());
        if low && !report.low_space {
            warn!(free_bytes = free, "little space is left for records: nothing is deleted automatically");
        }
        (report.free_bytes, report.low_space) = (Some(free), low);
    });
}
