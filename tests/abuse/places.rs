//! There are so many places for clients, and as many for connections upstream: who holds one and does nothing with
//! it gives way to others.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::bystander::visit;
use crate::support::tls::Sni;
use crate::support::{Canary, Origin, PlainOrigin, Proxy, eventually};

const HOST: &str = "api.example.test";
const URL: &str = "https://api.example.test/echo";
const TARGET: &str = "api.example.test:443";

fn stage() -> (Canary, Origin, Proxy) {
    let (canary, origin) = (Canary::new(), Origin::builder(&[HOST]).http1_only().start());
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).start();
    (canary, origin, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifth_client_of_four_waits_and_is_served_when_one_goes() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST);
    let proxy = builder.arg("--max-sessions").arg("4").start();
    let mut four = Vec::new();
    for _ in 0..4 {
        four.push(proxy.client().raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel"));
    }
    let mut fifth = proxy.client().raw().await.expect("the port is open");
    fifth.send(format!("CONNECT {TARGET} HTTP/1.1\r\nHost: {TARGET}\r\n\r\n")).await.expect("sent");
    assert!(timeout(Duration::from_millis(500), fifth.read_u8()).await.is_err(), "it is not looked at");
    let sessions = proxy.status()["sessions"].clone();
    assert_eq!((&sessions["active"], &sessions["total"]), (&4.into(), &4.into()));
    drop(four.pop());
    assert!(fifth.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "));
    drop((four, fifth));
    visit(&proxy.client(), URL).await;
}

/// Idle connections to other destinations must not take the places that a new one needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_upstream_connections_make_room() {
    let origin = PlainOrigin::start();
    let hosts: Vec<String> = (0..12).map(|number| format!("host-{number}.example.test")).collect();
    let builder = hosts.iter().fold(Proxy::builder(), |builder, host| builder.origin(host, &origin));
    let proxy = builder.arg("--max-sessions").arg("4").start();
    for host in &hosts {
        let answer = proxy.client().get(&format!("http://{host}/echo")).send().await.expect("answered");
        assert_eq!(answer.status, 200, "{host}");
        assert!(origin.records().open_connections() <= 4);
    }
}

/// A request that waits for a place gets that of a connection that has become idle since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_upstream_connection_gets_the_place_of_the_next_that_is_idle() {
    let (canary, origin) = (Canary::new(), Origin::builder(&[HOST, "other.example.test"]).http1_only().start());
    let builder = Proxy::builder().origin(HOST, &origin).origin("other.example.test", &origin);
    let proxy = builder.secret("API_KEY", &canary, HOST).arg("--max-sessions").arg("4").start();
    let busy = proxy.client().http2().tunnel(TARGET).await.expect("a tunnel");
    let mut requests = JoinSet::new();
    for _ in 0..4 {
        requests.spawn(busy.get("https://api.example.test/slow?ms=2000").send());
    }
    eventually(Duration::from_secs(10), "all places are taken", || origin.requests().len() == 4);
    let other = proxy.client().get("https://other.example.test/echo").send();
    let answer = timeout(Duration::from_secs(8), other).await.expect("in time").expect("answered");
    assert_eq!(answer.status, 200);
    assert!(requests.join_all().await.into_iter().all(|answer| answer.is_ok_and(|answer| answer.status == 200)));
}

/// The daemon waits for what is under way, and nothing is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_said_nothing_does_not_hold_up_the_end() {
    let (_canary, _origin, proxy) = stage();
    let silent = proxy.client().raw().await.expect("the port is open");
    let unused = proxy.client().raw_tunnel(TARGET).await.expect("a tunnel");
    let begun = Instant::now();
    assert!(proxy.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop((silent, unused));
}

/// Whoever connects and says nothing must not keep others out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_hold_no_more_than_half_of_the_places() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST);
    let proxy = builder.arg("--max-sessions").arg("8").start();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(proxy.client().raw().await.expect("the port is open"));
    }
    timeout(Duration::from_secs(10), visit(&proxy.client(), URL)).await.expect("served among them");
    for connection in &mut silent[..96] {
        assert_eq!(connection.read_rest().await.expect("ended"), b"", "the oldest are cut off");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_of_257_silent_tunnels_is_cut_off() {
    let (_canary, _origin, proxy) = stage();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(proxy.client().raw_tunnel(TARGET).await.expect("a tunnel"));
    }
    proxy.status_becomes("256 are left", |status| status["sessions"]["active"].as_u64() <= Some(256));
    for tunnel in &mut silent[..44] {
        assert_eq!(tunnel.read_rest().await.expect("ended"), b"", "the oldest are cut off");
    }
    visit(&proxy.client(), URL).await;
}
