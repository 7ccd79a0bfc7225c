//! The modes of a pipe that other users could open or replace.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use super::stage::Stage;
use crate::support::Fifo;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_that_is_open_to_others_needs_a_folder_that_is_not() {
    let stage = Stage::new();
    chmod(&stage.path(), 0o666);
    let writer = Fifo::serving(&stage.path(), &stage.text());
    stage.is_served_again().await;
    assert_eq!(stage.detail(), "the pipe is open to others, but its folder is not: chmod 600 it");

    chmod(stage.proxy.dir(), 0o755);
    stage.becomes("unsafe").await;
    let opens = writer.opens();
    assert_eq!(stage.ask().await.0, 403);
    let reason = "Secrets cannot be read: it is not safe to use: others may open the pipe: chmod 600 it, or \
                  chmod 700 its folder";
    assert_eq!((stage.reasons(), writer.opens()), (vec![reason.to_owned()], opens));

    chmod(stage.proxy.dir(), 0o700);
    stage.becomes("idle").await;
    stage.is_served_again().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_of_somebody_else_is_not_read() {
    let stage = Stage::new();
    let writer = Fifo::serving(&stage.path(), &stage.text());
    assert_eq!(stage.ask().await.0, 200);
    if chown(stage.path(), Some(1), None).is_err() {
        println!("skipped: giving a file to another user takes root");
        return stage.end().await.clear();
    }
    stage.becomes("unsafe").await;
    assert_eq!(stage.ask().await.0, 403);
    assert_eq!(stage.reasons(), ["Secrets cannot be read: it is not safe to use: it belongs to another user"]);
    assert_eq!(writer.opens(), 1);
    stage.went_through("idle unserved? awaiting-approval? ready unsafe");
    stage.end().await;
}
