//! Noticing that the mount was made, removed, replaced or edited.
//!
//! The folder is watched, not the file: the file may not be there, or be replaced. Events are hints;
//! the store looks for itself, and also every few seconds without one.

use std::path::Path;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Calls `stirred` when something happened to the file at `path`. Dropping the watcher ends it.
pub(super) fn watch(path: &Path, stirred: impl Fn() + Send + 'static) -> notify::Result<RecommendedWatcher> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        // By name: macOS reports the folder under its canonical path, which may not be ours.
        Ok(event) if is_change(event.kind) && event.paths.iter().any(|path| path.file_name() == name.as_deref()) => {
            stirred();
        }
        Ok(_) => {}
        Err(_) => stirred(),
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Our own reads are events too: acting on them would never end.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
