//! By way of another proxy: it sees where connections go and no more, and what is sent inside is verified and
//! judged as ever.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use crate::support::canary::base64;
use crate::support::origin::Upstream as _;
use crate::support::wire::read_until;
use crate::support::{Canary, Origin, PlainOrigin, Proxy, ProxyBuilder, RawOrigin};

const HOST: &str = "api.example.test";
const PASSWORD: &str = "p@ss:w%rd";

/// A proxy that leads tunnels to port 8080 to `clear`, others to `origin`, and keeps all heads.
fn other_proxy(origin: SocketAddr, clear: SocketAddr) -> (RawOrigin, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let kept = heads.clone();
    let proxy = RawOrigin::plain(move |mut stream| {
        let kept = kept.clone();
        async move {
            let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await else { return };
            let head = String::from_utf8(head).expect("text");
            kept.lock().expect("no panic").push(head.clone());
            let expected = format!("Basic {}", base64(format!("me:{PASSWORD}").as_bytes()));
            if !head.contains(&expected) {
                return drop(stream.write_all(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n").await);
            }
            assert!(head.starts_with("CONNECT "), "it is handed no request: {head}");
            let to = if head.contains(":8080 ") { clear } else { origin };
            let mut server = TcpStream::connect(to).await.expect("the origin is up");
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("sent");
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    });
    (proxy, heads)
}

/// A proxy that trusts the origin's authority, knows no address of it, and goes through the other proxy.
fn builder(origin: &Origin, by: &RawOrigin, password: &str) -> ProxyBuilder {
    let root = origin.ca_pem().expect("TLS").to_owned();
    let builder = Proxy::builder().prepare(move |dir| std::fs::write(dir.join("roots.pem"), root).expect("written"));
    let url = format!("SECRET_PROXY_UPSTREAM_PROXY=http://me:{password}@{}\n", by.address());
    let builder = builder.prepare(move |dir| {
        let roots = dir.join("roots.pem");
        let text = format!("{url}SECRET_PROXY_UPSTREAM_CA={}\n", roots.display());
        std::fs::write(dir.join("settings.env"), text).expect("written");
    });
    builder.without_env("SECRET_PROXY_ALLOW_NET")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_cleartext_and_passages_go_through_it() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let plain = PlainOrigin::start();
    let (other, heads) = other_proxy(origin.address(), plain.address());
    let proxy = builder(&origin, &other, "p%40ss%3Aw%25rd").env("SECRET_PROXY_PASSTHROUGH", "other.example.test");
    let proxy = proxy.secret("API_KEY", &canary, &format!("{HOST},http://{HOST}:8080")).start();
    let send = async |url: &str| {
        let request = proxy.client().get(url).header("x-api-key", "{{API_KEY}}");
        request.send().await.expect("answered").status
    };
    assert_eq!(send("https://api.example.test/").await, 200);
    assert_eq!(origin.last_request().header("x-api-key"), Some(canary.bytes()));
    assert_eq!(send("http://api.example.test:8080/clear").await, 200);
    assert_eq!(plain.last_request().header("x-api-key"), Some(canary.bytes()));
    assert_eq!(plain.last_request().header("proxy-authorization"), None);
    let _tunnel = proxy.client().raw_tunnel("other.example.test:443").await.expect("passed through");
    let heads = heads.lock().expect("no panic").clone();
    assert!(heads[0].starts_with("CONNECT api.example.test:443 HTTP/1.1\r\n"), "{}", heads[0]);
    assert!(!heads[0].contains(canary.value()), "the other proxy sees no value");
    assert!(heads[1].starts_with("CONNECT api.example.test:8080 HTTP/1.1\r\n"), "{}", heads[1]);
    assert!(heads[2].starts_with("CONNECT other.example.test:443 HTTP/1.1\r\n"), "{}", heads[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_verified_inside_it_and_known_addresses_are_judged() {
    let canary = Canary::new();
    let (trusted, stranger) = (Origin::start(&["x.example.test"]), Origin::start(&[HOST]));
    let (other, heads) = other_proxy(stranger.address(), stranger.address());
    let proxy = builder(&trusted, &other, "p%40ss%3Aw%25rd").secret("API_KEY", &canary, &format!("{HOST},10.0.0.1"));
    let proxy = proxy.resolve("metadata.example.test:443:169.254.169.254").start();
    let send = async |url: &str, key: &str| {
        proxy.client().get(url).header("x-api-key", key).send().await.expect("answered").status
    };
    assert_eq!(send("https://api.example.test/", "{{API_KEY}}").await, 502, "an unknown authority");
    assert_eq!(stranger.find(&canary), None);
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://metadata.example.test/",
        "https://localhost/",
        "https://a.localhost/",
    ] {
        assert_eq!(send(url, "none").await, 403, "{url}");
    }
    assert_eq!(heads.lock().expect("no panic").len(), 1, "the other proxy was asked for one of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_it_is_told_on_the_host_alone() {
    let (canary, origin) = (Canary::new(), Origin::start(&[HOST]));
    let (other, _) = other_proxy(origin.address(), origin.address());
    let proxy = builder(&origin, &other, "wrong").secret("API_KEY", &canary, HOST).start();
    let answer = proxy.client().get("https://api.example.test/").header("x-api-key", "{{API_KEY}}").send().await;
    assert_eq!(answer.expect("answered").status, 502);
    let reason = proxy.audit_lines()[1]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("407"), "{reason}");
    assert!(!proxy.log_text().contains("wrong"), "its password is nowhere in the log");
}

/// Any 2xx to CONNECT opens the tunnel (RFC 9110, section 9.3.6), also after an interim answer and with fields that
/// belong to no body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_success_of_it_opens_a_tunnel() {
    let answers = [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 Connection established\r\nProxy-Agent: x\r\n\r\n",
        "HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 Odd\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\n\r\n",
    ];
    for (said, expected) in answers.map(|said| (said, 200)).into_iter().chain([("HTTP/1.1 302 Found\r\n\r\n", 502)]) {
        let origin = Origin::start(&[HOST]);
        let server = origin.address();
        let other = RawOrigin::plain(move |mut stream| async move {
            let Ok(_) = read_until(&mut stream, b"\r\n\r\n").await else { return };
            stream.write_all(said.as_bytes()).await.expect("sent");
            stream.flush().await.expect("sent");
            let mut server = TcpStream::connect(server).await.expect("the origin is up");
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        });
        let proxy = builder(&origin, &other, "x").start();
        let answer = proxy.client().get("https://api.example.test/").send().await.expect("answered");
        assert_eq!(answer.status, expected, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exceptions_are_dialled_directly_and_judged() {
    let origin = Origin::start(&["api.example.test", "git.corp.example.test"]);
    let (other, heads) = other_proxy(origin.address(), origin.address());
    let proxy = builder(&origin, &other, "p%40ss%3Aw%25rd")
        .env("SECRET_PROXY_UPSTREAM_PROXY_EXCEPT", "corp.example.test, 169.254.0.0/16")
        .env("SECRET_PROXY_ALLOW_NET", "127.0.0.0/8")
        .resolve(&format!("git.corp.example.test:443:{}", origin.address()))
        .resolve("git.corp.example.test:8443:169.254.169.254");
    let proxy = proxy.start();
    let send = async |url: &str| proxy.client().get(url).send().await.expect("answered").status;
    assert_eq!(send("https://git.corp.example.test/").await, 200);
    assert_eq!(send("https://git.corp.example.test:8443/").await, 403, "its address is judged");
    assert!(heads.lock().expect("no panic").is_empty(), "the other proxy was not asked");
    assert_eq!(send("https://api.example.test/").await, 200);
    assert_eq!(heads.lock().expect("no panic").len(), 1);
}
