//! SIGKILL at any moment, and SIGTERM, under load: what was acknowledged stands in the file.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::crowd::random;
use crate::support::load::is_long;
use crate::support::{Load, eventually};

const CLIENTS: usize = 8;

fn kills() -> u64 {
    if is_long() { 100 } else { 10 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_has_recorded_all_that_it_acknowledged() {
    let load = Load::start();
    let mut torn = 0;
    for number in 0..kills() {
        let crowd = load.crowd(CLIENTS);
        load.flows("requests", 3);
        std::thread::sleep(Duration::from_millis(random(200)));
        load.proxy.kill();
        crowd.abandon().await;
        if number.is_multiple_of(3) {
            tear(&load);
            torn += 1;
        }
        load.proxy.launch();
    }
    let crowd = load.crowd(CLIENTS);
    load.flows("requests after the last of them", 20);
    crowd.stop().await;
    // What a kill cut off is no failure of the proxy.
    load.seen.plain_failed.clear();
    let records = load.account();
    let noted = records.iter().filter(|record| record["outcome"] == "torn_line").count();
    assert!(noted >= torn, "{noted} of {torn} torn lines are told");
    load.tell("kills", &records);
    println!("kills: {}; torn lines: {torn} made, {noted} told", kills());
}

/// Half a record at the end of the file, as a computer that went down may leave it.
fn tear(load: &Load) {
    let live = fs::File::options().append(true).open(load.proxy.dir().join("audit.log"));
    live.and_then(|mut live| live.write_all(b"{\"timestamp\":\"2026-02-04T12:3")).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_told_to_stop_finishes_what_has_come() {
    let load = Load::start();
    let crowd = load.crowd(32);
    load.flows("requests", 50);
    load.proxy.signal(Signal::TERM);
    let turned_away = || std::net::TcpStream::connect(load.proxy.addr()).is_err();
    eventually(Duration::from_secs(5), "new clients are turned away", turned_away);
    let ended = load.proxy.wait(Duration::from_secs(20));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    crowd.stop().await;
    let answered: HashSet<String> = load.seen.answered.all().into_iter().collect();
    let cut_off: Vec<_> = load.watch.received().into_iter().filter(|path| !answered.contains(path)).collect();
    assert_eq!(cut_off, [""; 0], "what an origin has received is answered");
    // Requests that had not been received when the port closed.
    load.seen.plain_failed.clear();
    load.proxy.launch();
    let records = load.account();
    let torn = records.iter().find(|record| record["outcome"].is_string() && record["outcome"] != "not_sent");
    assert_eq!(torn, None, "the last records are whole");
}
