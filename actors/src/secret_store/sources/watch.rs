//! Changes at a path: the file is made, removed, replaced or edited.
//!
//! The watch is on the file itself, or on its folder while there is no file: the proxy's logs are in the same folder,
//! and each of their lines would be an event. If the path leads through links, the folder of each link is watched as
//! well: turning a link changes nothing in the folder that it led to.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Links of one path that are watched.
const LINKS_MAX: usize = 16;

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

/// Watches the file, or its folder if there is none, and the links on the way to it.
fn watcher(path: &Path, is_there: bool, on_change: OnChange) -> notify::Result<RecommendedWatcher> {
    let links = links(path);
    let names: Vec<_> = links.iter().map(PathBuf::as_path).chain([path]).filter_map(Path::file_name).collect();
    let names: Vec<OsString> = names.into_iter().map(ToOwned::to_owned).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Compared by name: macOS reports the canonical path of the folder, which may differ.
        let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| names.iter().any(|ours| ours == name));
        if event.map_or(true, |event| is_change(event.kind) && event.paths.iter().any(is_ours)) {
            on_change();
        }
    })?;
    // macOS has events for folders, and sends several at a time.
    let target = if is_there && !cfg!(target_os = "macos") { path } else { folder(path) };
    watcher.watch(target, RecursiveMode::NonRecursive)?;
    for link in &links {
        watcher.watch(folder(link), RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The links in the folders of a path, and in those that they lead to. A link at its end is never followed.
fn links(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder(path).to_owned()];
    while let Some(next) = left.pop() {
        for ancestor in next.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
            let Ok(target) = fs::read_link(ancestor) else { continue };
            if found.len() < LINKS_MAX && !found.iter().any(|link| link == ancestor) {
                left.push(folder(ancestor).join(target));
                found.push(ancestor.to_owned());
            }
        }
    }
    found
}

/// The proxy's own reads are events too, and would cause further reads without end.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    /// A folder with two versions of the secrets, and a link to the first.
    fn versions() -> tempfile::TempDir {
        let parent = tempfile::tempdir().expect("a folder");
        for version in ["1", "2"] {
            fs::create_dir(parent.path().join(version)).expect("made");
            fs::write(parent.path().join(version).join("secrets.env"), version).expect("written");
        }
        symlink("1", parent.path().join("..data")).expect("linked");
        symlink("..data", parent.path().join("current")).expect("linked");
        parent
    }

    #[test]
    fn links_on_the_way_are_found_and_a_link_at_the_end_is_none_of_them() {
        let parent = versions();
        let at = |path: &str| parent.path().join(path);
        assert_eq!(links(&at("current/secrets.env")), [at("current"), at("..data")]);
        assert!(links(&at("1/secrets.env")).is_empty());
        assert!(links(&at("..data")).is_empty());
        symlink("loop", at("loop")).expect("linked");
        assert_eq!(links(&at("loop/secrets.env")), [at("loop")]);
    }

    #[test]
    fn turning_a_link_is_a_change() {
        let (parent, changes) = (versions(), Arc::new(AtomicUsize::new(0)));
        let counted = changes.clone();
        let on_change: OnChange = Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let mut watch = Watch::of(parent.path().join("current/secrets.env"), on_change);
        watch.renew();
        symlink("2", parent.path().join("next")).expect("linked");
        fs::rename(parent.path().join("next"), parent.path().join("..data")).expect("turned");
        let until = Instant::now() + Duration::from_secs(10);
        while changes.load(Ordering::Relaxed) == 0 {
            assert!(Instant::now() < until, "no event");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
