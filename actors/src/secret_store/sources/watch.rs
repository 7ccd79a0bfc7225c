//! Changes at a path: the file is made, removed, replaced or edited.
//!
//! The watch is on the file itself, or on its folder while there is no file: the proxy's logs are in the same folder,
//! and each of their lines would be an event.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// The callback for possible changes.
pub(crate) type OnChange = Arc<dyn Fn() + Send + Sync>;

/// A watch of one path. Dropping it ends it.
pub(crate) struct Watch {
    path: PathBuf,
    on_change: OnChange,
    watcher: Option<RecommendedWatcher>,
    /// The file that is watched; `None` for the folder.
    watched: Option<FileNumber>,
    may_have_ended: bool,
}

impl Watch {
    /// A watch, which begins with the first [`Self::renew`].
    pub(super) fn of(path: PathBuf, on_change: OnChange) -> Self {
        Self { path, on_change, watcher: None, watched: None, may_have_ended: false }
    }

    /// After a change the file may be gone, and the watch with it, although the next file has the same number.
    pub(crate) fn note_change(&mut self) {
        self.may_have_ended = true;
    }

    /// Watches the file at the path. Call this before a glance: every later change is an event.
    pub(crate) fn renew(&mut self) {
        let there = number(&self.path);
        if self.watcher.is_some() && !self.may_have_ended && self.watched == there {
            return;
        }
        self.watcher = watcher(&self.path, there.is_some(), self.on_change.clone()).ok();
        (self.watched, self.may_have_ended) = (there, false);
        if number(&self.path) != there {
            (self.on_change)();
        }
    }
}

/// Device and inode.
type FileNumber = (u64, u64);

fn number(path: &Path) -> Option<FileNumber> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Watches the file, or its folder if there is none.
fn watcher(path: &Path, is_there: bool, on_change: OnChange) -> notify::Result<RecommendedWatcher> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Compared by name: macOS reports the canonical path of the folder, which may differ.
        let is_ours = |path: &PathBuf| path.file_name() == name.as_deref();
        if event.map_or(true, |event| is_change(event.kind) && event.paths.iter().any(is_ours)) {
            on_change();
        }
    })?;
    // macOS has events for folders, and sends several at a time.
    let target = if is_there && !cfg!(target_os = "macos") { path } else { folder };
    watcher.watch(target, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// The proxy's own reads are events too, and would cause further reads without end.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
