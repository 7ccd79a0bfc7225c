//! The audit file during failed writes and rotations.
//!
//! While no record can be written, the proxy refuses and counts requests with placeholders and forwards all others;
//! `status` gives the reason, and the proxy recovers by itself. No rotation loses a line.

mod rotation;
mod synced;
mod tampering;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::support::crowd::HOST;
use crate::support::load::Load;
use crate::support::tiny_disk::TinyDisk;
use crate::support::{Origin, Proxy, audit_chain, eventually, eventually_async, proc};

const SECRET: &str = "{{API_KEY}}";
const PLAIN: &str = "no placeholder";
const NOBODY: u32 = 65534;
const WITHIN: Duration = Duration::from_secs(10);
/// How long an owner that hangs may stay.
const REPLACED_WITHIN: Duration = Duration::from_secs(12);

fn path(load: &Load) -> PathBuf {
    load.proxy.dir().join("audit.log")
}

/// Where the live file is moved to, so that its lines still count.
fn aside(load: &Load) -> PathBuf {
    load.proxy.dir().join("audit.log.aside")
}

/// Under load: something is wrong, is told, refuses and counts, and is over as soon as it is put right.
async fn recovers(load: &Load, wrong: impl FnOnce(), told: &str, right: impl FnOnce()) {
    let crowd = load.crowd(8);
    load.flows("requests before", 10);
    wrong();
    // The last records that find room.
    eventually_async(WITHIN, "a refusal", async || load.answer(SECRET).await == 403).await;
    let before = load.unrecorded();
    for _ in 0..3 {
        assert_eq!((load.answer(SECRET).await, load.answer(PLAIN).await), (403, 200));
    }
    load.flows_plain("requests without placeholders", 20);
    assert!(load.unrecorded() >= before + 3, "what is not recorded is counted");
    let status = load.proxy.status();
    assert!(status["audit"]["last_error"].as_str().is_some_and(|error| error.contains(told)), "{}", status["audit"]);
    assert_eq!(load.proxy.cli(&["status"]).status.code(), Some(1));
    right();
    eventually_async(WITHIN, "a secret is served again", async || load.answer(SECRET).await == 200).await;
    load.flows("requests afterwards", 10);
    crowd.stop().await;
    assert!(load.proxy.status()["audit"]["last_error"].is_null());
    load.account();
}

fn is_skipped(unless: bool, what: &str) -> bool {
    if !unless {
        println!("skipped: {what} takes root");
    }
    !unless
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_take_records() {
    let load = Load::start();
    let wrong = || drop(load.proxy.fault("audit", "fail-writes"));
    recovers(&load, wrong, "a test asked for this", || drop(load.proxy.fault("audit", "heal-writes"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() {
    let disk = TinyDisk::mount();
    if is_skipped(disk.is_some(), "mounting a small disk") {
        return;
    }
    let disk = disk.expect("mounted");
    let mut load = Load::with(|builder| builder.within(disk.path()));
    load.log_has_gaps = true;
    recovers(&load, || disk.fill(), "write", || disk.empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_its_place() {
    let load = Load::start();
    let wrong = || {
        fs::rename(path(&load), aside(&load)).expect("moved");
        fs::create_dir(path(&load)).expect("made");
    };
    recovers(&load, wrong, "is not a regular file", || fs::remove_dir(path(&load)).expect("empty")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_its_place_is_not_followed() {
    let load = Load::start();
    let victim = tempfile::NamedTempFile::new().expect("a file");
    let wrong = || {
        fs::rename(path(&load), aside(&load)).expect("moved");
        symlink(victim.path(), path(&load)).expect("linked");
    };
    recovers(&load, wrong, "is not a regular file", || fs::remove_file(path(&load)).expect("there")).await;
    assert_eq!(fs::metadata(victim.path()).expect("there").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_given_to_another_user() {
    if is_skipped(proc::is_root(), "giving a file away") {
        return;
    }
    let load = Load::start();
    let give = |user| chown(path(&load), Some(user), None).expect("given");
    recovers(&load, || give(NOBODY), "belongs to another user", || give(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_user_in_its_place() {
    if is_skipped(proc::is_root(), "giving a file away") {
        return;
    }
    let load = Load::start();
    let wrong = || {
        fs::rename(path(&load), aside(&load)).expect("moved");
        fs::write(path(&load), "").expect("made");
        chown(path(&load), Some(NOBODY), None).expect("given");
    };
    recovers(&load, wrong, "belongs to another user", || fs::remove_file(path(&load)).expect("there")).await;
}

/// With the folder the socket of `status` goes; it is asked where the folder is now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_moved_away_and_back() {
    let load = Load::start();
    let away = load.proxy.dir().with_extension("away");
    assert_eq!(load.answer(SECRET).await, 200);
    let client = load.proxy.client();
    let probe = async |key| load.answer_to(&client, key).await;
    fs::rename(load.proxy.dir(), &away).expect("moved");
    assert_eq!((probe(SECRET).await, probe(PLAIN).await), (403, 200));
    let status = load.proxy.ask_in(&away, &json!({"ask": "status"})).expect("answered");
    assert!(status["audit"]["last_error"].is_string(), "{status}");
    assert_eq!(status["audit"]["unrecorded"], 1);
    fs::rename(&away, load.proxy.dir()).expect("moved back");
    eventually_async(WITHIN, "a secret is served again", async || probe(SECRET).await == 200).await;
    load.account();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_removed_and_made_anew() {
    let load = Load::with(|builder| builder.expect_restarts());
    assert_eq!(load.answer(SECRET).await, 200);
    let (client, dir) = (load.proxy.client(), load.proxy.dir().to_path_buf());
    let probe = async |key| load.answer_to(&client, key).await;
    let kept = fs::read(path(&load)).expect("there");
    // The daemon may write a line to its log meanwhile, into a file of its own in the folder.
    eventually(WITHIN, "the folder is removed", || fs::remove_dir_all(&dir).is_ok());
    assert_eq!((probe(SECRET).await, probe(PLAIN).await), (403, 200));
    make_private(&dir);
    load.proxy.write_secrets(&load.secrets_text());
    eventually_async(WITHIN, "a secret is served again", async || probe(SECRET).await == 200).await;
    fs::write(aside(&load), kept).expect("written");
    let records = audit_chain::verify(&dir).expect("the chain goes on from what was removed");
    assert!(records.len() >= 2, "{records:?}");
}

fn make_private(folder: &Path) {
    fs::create_dir(folder).expect("made");
    fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("ours");
}

/// A client that goes away gets no answer, but its attempt is counted: when its record cannot be written,
/// and when it is lost with an owner that hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_is_counted_too() {
    let origin = Origin::start(&[HOST]);
    for fault in ["fail-writes", "wedge"] {
        // Nobody serves the pipe: a request with a placeholder waits.
        let proxy = Proxy::builder().origin(HOST, &origin).secrets_fifo().start();
        let client = proxy.client();
        let request = tokio::spawn(async move {
            let request = client.get("https://api.example.test/gone").header("x-api-key", SECRET);
            drop(request.send().await);
        });
        proxy.status_becomes("the request waits", |status| status["secrets"]["state"] == "unserved");
        proxy.fault("audit", fault);
        request.abort();
        let is_counted = || proxy.status()["audit"]["unrecorded"] == 1;
        eventually(REPLACED_WITHIN, "the attempt is counted", is_counted);
        assert!(proxy.audit_lines().is_empty());
    }
}
