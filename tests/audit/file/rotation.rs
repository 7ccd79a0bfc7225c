//! Rotation, by the daemon and by others, under load.

use std::fs::{self, File};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::Value;

use super::{aside, path};
use crate::support::audit_chain;
use crate::support::load::Load;

const CLIENTS: usize = 32;

fn name(path: &std::path::Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn was_never_restarted(load: &Load) {
    let status = load.proxy.status();
    let owners = status["subsystems"].as_array().expect("a list");
    assert!(owners.iter().all(|owner| owner["restarts"] == 0), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_size_under_the_number_of_the_first_record() {
    let load = Load::with(|builder| builder.env("SECRET_PROXY_AUDIT_BYTES", "4KiB"));
    let crowd = load.crowd(CLIENTS);
    load.flows("requests", 100);
    crowd.stop().await;
    load.account();
    was_never_restarted(&load);
    let mut moved = audit_chain::files(load.proxy.dir());
    moved.retain(|file| *file != path(&load));
    assert!(moved.len() > 5, "{moved:?}");
    for file in moved {
        let text = fs::read_to_string(&file).expect("readable");
        let first: Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        assert_eq!(name(&file), format!("audit.log.{:012}", first["seq"].as_u64().expect("a number")));
        assert!((4096..65536).contains(&text.len()), "{} bytes", text.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_are_deleted_after_a_record_says_so() {
    let keeping = |builder: crate::support::ProxyBuilder| {
        builder.env("SECRET_PROXY_AUDIT_BYTES", "4KiB").env("SECRET_PROXY_AUDIT_KEEP", "2")
    };
    let load = Load::with(keeping);
    let order = deletions::Order::watch(load.proxy.dir());
    let crowd = load.crowd(CLIENTS);
    load.flows("requests", 100);
    crowd.stop().await;
    assert_eq!(load.watch.wrong(), [""; 0]);
    let records = audit_chain::verify(load.proxy.dir()).expect("a chain from the oldest that is kept");
    assert!(records.iter().any(|record| record["outcome"] == "pruned"), "{records:?}");
    assert_eq!(audit_chain::files(load.proxy.dir()).len(), 3);
    order.is_note_then_deletion();
    was_never_restarted(&load);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_others_in_any_way() {
    let load = Load::start();
    let (live, moved) = (path(&load), |number| live_aside(&load, number));
    let crowd = load.crowd(CLIENTS);
    load.flows("requests at first", 20);
    fs::rename(&live, moved(1)).expect("renamed");
    load.flows("requests after it was renamed", 20);
    fs::hard_link(&live, moved(2)).expect("linked");
    fs::remove_file(&live).expect("removed");
    load.flows("requests after it was removed", 20);
    crowd.stop().await;
    // Whoever copies and then empties a file that is being written to loses what comes in between.
    fs::copy(&live, moved(3)).expect("copied");
    File::options().write(true).truncate(true).open(&live).expect("emptied");
    let crowd = load.crowd(CLIENTS);
    load.flows("requests after it was copied and emptied", 20);
    crowd.stop().await;
    load.account();
    was_never_restarted(&load);
}

fn live_aside(load: &Load, number: u32) -> std::path::PathBuf {
    aside(load).with_extension(format!("{number}"))
}

/// A text of somebody's in the place of the file: numbers go on, so that no two records have the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_records_in_its_place() {
    let load = Load::start();
    let crowd = load.crowd(8);
    load.flows("requests", 10);
    let foreign = load.proxy.dir().join("new");
    fs::write(&foreign, "who put this here?\n").expect("written");
    // In one step: a file that the daemon made in between would be lost with its records.
    renameat_with(CWD, &foreign, CWD, path(&load), RenameFlags::EXCHANGE).expect("exchanged");
    fs::rename(&foreign, aside(&load)).expect("renamed");
    load.flows("requests after it was replaced", 10);
    crowd.stop().await;
    let text = fs::read_to_string(path(&load)).expect("readable");
    let (foreign, ours) = text.split_once('\n').expect("lines");
    assert_eq!(foreign, "who put this here?");
    assert!(ours.lines().next().is_some_and(|note| note.contains("chain_start")), "{ours}");
    fs::write(path(&load), ours).expect("written");
    load.account();
}

/// In which order the system saw files being written to and deleted.
#[cfg(target_os = "linux")]
mod deletions {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

    pub(super) struct Order(OwnedFd);

    impl Order {
        pub(super) fn watch(dir: &Path) -> Self {
            let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
            let wanted = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::DELETE;
            inotify::add_watch(&events, dir, wanted).expect("watched");
            Self(events)
        }

        /// Between the beginning of a file and the deletion of an old one there is a write to the new.
        pub(super) fn is_note_then_deletion(&self) {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(&self.0, &mut buffer);
            let (mut is_noted, mut deletions) = (false, 0);
            while let Ok(event) = reader.next() {
                let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                match (name.as_str(), event.events()) {
                    ("audit.log", ReadFlags::CREATE) => is_noted = false,
                    ("audit.log", ReadFlags::MODIFY) => is_noted = true,
                    (old, ReadFlags::DELETE) if old.starts_with("audit.log.") => {
                        assert!(is_noted, "{old} was deleted before a record said so");
                        deletions += 1;
                    }
                    _ => {}
                }
            }
            assert!(deletions > 3, "{deletions} deletions seen");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod deletions {
    pub(super) struct Order;

    impl Order {
        pub(super) fn watch(_: &std::path::Path) -> Self {
            Self
        }

        pub(super) fn is_note_then_deletion(&self) {
            println!("skipped: seeing the order of writes and deletions takes Linux");
        }
    }
}
