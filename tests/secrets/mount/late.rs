//! Two clocks: a request gives up early, and the read that it caused stays open, so that a late approval
//! counts without another prompt. The owner is told once.

use std::time::Duration;

use tokio::task::JoinSet;

use super::stage::{LOCKED, Stage, notices};
use crate::support::{Fifo, FileOpens, Proxy};

fn opens_were(opens: &mut FileOpens, expected: usize) {
    assert!(opens.count().is_none_or(|count| count == expected));
}

/// An approval after 17 s: the request has gone by then, its read has not.
async fn an_approval_counts_however_late() {
    let stage = Stage::new();
    let writer = Fifo::awaiting_approval(&stage.path(), &stage.text());
    let (first, second) = tokio::join!(stage.ask(), async {
        stage.becomes("awaiting-approval").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        stage.ask().await
    });
    for (status, took) in [first, second] {
        assert!(status == 403 && (15..18).contains(&took.as_secs()), "{status} in {took:?}");
    }
    stage.becomes("awaiting-approval").await;
    assert_eq!(stage.reasons(), [LOCKED; 2]);
    stage.told(1).await;
    writer.approve();
    stage.becomes("ready").await;
    assert_eq!((stage.ask().await.0, writer.opens()), (200, 1), "without another prompt");
    stage.went_through("idle unserved? awaiting-approval ready");
    assert_eq!(notices(&stage.end().await), 1);
}

/// The read is let go when no request has come for a while, and not before.
async fn a_read_that_nobody_wants_is_let_go() {
    let stage = Stage::with(|builder| builder.env("SECRET_PROXY_APPROVAL_WAIT", "4s"));
    let mut opens = FileOpens::of(&stage.path());
    for _ in 0..3 {
        let (status, took) = stage.ask().await;
        assert!(status == 403 && (3..6).contains(&took.as_secs()), "{status} in {took:?}");
        opens_were(&mut opens, 1);
        stage.becomes("unserved").await;
    }
    stage.becomes("locked").await;
    assert_eq!(stage.detail(), "not approved in time");
    assert!(writing(&stage.proxy).is_err_and(|error| error.raw_os_error() == Some(ENXIO)), "nobody reads it any more");
    let writer = Fifo::serving(&stage.path(), &stage.text());
    stage.is_served_again().await;
    assert_eq!(writer.opens(), 1);
    stage.went_through("idle unserved locked unserved? awaiting-approval? ready");
    assert_eq!(notices(&stage.end().await), 1, "three requests, one wait");
}

/// "No such device or address", which says that a pipe has no reader; the same on Linux and macOS.
const ENXIO: i32 = 6;

fn writing(proxy: &Proxy) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a flag fits an i32");
    std::fs::File::options().write(true).custom_flags(nonblocking).open(proxy.secrets_path())
}

/// Once for each time that requests find the secrets locked; not when nobody asked.
async fn the_owner_is_told_once_for_each_wait() {
    let stage = Stage::new();
    for times in 1..=2 {
        let writer = Fifo::declining(&stage.path());
        stage.proxy.cli(&["reload"]);
        stage.becomes("locked").await;
        stage.told(times - 1).await;
        for _ in 0..3 {
            // Refused for what the reload was told.
            assert_eq!(stage.ask().await.0, 403);
        }
        stage.told(times).await;
        drop(writer);
        let _writer = Fifo::serving(&stage.path(), &stage.text());
        stage.is_served_again().await;
    }
    assert_eq!(notices(&stage.end().await), 2);
}

async fn the_owner_need_not_be_told() {
    let stage = Stage::with(|builder| builder.env("SECRET_PROXY_NOTIFY", "false"));
    let _writer = Fifo::declining(&stage.path());
    assert_eq!(stage.ask().await.0, 403);
    assert_eq!(notices(&stage.end().await), 0);
}

/// Nobody is told of a `reload` that finds no writer, and a table in hand stays in force meanwhile.
async fn a_reload_in_vain_troubles_nobody() {
    let stage = Stage::new();
    let writer = Fifo::once(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    drop(writer);
    stage.proxy.cli(&["reload"]);
    let again = "reading again: nobody serves the pipe: is 1Password running and unlocked, and the mount enabled?";
    assert_eq!(stage.detail(), again);
    let begun = std::time::Instant::now();
    crate::support::eventually_async(Duration::from_secs(10), "the end of all patience", async || {
        assert_eq!(stage.ask().await.0, 200);
        begun.elapsed() > Duration::from_secs(5)
    })
    .await;
    assert_eq!(notices(&stage.end().await), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn requests_give_up_early_and_reads_late() {
    let mut cases = JoinSet::new();
    cases.spawn(an_approval_counts_however_late());
    cases.spawn(a_read_that_nobody_wants_is_let_go());
    cases.spawn(the_owner_is_told_once_for_each_wait());
    cases.spawn(the_owner_need_not_be_told());
    cases.spawn(a_reload_in_vain_troubles_nobody());
    cases.join_all().await;
}
