//! Records count as written when the settings say so, under load and across crashes.

use std::time::Duration;

use crate::support::Load;

const CLIENTS: usize = 32;
const CRASHES: u64 = 4;

fn with(sync: &str) -> Load {
    Load::with(|builder| builder.env("SECRET_PROXY_AUDIT_SYNC", sync).env("SECRET_PROXY_AUDIT_BYTES", "64KiB"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_of_syncing_loses_nothing() {
    for sync in ["write", "interval", "always"] {
        let load = with(sync);
        let crowd = load.crowd(CLIENTS);
        load.flows(sync, 50);
        crowd.stop().await;
        load.account();
        assert_eq!((load.seen.denied.all(), load.unrecorded()), (Vec::<String>::new(), 0), "{sync}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_between_writing_and_syncing_lose_nothing_that_was_acknowledged() {
    let load = with("always");
    let crowd = load.crowd(CLIENTS);
    for crash in 1..=CRASHES {
        load.flows("requests", 10);
        load.proxy.fault("audit", "crash");
        load.proxy.status_becomes("up again", |status| {
            let audit = &status["subsystems"][0];
            audit["restarts"] == crash && audit["state"] == "running"
        });
    }
    load.flows("requests afterwards", 10);
    crowd.stop().await;
    load.account();
}

/// What is written is synced by the end, whoever waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_syncs_now_and_then_ends_well() {
    let load = with("interval");
    assert_eq!(load.answer("{{API_KEY}}").await, 200);
    assert_eq!(load.proxy.stop().code(), Some(0));
    assert!(load.proxy.wait(Duration::from_secs(1)).success());
    load.proxy.launch();
    assert_eq!(load.account().len(), 1);
}
