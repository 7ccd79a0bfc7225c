//! `proxy.log` is for people: it follows whoever rotates it, and nothing depends on it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Load;
use crate::support::tiny_disk::TinyDisk;
use crate::support::{eventually, eventually_async};

const SECRET: &str = "{{API_KEY}}";
const WITHIN: Duration = Duration::from_secs(10);

fn path(load: &Load) -> PathBuf {
    load.proxy.dir().join("proxy.log")
}

/// How often each record is mirrored, by its id and place in the chain; a line that is torn fails.
fn mirrored(load: &Load) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in load.logs().lines() {
        if let Some((_, record)) = line.split_once("secret-proxy-audit: ") {
            let record: Value = serde_json::from_str(record).unwrap_or_else(|_| panic!("a torn line: {line}"));
            *counts.entry(record["seq"].to_string()).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_record_is_mirrored_once_however_the_log_is_rotated() {
    let load = Load::start();
    let (live, moved) = (path(&load), |number| path(&load).with_extension(format!("log.moved-{number}")));
    let crowd = load.crowd(16);
    for number in 0..9 {
        load.flows("requests", 5);
        match number % 3 {
            0 => fs::rename(&live, moved(number)).expect("renamed"),
            1 => {
                fs::hard_link(&live, moved(number)).expect("linked");
                fs::remove_file(&live).expect("removed");
            }
            _ => {
                fs::rename(&live, moved(number)).expect("renamed");
                File::create(&live).expect("made anew, as some programs do");
                load.proxy.signal(Signal::HUP);
            }
        }
        eventually(WITHIN, "the log is begun anew", || fs::metadata(&live).is_ok_and(|found| found.len() > 0));
    }
    crowd.stop().await;
    let records = load.account();
    // It is written by a thread of its own.
    eventually(WITHIN, "all records are mirrored", || mirrored(&load).len() == records.len());
    assert!(mirrored(&load).values().all(|count| *count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_written_harms_nothing() {
    let mut load = Load::start();
    load.log_has_gaps = true;
    let crowd = load.crowd(8);
    load.flows("requests", 10);
    fs::remove_file(path(&load)).expect("removed");
    fs::create_dir(path(&load)).expect("something in its way");
    load.proxy.signal(Signal::HUP);
    load.flows("requests without a log", 20);
    fs::remove_dir(path(&load)).expect("empty");
    eventually(WITHIN, "the log is back", || fs::metadata(path(&load)).is_ok_and(|found| found.len() > 0));
    crowd.stop().await;
    load.account();
    assert_eq!(load.seen.denied.all(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_on_a_full_disk_harms_nothing() {
    let Some(disk) = TinyDisk::mount() else {
        println!("skipped: mounting a small disk takes root");
        return;
    };
    let mut load = Load::start();
    load.log_has_gaps = true;
    disk.fill();
    let covered = disk.cover(&path(&load));
    load.proxy.signal(Signal::HUP);
    let crowd = load.crowd(8);
    load.flows("requests with a full log", 20);
    assert_eq!(fs::metadata(path(&load)).expect("there").len(), 0, "nothing could be logged");
    disk.empty();
    eventually(WITHIN, "the log is back", || fs::metadata(path(&load)).is_ok_and(|found| found.len() > 0));
    crowd.stop().await;
    drop(covered);
    eventually_async(WITHIN, "a secret is served", async || load.answer(SECRET).await == 200).await;
    load.account();
    assert_eq!(load.seen.denied.all(), [""; 0]);
}
