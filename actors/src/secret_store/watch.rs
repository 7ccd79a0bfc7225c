//! Noticing that the mount was made, removed, replaced or edited.
//!
//! The file itself is watched, or its folder while there is none: our own logs stand in the same folder, and
//! each line of them would be an event. Events are hints; the store looks for itself, and also every few
//! seconds without one.

use std::path::Path;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use ractor::ActorRef;

use super::sources::{self, Kind};
use super::{Msg, State};
use crate::limits;
use crate::secret_store::report::SecretsState;

impl State {
    /// Looks soon, and once for many events.
    pub(super) fn stirred(&mut self, myself: &ActorRef<Msg>) {
        // The file may be gone, and the watch with it, though the next one has the same number.
        self.watch.iter_mut().for_each(|watch| watch.may_have_ended = true);
        if !std::mem::replace(&mut self.looks_soon, true) {
            drop(myself.send_after(limits::SETTLE, || Msg::Look));
        }
    }

    /// Compares the mount with what it was, by stat alone.
    pub(super) fn look(&mut self, myself: &ActorRef<Msg>) {
        self.looks_soon = false;
        self.watch(myself);
        if self.vault.as_ref().is_some_and(|vault| !vault.is_held()) {
            self.wipe();
            self.report_nothing_held("the last read is too old; the next placeholder reads");
        }
        let now = sources::probe(&self.arguments.path);
        if self.reading.is_some() {
            // It looks for itself. What is held may be of a pipe that is gone.
            if self.vault.as_ref().is_some_and(|vault| vault.identity.kind == Kind::Pipe && now != Ok(vault.identity)) {
                self.wipe();
                self.report_nothing_held("the pipe was replaced");
            }
            return;
        }
        if self.seen == Some(now) {
            return;
        }
        self.seen = Some(now);
        self.arguments.part.update(|report| {
            report.kind = now.ok().map(|identity| identity.kind.as_str());
        });
        match now {
            Ok(identity) if identity.kind == Kind::File => self.read_now(myself),
            // Reading a pipe may ask its owner: it waits for a request that needs it.
            Ok(_) => {
                self.failed = None;
                self.wipe();
                self.report(SecretsState::Idle, "a pipe; the next placeholder reads".to_owned());
            }
            Err(trouble) => self.troubled(trouble),
        }
    }

    /// Watches what stands at the path, before it is looked at: what changes from then on is an event.
    fn watch(&mut self, myself: &ActorRef<Msg>) {
        let path = &self.arguments.path;
        let there = sources::number(path);
        if self.watch.as_ref().is_none_or(|watch| watch.may_have_ended || watch.of != there) {
            let store = myself.clone();
            self.watch = Watch::start(path, there, move || drop(store.cast(Msg::Stirred))).ok();
            if sources::number(path) != there {
                self.stirred(myself);
            }
        }
    }
}

/// A watch under way; dropping it ends it.
pub(super) struct Watch {
    /// The number of the file that it is of; `None` for the folder.
    of: Option<(u64, u64)>,
    may_have_ended: bool,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Calls `stirred` when something happens to the file at `path`, whose number is `of` if it is there.
    fn start(path: &Path, of: Option<(u64, u64)>, stirred: impl Fn() + Send + 'static) -> notify::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(ToOwned::to_owned);
        let mut notifier = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            // By name: macOS reports the folder under its canonical path, which may not be ours.
            Ok(event)
                if is_change(event.kind) && event.paths.iter().any(|path| path.file_name() == name.as_deref()) =>
            {
                stirred();
            }
            Ok(_) => {}
            Err(_) => stirred(),
        })?;
        // The events of macOS are made for folders, and come in bundles.
        let watched = if of.is_some() && !cfg!(target_os = "macos") { path } else { folder };
        notifier.watch(watched, RecursiveMode::NonRecursive)?;
        Ok(Self { of, may_have_ended: false, _watcher: notifier })
    }
}

/// Our own reads are events too: acting on them would never end.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
