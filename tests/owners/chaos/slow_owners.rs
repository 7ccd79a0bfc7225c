//! Owners that are slow, and such as never come back.

use std::time::{Duration, Instant};

use super::OWNERS;
use crate::support::Load;

/// How long a process in which nothing moves may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

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
