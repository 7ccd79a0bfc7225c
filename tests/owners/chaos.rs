//! Crashes of every owner, many times, under load: nothing leaks and no record is lost.
//!
//! Meanwhile the mount changes, logs rotate, and SIGHUP makes the daemon read the secrets again. With
//! `SECRET_PROXY_LONG=1` the test takes minutes and has ten times as many crashes. `docs/reliability.md` has the results.

mod kill;
mod port;
mod resources;
mod slow_owners;

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use self::port::Port;
use self::resources::Resources;
use crate::support::crowd::random;
use crate::support::load::is_long;
use crate::support::{Load, eventually};

const OWNERS: [&str; 6] = ["audit", "status", "secret_store", "authority", "upstream", "listener"];
const CLIENTS: usize = 32;
/// How long the hung may take to be replaced: two heartbeats, and a while to start, all at once, on a busy machine.
const REPLACED_WITHIN: Duration = Duration::from_secs(20);

fn crashes() -> u64 {
    if is_long() { 100 } else { 10 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_and_no_record_is_lost_whatever_crashes() {
    let load = Load::start();
    // By then all is open that stays open.
    eventually(Duration::from_secs(10), "the secrets are read", || load.proxy.status()["secrets"]["state"] == "ready");
    let (before, port) = (Resources::of(&load), Port::watch(load.proxy.addr()));
    let crowd = load.crowd(CLIENTS);
    load.flows("requests before any crash", 50);
    crash_all(&load, crashes() / 2);
    let midway = Resources::of(&load);
    let crashed = crash_all(&load, crashes());
    load.flows("requests after the crashes", 50);
    assert!(load.seen.no_tunnel.all().is_empty(), "new tunnels wait for restarts: {:?}", load.seen.no_tunnel.all());
    // A tunnel does not wait for as long as it takes to notice that `authority` hangs: from here on
    // those that fail are counted apart.
    let replaced = hang_all(&load);
    load.flows("requests after all owners hung", 50);
    crowd.stop().await;
    port.was_always_open();
    let records = load.account();
    assert_eq!(load.seen.broken.all(), [""; 0], "no connection is cut");
    load.tell("crashes", &records);
    println!("crashes: {crashed}; the hung were replaced after {replaced:?}; {}", longest_down(&load.logs()));
    before.are_given_back(&load);
    midway.are_not_outgrown(&load);
}

/// Crashes every owner until it was restarted so often, at any moment, and disturbs whatever can be disturbed meanwhile.
fn crash_all(load: &Load, crashes: u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(if is_long() { 900 } else { 60 });
    loop {
        let restarts = restarts(&load.proxy.status());
        let more = |(_, restarts): &(&str, &u64)| **restarts < crashes;
        let left: Vec<&str> = OWNERS.into_iter().zip(&restarts).filter(more).map(|(owner, _)| owner).collect();
        if left.is_empty() {
            return restarts.iter().sum();
        }
        assert!(Instant::now() < deadline, "crashes so far: {restarts:?}");
        for _ in 0..=random(3) {
            let victim = usize::try_from(random(left.len() as u64)).expect("an index");
            load.proxy.fault(left[victim], "crash");
        }
        disturb(load);
        std::thread::sleep(Duration::from_millis(random(60)));
    }
}

/// Now and then, what else may happen to a daemon.
fn disturb(load: &Load) {
    match random(12) {
        0 => load.proxy.signal(Signal::HUP),
        1 | 2 => {
            let comment = if random(2) == 0 { "" } else { "# another comment\n" };
            load.proxy.write_secrets(&format!("{comment}{}", load.secrets_text()));
        }
        3 => rename(load, "audit.log"),
        4 => rename(load, "proxy.log"),
        _ => {}
    }
}

/// As programs do that rotate logs. It may not be there yet, after the last time.
fn rename(load: &Load, name: &str) {
    let path = load.proxy.dir().join(name);
    let _ = fs::rename(&path, path.with_extension(format!("log.renamed-{}", random(u64::MAX))));
}

fn restarts(status: &Value) -> Vec<u64> {
    let of = |owner| subsystem(status, owner)["restarts"].as_u64().expect("a number");
    OWNERS.into_iter().map(of).collect()
}

fn subsystem<'a>(status: &'a Value, owner: &str) -> &'a Value {
    let all = status["subsystems"].as_array().expect("a list");
    all.iter().find(|it| it["name"] == owner).expect("the owner is listed")
}

fn is_running(status: &Value, owner: &str) -> bool {
    subsystem(status, owner)["state"] == "running"
}

/// Hangs all owners at once: each is replaced, and the status says why. How long it took.
fn hang_all(load: &Load) -> Duration {
    // One that is still down after its last crash would not hear of it.
    eventually(REPLACED_WITHIN, "all are up", || {
        OWNERS.into_iter().all(|owner| is_running(&load.proxy.status(), owner))
    });
    let (began, before) = (Instant::now(), restarts(&load.proxy.status()));
    for owner in OWNERS {
        load.proxy.fault(owner, "wedge");
    }
    eventually(REPLACED_WITHIN, "all that hang are replaced", || {
        let status = load.proxy.status();
        let is_replaced = |(owner, before): (&str, &u64)| {
            let report = subsystem(&status, owner);
            let why = &report["last_failure"];
            report["restarts"].as_u64() > Some(*before) && why == "did not answer" && is_running(&status, owner)
        };
        OWNERS.into_iter().zip(&before).all(is_replaced)
    });
    began.elapsed()
}

/// For each owner the longest time, in milliseconds, between its end and its start in the log.
fn longest_down(log: &str) -> String {
    let mut lines: Vec<&str> = log.lines().filter(|line| line.contains("owner is ")).collect();
    lines.sort_unstable();
    let longest = |owner: &str| {
        let mine = lines.iter().filter(|line| line.contains(&format!("owner=\"{owner}\"")));
        let (mut down, mut longest) = (None, 0.0);
        for line in mine {
            match down.take() {
                Some(since) if line.contains("up again") => longest = f64::max(longest, clock_ms(line) - since),
                _ => down = Some(clock_ms(line)),
            }
        }
        format!("{owner} {longest:.0}")
    };
    format!("longest down, in ms: {}", OWNERS.map(longest).join(", "))
}

/// The time of day of a line that begins as in `2026-02-04T12:34:56.789012Z`.
fn clock_ms(line: &str) -> f64 {
    let clock = line.get(11..26).expect("a timestamp");
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().expect("a number")) * 1000.0
}
