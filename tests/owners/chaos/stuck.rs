//! Owners that are slow, and such as never come back.

use std::time::{Duration, Instant};

use super::OWNERS;
use crate::support::Fire;

/// How long a process in which nothing moves may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_owners_lose_nothing() {
    let fire = Fire::start();
    let crowd = fire.crowd(8);
    fire.flows("requests", 10);
    for owner in OWNERS {
        fire.proxy.fault(owner, "slow");
        fire.flows(owner, 10);
    }
    crowd.stop().await;
    fire.account();
    assert_eq!(fire.seen.denied.all(), [""; 0]);
    assert_eq!(super::restarts(&fire.proxy.status()), [0; 6], "slow is not dead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_thread_ends_the_process_with_one_line() {
    let fire = Fire::start();
    let began = Instant::now();
    fire.proxy.fault("audit", "block");
    let ended = fire.proxy.wait(ENDED_WITHIN.saturating_sub(began.elapsed()));
    assert_eq!(ended.code(), Some(1));
    let told = fire.proxy.stderr_text();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("secret-proxy: nothing has moved for 10 s"), "{told}");
}
