//! The secrets of a read are used for their time, and then wiped.

use std::fs;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::stage::{HOST, LOCKED, MISSING, Stage, secret};
use crate::support::memory::copies_of;
use crate::support::{Fifo, eventually_async};

const TTL: &str = "SECRET_PROXY_SECRETS_TTL";

/// How many copies of the value are in memory; `None`, which is told, if that cannot be looked at.
fn copies(stage: &Stage) -> Option<usize> {
    let copies = copies_of(stage.canary.bytes(), stage.proxy.pid());
    if copies.is_none() {
        println!("skipped: reading the memory of a process that forbids it takes root");
    }
    copies.map(|copies| copies.len())
}

async fn no_copy_is_left(stage: &Stage) {
    let gone = async || copies(stage).is_none_or(|copies| copies == 0);
    eventually_async(Duration::from_secs(10), "no copy is left in memory", gone).await;
}

/// Nobody asks while the time runs out: the values go all the same.
async fn an_old_read_is_wiped_and_not_used() {
    let stage = Stage::with(|builder| builder.env(TTL, "5s"));
    let writer = Fifo::once(&stage.path(), &stage.text());
    let begun = Instant::now();
    assert_eq!(stage.ask().await.0, 200);
    assert!(copies(&stage).is_none_or(|copies| copies > 0), "the search finds what is there");
    stage.becomes("idle").await;
    // It is looked every two seconds.
    let wiped = begun.elapsed().as_secs();
    assert!((5..9).contains(&wiped), "after {wiped} s");
    assert_eq!(stage.detail(), "the last read is too old; the next placeholder reads");
    no_copy_is_left(&stage).await;
    assert_eq!((stage.ask().await.0, stage.reasons(), writer.opens()), (403, vec![LOCKED.to_owned()], 1));
    stage.went_through("idle unserved? awaiting-approval? ready idle unserved");
    stage.end().await;
}

/// The time is over while a read is open that nobody serves: that is what is shown, not that all is well.
async fn a_read_that_outlasts_the_time_is_shown() {
    let stage = Stage::with(|builder| builder.env(TTL, "5s"));
    let writer = Fifo::once(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    drop(writer);
    stage.proxy.cli(&["reload"]);
    stage.becomes("unserved").await;
    assert_eq!(stage.ask().await.0, 403);
    stage.went_through("idle unserved? awaiting-approval? ready unserved");
    stage.end().await;
}

/// Each request is judged by a read of its own: the next one after a change already knows it.
async fn with_no_time_at_all_each_request_reads() {
    let stage = Stage::with(|builder| builder.env(TTL, "0"));
    let mut writer = Fifo::serving(&stage.path(), &stage.text());
    for reads in 1..=3 {
        assert_eq!((stage.ask().await.0, writer.opens()), (200, reads));
    }
    for (hosts, status) in [("other.example.test", 403), (HOST, 200), (&format!("{HOST}:8443"), 403)] {
        drop(writer);
        writer = Fifo::serving(&stage.path(), &secret(&stage.canary, hosts));
        assert_eq!(stage.ask().await.0, status, "{hosts}");
        assert_eq!(writer.opens(), 2, "what is new counts when it has been said twice");
    }
    stage.end().await;
}

/// With a time in hand, a change counts from the next read on, and `reload` is one.
async fn a_reload_brings_what_the_pipe_says_now() {
    let stage = Stage::new();
    let mut writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    for (hosts, status) in [("other.example.test", 403), (HOST, 200)] {
        drop(writer);
        writer = Fifo::serving(&stage.path(), &secret(&stage.canary, hosts));
        assert!(stage.proxy.cli(&["reload"]).status.success());
        assert_eq!((stage.ask().await.0, writer.opens()), (status, 2), "{hosts}");
    }
    stage.end().await;
}

async fn a_pipe_that_disappears_takes_its_values_along() {
    let stage = Stage::new();
    let writer = Fifo::once(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    drop(writer);
    // In the middle of a read, too.
    stage.proxy.signal(rustix::process::Signal::HUP);
    fs::remove_file(stage.path()).expect("ours");
    stage.becomes("missing").await;
    no_copy_is_left(&stage).await;
    assert_eq!((stage.ask().await.0, stage.reasons()), (403, vec![MISSING.to_owned()]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_was_read_is_used_for_its_time() {
    let mut cases = JoinSet::new();
    cases.spawn(an_old_read_is_wiped_and_not_used());
    cases.spawn(a_read_that_outlasts_the_time_is_shown());
    cases.spawn(with_no_time_at_all_each_request_reads());
    cases.spawn(a_reload_brings_what_the_pipe_says_now());
    cases.spawn(a_pipe_that_disappears_takes_its_values_along());
    cases.join_all().await;
}
