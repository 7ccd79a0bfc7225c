//! Owners that are slow, and such as never come back.

use std::time::{Duration, Instant};

use serde_json::json;

use super::OWNERS;
use crate::support::{Load, eventually};

/// How long a process in which nothing moves may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

/// How long the queue of a test takes: longer than a process in which nothing moves may take to end.
const QUEUE_AT_LEAST: Duration = Duration::from_secs(14);
/// How long it may take on a slow machine.
const QUEUE_WITHIN: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_owners_lose_nothing() {
    let load = Load::start();
    let crowd = load.crowd(8);
    load.flows("requests", 10);
    for owner in OWNERS {
        load.proxy.fault(owner, "slow");
        load.flows(owner, 10);
    }
    crowd.stop().await;
    load.account();
    assert_eq!(load.seen.denied.all(), [""; 0]);
    assert_eq!(super::restarts(&load.proxy.status()), [0; 6], "slow is not dead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_thread_ends_the_process_with_one_line() {
    let load = Load::start();
    let began = Instant::now();
    load.proxy.fault("audit", "block");
    let ended = load.proxy.wait(ENDED_WITHIN.saturating_sub(began.elapsed()));
    assert_eq!(ended.code(), Some(1));
    let told = load.proxy.stderr_text();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("secret-proxy: nothing has moved for 10 s"), "{told}");
}

/// Everything waits meanwhile: heartbeats, their answers, and requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_queue_ends_neither_the_process_nor_an_owner() {
    let load = Load::start();
    let (pid, began) = (load.proxy.status()["pid"].clone(), Instant::now());
    load.proxy.fault("status", "crowd");
    let again = eventually(QUEUE_WITHIN, "the queue has passed", || {
        let status = load.proxy.ask(&json!({"ask": "status"}))?;
        Some(status).filter(|_| began.elapsed() > QUEUE_AT_LEAST)
    });
    assert_eq!((&again["pid"], super::restarts(&again)), (&pid, vec![0; 6]));
    let crowd = load.crowd(2);
    load.flows("requests", 1);
    crowd.stop().await;
}
