//! A tunnel that is passed through is the client's and the server's alone: no certificate of ours, no value
//! put in, and a record that it was there.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::origin::Upstream as _;
use crate::support::{Canary, Fifo, Origin, Proxy, RawOrigin};

const LISTED: &str = "api.example.test";
const OTHER: &str = "other.example.test";

/// The status of a request through the proxy, by a client that trusts the origin alone.
async fn end_to_end(proxy: &Proxy, origin: &Origin, host: &str) -> Option<u16> {
    let client = proxy.client().trusting_only(origin.ca_pem().expect("TLS"));
    let request = client.get(&format!("https://{host}/")).header("x-api-key", "{{API_KEY}}");
    request.send().await.ok().map(|answer| answer.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_named_is_passed_through_and_recorded() {
    let (canary, origin) = (Canary::new(), Origin::start(&[LISTED, OTHER]));
    let proxy = Proxy::builder().origin(LISTED, &origin).origin(OTHER, &origin).secret("API_KEY", &canary, LISTED);
    let proxy = proxy.env("SECRET_PROXY_PASSTHROUGH", "*.example.test").start();
    for host in [OTHER, LISTED] {
        assert_eq!(end_to_end(&proxy, &origin, host).await, Some(200), "{host}");
        assert_eq!(origin.last_request().header("x-api-key"), Some(b"{{API_KEY}}".as_slice()), "it stays text");
    }
    let lines = proxy.audit_lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["tunnel"], true);
    assert_eq!((&lines[0]["method"], &lines[0]["host"]), (&"CONNECT".into(), &OTHER.into()));
    assert_eq!((&lines[0]["blocked"], &lines[0]["secrets"]), (&false.into(), &serde_json::json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anything_can_be_spoken_in_it() {
    let echo = RawOrigin::plain(async |mut stream| {
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes).await.expect("five");
        stream.write_all(&bytes).await.expect("back");
    });
    let builder = Proxy::builder().origin("ssh.example.test:22", &echo);
    let proxy = builder.env("SECRET_PROXY_PASSTHROUGH", "ssh.example.test:22").start();
    let mut wire = proxy.client().raw_tunnel("ssh.example.test:22").await.expect("a tunnel");
    wire.send(b"\x00\xff\x16\x03\n").await.expect("sent");
    assert_eq!(wire.read_bytes(5).await.expect("back"), b"\x00\xff\x16\x03\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_or_cannot_be_reached_is_told_before_the_tunnel() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let builder = Proxy::builder().resolve("metadata.example.test:443:169.254.169.254");
    let builder = builder.resolve(&format!("gone.example.test:443:{nobody}"));
    let proxy = builder.env("SECRET_PROXY_PASSTHROUGH", "*.example.test").start();
    for (host, status) in [("metadata", "403"), ("gone", "502")] {
        let mut wire = proxy.client().raw().await.expect("open");
        let authority = format!("{host}.example.test:443");
        wire.send(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await.expect("sent");
        let answer = wire.read_head().await.expect("answered");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    let lines = proxy.audit_lines();
    let told: Vec<_> = lines.iter().map(|line| (line["blocked"].as_bool(), line["outcome"].as_str())).collect();
    assert_eq!(told, [(Some(true), None), (Some(false), None), (None, Some("not_sent"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_intercept_listed_only_hosts_of_secrets_are_intercepted_once_they_are_known() {
    let (canary, origin) = (Canary::new(), Origin::start(&[LISTED, OTHER]));
    let builder = Proxy::builder().origin(LISTED, &origin).origin(OTHER, &origin).canary(&canary).secrets_fifo();
    let proxy = builder.env("SECRET_PROXY_INTERCEPT", "listed").start();
    let ours = async |host: &str| {
        let request = proxy.client().get(&format!("https://{host}/")).header("x-api-key", "{{API_KEY}}");
        request.send().await.ok().map(|answer| answer.status)
    };
    assert_eq!(end_to_end(&proxy, &origin, OTHER).await, None, "not known yet: our certificate");
    let text = format!("API_KEY={}\nAPI_KEY_HOSTS={LISTED}\n", canary.value());
    let _mount = Fifo::serving(&proxy.secrets_path(), &text);
    assert_eq!(ours(LISTED).await, Some(200));
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
    assert_eq!(end_to_end(&proxy, &origin, OTHER).await, Some(200), "passed through");
    assert_eq!(end_to_end(&proxy, &origin, LISTED).await, None, "intercepted");
}
