//! There are so many places for clients, and as many for connections upstream: who holds one and does nothing with
//! it gives way to others.

use std::time::{Duration, Instant};

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
async fn a_fifth_client_of_four_gets_the_place_of_the_quietest() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST);
    let proxy = builder.arg("--max-sessions").arg("4").start();
    let mut four = Vec::new();
    for _ in 0..4 {
        four.push(proxy.client().raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel"));
    }
    let fifth = proxy.client().raw_tls_tunnel(TARGET, Sni::Host, &[]).await.expect("a tunnel");
    assert_eq!(four[0].read_rest().await.expect("ended"), b"");
    for wire in &mut four[1..] {
        wire.send(format!("GET /echo HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.expect("sent");
        assert!(wire.read_head().await.expect("answered").starts_with("HTTP/1.1 200 "));
    }
    let sessions = proxy.status()["sessions"].clone();
    let expected: [serde_json::Value; 3] = [4.into(), 5.into(), 1.into()];
    assert_eq!(["active", "total", "evicted"].map(|key| sessions[key].clone()), expected);
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

/// A client has all upstream connections, and its requests are not answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_all_upstream_connections_loses_some_for_others() {
    let (canary, origin) = (Canary::new(), Origin::builder(&[HOST, "other.example.test"]).http1_only().start());
    let builder = Proxy::builder().origin(HOST, &origin).origin("other.example.test", &origin);
    let proxy = builder.secret("API_KEY", &canary, "*.example.test").arg("--max-sessions").arg("8").start();
    let busy = proxy.client().http2().tunnel(TARGET).await.expect("a tunnel");
    let mut requests = JoinSet::new();
    for _ in 0..12 {
        requests.spawn(busy.get("https://api.example.test/hang").send());
    }
    eventually(Duration::from_secs(10), "all places are taken", || origin.requests().len() == 8);
    timeout(Duration::from_secs(8), visit(&proxy.client(), "https://other.example.test/echo")).await.expect("in time");
    let given_up = requests.join_next().await.expect("a request").expect("no panic").expect("answered");
    assert!([502, 504].contains(&given_up.status), "{}", given_up.status);
    assert!(requests.len() > 8, "its others go on or wait");
    proxy.status_becomes("nobody is evicted", |status| status["sessions"]["evicted"] == 0);
}

/// A request that waits for a place gets that of a connection that has become idle since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_upstream_connection_gets_the_place_of_the_next_that_is_idle() {
    let (canary, origin) = (Canary::new(), Origin::builder(&[HOST, "other.example.test"]).http1_only().start());
    let builder = Proxy::builder().origin(HOST, &origin).origin("other.example.test", &origin);
    let proxy = builder.secret("API_KEY", &canary, HOST).arg("--max-sessions").arg("4").start();
    let mut requests = JoinSet::new();
    let busy = [proxy.client().http2(), proxy.client().http2()];
    for client in &busy {
        let tunnel = client.tunnel(TARGET).await.expect("a tunnel");
        for _ in 0..2 {
            requests.spawn(tunnel.get("https://api.example.test/slow?ms=2000").send());
        }
    }
    eventually(Duration::from_secs(10), "all places are taken", || origin.requests().len() == 4);
    let third = busy[0].tunnel("other.example.test:443").await.expect("a tunnel");
    let mut more = JoinSet::new();
    for _ in 0..2 {
        more.spawn(third.get("https://other.example.test/echo").send());
    }
    let answers = timeout(Duration::from_secs(8), more.join_all()).await.expect("in time");
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.status == 200)));
    let finished = requests.join_all().await.into_iter();
    let failed = finished.filter(|answer| !answer.as_ref().is_ok_and(|answer| answer.status == 200)).count();
    assert!(failed <= 2, "each of the others keeps its share");
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
async fn silent_connections_give_way_to_others() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let builder = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST);
    let proxy = builder.arg("--max-sessions").arg("8").start();
    let mut silent = JoinSet::new();
    for number in 0..100 {
        let mut connection = match number % 2 {
            0 => proxy.client().raw().await.expect("the port is open"),
            _ => proxy.client().raw_tunnel(TARGET).await.expect("a tunnel"),
        };
        silent.spawn(async move { connection.read_rest().await });
    }
    timeout(Duration::from_secs(10), visit(&proxy.client(), URL)).await.expect("served among them");
    for _ in 0..92 {
        assert_eq!(silent.join_next().await.expect("one of them").expect("no panic").expect("ended"), b"");
    }
}
