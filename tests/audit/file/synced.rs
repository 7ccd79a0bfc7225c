//! Records count as written when the settings say so, under load and across crashes.

use std::time::Duration;

use crate::support::Fire;

const CLIENTS: usize = 32;
const CRASHES: u64 = 4;

fn with(sync: &str) -> Fire {
    Fire::with(|builder| builder.env("SECRET_PROXY_AUDIT_SYNC", sync).env("SECRET_PROXY_AUDIT_BYTES", "64KiB"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_of_syncing_loses_nothing() {
    for sync in ["write", "interval", "always"] {
        let fire = with(sync);
        let crowd = fire.crowd(CLIENTS);
        fire.flows(sync, 50);
        crowd.stop().await;
        fire.account();
        assert_eq!((fire.seen.denied.all(), fire.unrecorded()), (Vec::<String>::new(), 0), "{sync}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_between_writing_and_syncing_lose_nothing_that_was_acknowledged() {
    let fire = with("always");
    let crowd = fire.crowd(CLIENTS);
    for crash in 1..=CRASHES {
        fire.flows("requests", 10);
        fire.proxy.fault("audit", "crash");
        fire.proxy.status_becomes("up again", |status| {
            let audit = &status["subsystems"][0];
            audit["restarts"] == crash && audit["state"] == "running"
        });
    }
    fire.flows("requests afterwards", 10);
    crowd.stop().await;
    fire.account();
}

/// What is written is synced by the end, whoever waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_syncs_now_and_then_ends_well() {
    let fire = with("interval");
    assert_eq!(fire.answer("{{API_KEY}}").await, 200);
    assert_eq!(fire.proxy.stop().code(), Some(0));
    assert!(fire.proxy.wait(Duration::from_secs(1)).success());
    fire.proxy.launch();
    assert_eq!(fire.account().len(), 1);
}
