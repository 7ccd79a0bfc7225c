//! The audit file in bad weather: while records cannot be written, what asks for a secret is refused and
//! counted, everything else flows, the status says why, and it heals by itself. No rotation loses a line.

mod rotation;
mod synced;
mod tampering;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::support::crowd::HOST;
use crate::support::fire::Fire;
use crate::support::tiny_disk::TinyDisk;
use crate::support::{Origin, Proxy, chain, eventually, eventually_async, proc};

const SECRET: &str = "{{API_KEY}}";
const PLAIN: &str = "no placeholder";
const NOBODY: u32 = 65534;
const WITHIN: Duration = Duration::from_secs(10);
/// How long an owner that hangs may stay.
const REPLACED_WITHIN: Duration = Duration::from_secs(12);

fn path(fire: &Fire) -> PathBuf {
    fire.proxy.dir().join("audit.log")
}

/// Where the live file is moved to, so that its lines still count.
fn aside(fire: &Fire) -> PathBuf {
    fire.proxy.dir().join("audit.log.aside")
}

/// Under load: something is wrong, is told, refuses and counts, and is over as soon as it is put right.
async fn weathers(fire: &Fire, wrong: impl FnOnce(), told: &str, right: impl FnOnce()) {
    let crowd = fire.crowd(8);
    fire.flows("requests before", 10);
    wrong();
    // The last records that find room.
    eventually_async(WITHIN, "a refusal", async || fire.answer(SECRET).await == 403).await;
    let before = fire.unrecorded();
    for _ in 0..3 {
        assert_eq!((fire.answer(SECRET).await, fire.answer(PLAIN).await), (403, 200));
    }
    fire.flows_plain("requests without placeholders", 20);
    assert!(fire.unrecorded() >= before + 3, "what is not recorded is counted");
    let status = fire.proxy.status();
    assert!(status["audit"]["last_error"].as_str().is_some_and(|error| error.contains(told)), "{}", status["audit"]);
    assert_eq!(fire.proxy.cli(&["status"]).status.code(), Some(1));
    right();
    eventually_async(WITHIN, "a secret is served again", async || fire.answer(SECRET).await == 200).await;
    fire.flows("requests afterwards", 10);
    crowd.stop().await;
    assert!(fire.proxy.status()["audit"]["last_error"].is_null());
    fire.account();
}

fn is_skipped(unless: bool, what: &str) -> bool {
    if !unless {
        println!("skipped: {what} takes root");
    }
    !unless
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_take_records() {
    let fire = Fire::start();
    let wrong = || drop(fire.proxy.fault("audit", "fail-writes"));
    weathers(&fire, wrong, "a test asked for this", || drop(fire.proxy.fault("audit", "heal-writes"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() {
    let disk = TinyDisk::mount();
    if is_skipped(disk.is_some(), "mounting a small disk") {
        return;
    }
    let disk = disk.expect("mounted");
    let mut fire = Fire::with(|builder| builder.within(disk.path()));
    fire.log_has_gaps = true;
    weathers(&fire, || disk.fill(), "write", || disk.empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_its_place() {
    let fire = Fire::start();
    let wrong = || {
        fs::rename(path(&fire), aside(&fire)).expect("moved");
        fs::create_dir(path(&fire)).expect("made");
    };
    weathers(&fire, wrong, "is not a regular file", || fs::remove_dir(path(&fire)).expect("empty")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_its_place_is_not_followed() {
    let fire = Fire::start();
    let victim = tempfile::NamedTempFile::new().expect("a file");
    let wrong = || {
        fs::rename(path(&fire), aside(&fire)).expect("moved");
        symlink(victim.path(), path(&fire)).expect("linked");
    };
    weathers(&fire, wrong, "is not a regular file", || fs::remove_file(path(&fire)).expect("there")).await;
    assert_eq!(fs::metadata(victim.path()).expect("there").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_given_to_another_user() {
    if is_skipped(proc::is_root(), "giving a file away") {
        return;
    }
    let fire = Fire::start();
    let give = |user| chown(path(&fire), Some(user), None).expect("given");
    weathers(&fire, || give(NOBODY), "belongs to another user", || give(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_user_in_its_place() {
    if is_skipped(proc::is_root(), "giving a file away") {
        return;
    }
    let fire = Fire::start();
    let wrong = || {
        fs::rename(path(&fire), aside(&fire)).expect("moved");
        fs::write(path(&fire), "").expect("made");
        chown(path(&fire), Some(NOBODY), None).expect("given");
    };
    weathers(&fire, wrong, "belongs to another user", || fs::remove_file(path(&fire)).expect("there")).await;
}

/// With the folder the socket of `status` goes; it is asked where the folder is now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_moved_away_and_back() {
    let fire = Fire::start();
    let away = fire.proxy.dir().with_extension("away");
    assert_eq!(fire.answer(SECRET).await, 200);
    let client = fire.proxy.client();
    let probe = async |key| fire.answer_to(&client, key).await;
    fs::rename(fire.proxy.dir(), &away).expect("moved");
    assert_eq!((probe(SECRET).await, probe(PLAIN).await), (403, 200));
    let status = fire.proxy.ask_in(&away, &json!({"ask": "status"})).expect("answered");
    assert!(status["audit"]["last_error"].is_string(), "{status}");
    assert_eq!(status["audit"]["unrecorded"], 1);
    fs::rename(&away, fire.proxy.dir()).expect("moved back");
    eventually_async(WITHIN, "a secret is served again", async || probe(SECRET).await == 200).await;
    fire.account();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_removed_and_made_anew() {
    let fire = Fire::with(|builder| builder.expect_restarts());
    assert_eq!(fire.answer(SECRET).await, 200);
    let (client, dir) = (fire.proxy.client(), fire.proxy.dir().to_path_buf());
    let probe = async |key| fire.answer_to(&client, key).await;
    let kept = fs::read(path(&fire)).expect("there");
    fs::remove_dir_all(&dir).expect("removed");
    assert_eq!((probe(SECRET).await, probe(PLAIN).await), (403, 200));
    make_private(&dir);
    fire.proxy.write_secrets(&fire.secrets_text());
    eventually_async(WITHIN, "a secret is served again", async || probe(SECRET).await == 200).await;
    fs::write(aside(&fire), kept).expect("written");
    let records = chain::verify(&dir).expect("the chain goes on from what was removed");
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
