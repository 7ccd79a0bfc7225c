//! After a read that failed, the next one waits, longer each time, unless somebody says that it is worth it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;

use super::stage::{LOCKED, Stage, put_pipe};
use crate::support::{Fifo, eventually_async};

/// Requests come all the time, and the owner is asked after 0, 1, 3 and 7 s, no more.
async fn a_locked_app_is_asked_less_and_less() -> Stage {
    let stage = Stage::new();
    let writer = Fifo::declining(&stage.path());
    let begun = Instant::now();
    eventually_async(Duration::from_secs(10), "the fourth read", async || {
        assert_eq!(stage.ask().await.0, 403);
        let (reads, passed) = (writer.closes(), begun.elapsed().as_secs_f32());
        let due = [0.0, 1.0, 3.0, 7.0].iter().filter(|due| **due <= passed).count();
        assert!(reads <= due, "{reads} reads in {passed} s");
        reads == 4
    })
    .await;
    assert!(stage.reasons().iter().all(|reason| reason == LOCKED));
    stage
}

/// After that, the next read is 8 s away: what is done now is done because somebody said so.
async fn a_signal_reads_at_once() {
    let stage = a_locked_app_is_asked_less_and_less().await;
    let _writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 403, "not yet");
    stage.proxy.signal(Signal::HUP);
    stage.becomes("ready").await;
    assert_eq!(stage.ask().await.0, 200);
    stage.end().await;
}

async fn a_reload_reads_at_once() {
    let stage = a_locked_app_is_asked_less_and_less().await;
    let _writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 403, "not yet");
    assert!(stage.proxy.cli(&["reload"]).status.success());
    assert_eq!(stage.ask().await.0, 200);
    stage.end().await;
}

async fn a_new_pipe_is_read_at_once() {
    let stage = a_locked_app_is_asked_less_and_less().await;
    put_pipe(&stage.path());
    let _writer = Fifo::serving(&stage.path(), &stage.text());
    stage.becomes("idle").await;
    assert_eq!(stage.ask().await.0, 200);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_failed_read_is_tried_again_later_or_when_it_is_worth_it() {
    let mut cases = JoinSet::new();
    cases.spawn(a_signal_reads_at_once());
    cases.spawn(a_reload_reads_at_once());
    cases.spawn(a_new_pipe_is_read_at_once());
    cases.join_all().await;
}
