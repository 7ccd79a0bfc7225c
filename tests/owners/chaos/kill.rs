//! SIGKILL at any moment, and SIGTERM, under load: what was acknowledged stands in the file.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::crowd::random;
use crate::support::fire::is_long;
use crate::support::{Fire, eventually};

const CLIENTS: usize = 8;

fn kills() -> u64 {
    if is_long() { 100 } else { 10 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_has_recorded_all_that_it_acknowledged() {
    let fire = Fire::start();
    let mut torn = 0;
    for number in 0..kills() {
        let crowd = fire.crowd(CLIENTS);
        fire.flows("requests", 3);
        std::thread::sleep(Duration::from_millis(random(200)));
        fire.proxy.kill();
        crowd.abandon().await;
        if number.is_multiple_of(3) {
            tear(&fire);
            torn += 1;
        }
        fire.proxy.launch();
    }
    let crowd = fire.crowd(CLIENTS);
    fire.flows("requests after the last of them", 20);
    crowd.stop().await;
    // What a kill cut off is no failure of the proxy.
    fire.seen.plain_failed.clear();
    let records = fire.account();
    let noted = records.iter().filter(|record| record["outcome"] == "torn_line").count();
    assert!(noted >= torn, "{noted} of {torn} torn lines are told");
    fire.tell("kills", &records);
    println!("kills: {}; torn lines: {torn} made, {noted} told", kills());
}

/// Half a record at the end of the file, as a computer that went down may leave it.
fn tear(fire: &Fire) {
    let live = fs::File::options().append(true).open(fire.proxy.dir().join("audit.log"));
    live.and_then(|mut live| live.write_all(b"{\"timestamp\":\"2026-02-04T12:3")).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_told_to_stop_finishes_what_has_come() {
    let fire = Fire::start();
    let crowd = fire.crowd(32);
    fire.flows("requests", 50);
    fire.proxy.signal(Signal::TERM);
    let turned_away = || std::net::TcpStream::connect(fire.proxy.addr()).is_err();
    eventually(Duration::from_secs(5), "new clients are turned away", turned_away);
    let ended = fire.proxy.wait(Duration::from_secs(20));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    crowd.stop().await;
    let answered: HashSet<String> = fire.seen.answered.all().into_iter().collect();
    let cut_off: Vec<_> = fire.watch.received().into_iter().filter(|path| !answered.contains(path)).collect();
    assert_eq!(cut_off, [""; 0], "what an origin has received is answered");
    // Requests that had not been received when the port closed.
    fire.seen.plain_failed.clear();
    fire.proxy.launch();
    let records = fire.account();
    let torn = records.iter().find(|record| record["outcome"].is_string() && record["outcome"] != "not_sent");
    assert_eq!(torn, None, "the last records are whole");
}
