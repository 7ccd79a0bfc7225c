//! The file at the path is removed, restored or replaced.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::stage::{LOCKED, MISSING, Stage, put_pipe};
use crate::support::{Fifo, Proxy, fifo};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_that_goes_while_nobody_waits_takes_its_values_along() {
    let stage = Stage::new();
    let writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    drop(writer);
    fs::remove_file(stage.path()).expect("ours");
    stage.becomes("missing").await;
    assert_eq!((stage.ask().await.0, stage.reasons()), (403, vec![MISSING.to_owned()]));
    assert_eq!(stage.proxy.status()["secrets"]["names"], serde_json::json!([]));
    fifo::make(&stage.path());
    stage.becomes("idle").await;
    let writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!((stage.ask().await.0, writer.opens()), (200, 1));
    stage.went_through("idle unserved? awaiting-approval? ready missing idle unserved? awaiting-approval? ready");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_that_is_made_anew_is_read_anew() {
    let stage = Stage::new();
    let mut writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    for reads in 1..=5 {
        drop(writer);
        // So quickly that the new one may get the number of the old one.
        fs::remove_file(stage.path()).expect("ours");
        fifo::make(&stage.path());
        stage.becomes("idle").await;
        writer = Fifo::serving(&stage.path(), &stage.text());
        assert_eq!((stage.ask().await.0, writer.opens()), (200, 1), "{reads}");
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_go_over_to_the_pipe_that_takes_the_place() {
    let stage = Stage::new();
    let (answer, writer) = tokio::join!(stage.ask(), async {
        stage.becomes("unserved").await;
        put_pipe(&stage.path());
        Fifo::serving(&stage.path(), &stage.text())
    });
    assert_eq!((answer.0, writer.opens()), (200, 1));
    stage.went_through("idle unserved awaiting-approval? unserved? awaiting-approval? ready");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_for_a_pipe_that_is_removed_are_refused_at_once() {
    let stage = Stage::new();
    let ((status, took), ()) = tokio::join!(stage.ask(), async {
        stage.becomes("unserved").await;
        fs::remove_file(stage.path()).expect("ours");
    });
    assert!(status == 403 && took < Duration::from_secs(3), "{status} in {took:?}");
    assert_eq!(stage.reasons(), [MISSING]);
    fifo::make(&stage.path());
    stage.becomes("idle").await;
    let writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!((stage.ask().await.0, writer.opens()), (200, 1));
    stage.went_through("idle unserved missing idle unserved? awaiting-approval? ready");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_and_a_regular_file_can_take_each_others_place() {
    let stage = Stage::new();
    let kind = |kind: &str| assert_eq!(stage.proxy.status()["secrets"]["kind"], kind);
    let writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    kind("pipe");
    drop(writer);

    stage.proxy.write_secrets(&stage.text());
    stage.proxy.status_becomes("a file", |status| status["secrets"]["detail"] == "plain text on disk");
    assert_eq!(stage.ask().await.0, 200);
    kind("file");

    put_pipe(&stage.path());
    stage.becomes("idle").await;
    // A request that waits for a pipe is served by a file, too.
    let (answer, ()) = tokio::join!(stage.ask(), async {
        stage.becomes("unserved").await;
        stage.proxy.write_secrets(&stage.text());
    });
    assert_eq!(answer.0, 200);
    kind("file");

    put_pipe(&stage.path());
    stage.becomes("idle").await;
    let writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!((stage.ask().await.0, writer.opens()), (200, 1));
    kind("pipe");
    let read = "unserved? awaiting-approval? ready";
    stage.went_through(&format!("idle {read} idle unserved ready idle {read}"));
    stage.end().await;
}

/// Has the pipe read again, by a signal that nobody waits for, or by a question whose asker does.
fn read_again(proxy: &Proxy, is_awaited: bool) -> Option<UnixStream> {
    if !is_awaited {
        proxy.signal(rustix::process::Signal::HUP);
        return None;
    }
    let mut socket = UnixStream::connect(proxy.dir().join("status.sock")).expect("it listens");
    socket.write_all(b"{\"ask\":\"reload\"}\n").expect("asked");
    Some(socket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_pipe_that_is_gone_are_not_used_while_its_successor_is_read() {
    for (is_awaited, shown) in [(false, "idle"), (true, "unserved")] {
        let stage = Stage::new();
        let writer = Fifo::once(&stage.path(), &stage.text());
        assert_eq!(stage.ask().await.0, 200);
        drop(writer);
        let _asker = read_again(&stage.proxy, is_awaited);
        stage.proxy.status_becomes("a read", |status| {
            status["secrets"]["detail"].as_str().is_some_and(|detail| detail.starts_with("reading again"))
        });
        put_pipe(&stage.path());
        stage.becomes(shown).await;
        assert_eq!((stage.ask().await.0, stage.reasons()), (403, vec![LOCKED.to_owned()]));
        stage.becomes("unserved").await;
        stage.end().await;
    }
}
