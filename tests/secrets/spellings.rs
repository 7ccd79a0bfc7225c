//! A destination has one spelling, or the request is refused; wildcards, redirects, kept connections and
//! addresses lead nowhere else.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpListener;

use crate::support::tls::Sni;
use crate::support::{Canary, Origin, PlainOrigin, Proxy, Wire};

const GOOD: &str = "good.example.test";
const EVIL: &str = "evil.example.test";
const KEY: (&str, &str) = ("x-api-key", "{{API_KEY}}");

/// Spellings that some parser takes for `good.example.test`, for an address, or for nothing wrong.
const HOSTILE: &str = "\
    :443 user@good.example.test:443 evil.example.test@good.example.test:443 \
    good.example.test:443@evil.example.test:443 good%2eexample.test:443 [good.example.test]:443 \
    good.example.test]:443 good.example.test:443:443 good.example.test: good.example.test:0 \
    good.example.test:65536 good.example.test:65979 good.example.test:+443 good.example.test:0443 \
    good.example.test:0x1bb good.example.test..:443 .good.example.test:443 good..example.test:443 \
    good.example.test\0:443 \
    good.example.test\0.evil.example.test:443 good.example.test\t:443 \
    good.example.test,evil.example.test:443 good.ex\u{430}mple.test:443 good\u{3002}example.test:443 \
    127.1:443 2130706433:443 0x7f000001:443 0177.0.0.1:443 127.0.0.1.:443 ::1:443 \
    [::1%25lo]:443 [fe80::1%eth0]:443";

/// Legal names of other hosts, and of addresses that are not dialled.
const ELSEWHERE: [(&str, u16); 6] = [
    ("-good.example.test:443", 502),
    ("good_example.test:443", 502),
    ("good.example.test-:443", 502),
    ("[0:0:0:0:0:0:0:1]:443", 403),
    ("[::ffff:7f00:1]:443", 403),
    ("[0000::FFFF:127.0.0.1]:443", 403),
];

/// The answer to these bytes, until the connection ends or a whole head has come.
async fn answer(mut wire: Wire, bytes: String) -> String {
    wire.send(bytes).await.expect("sent");
    wire.read_head().await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusual_names_are_other_destinations_and_never_the_usual_one() {
    let origin = Origin::start(&[GOOD]);
    let proxy = Proxy::builder().origin(GOOD, &origin).without_env("SECRET_PROXY_ALLOW_NET").start();
    for (text, status) in ELSEWHERE {
        let absolute = format!("GET http://{text}/ HTTP/1.1\r\nHost: {text}\r\n\r\n");
        let absolute = answer(proxy.client().raw().await.expect("open"), absolute).await;
        assert!(absolute.starts_with(&format!("HTTP/1.1 {status} ")), "http://{text}/: {absolute}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_spellings_are_refused_not_repaired() {
    let origin = Origin::start(&[GOOD]);
    let proxy = Proxy::builder().origin(GOOD, &origin).start();
    let (client, target) = (proxy.client(), format!("{GOOD}:443"));
    for text in HOSTILE.split(' ').chain([""]) {
        let connect = format!("CONNECT {text} HTTP/1.1\r\nHost: {GOOD}:443\r\n\r\n");
        let connect = answer(client.raw().await.expect("open"), connect).await;
        assert!(connect.starts_with("HTTP/1.1 400 "), "CONNECT {text:?}: {connect}");
        let absolute = format!("GET http://{text}/ HTTP/1.1\r\nHost: {text}\r\n\r\n");
        let absolute = answer(client.raw().await.expect("open"), absolute).await;
        assert!(absolute.starts_with("HTTP/1.1 400 "), "http://{text:?}/: {absolute}");
        let tunnel = client.raw_tls_tunnel(&target, Sni::Host, &[]).await.expect("open");
        let inside = answer(tunnel, format!("GET / HTTP/1.1\r\nHost: {text}\r\n\r\n")).await;
        let refused = inside.starts_with("HTTP/1.1 400 ") || inside.starts_with("HTTP/1.1 403 ");
        assert!(refused, "Host: {text:?}: {inside}");
    }
    for text in ["good.example.test:443", "GOOD.example.TEST:443", "good.example.test.:443", "good.example.test"] {
        let tunnel = client.raw_tls_tunnel(&target, Sni::Host, &[]).await.expect("open");
        let inside = answer(tunnel, format!("GET / HTTP/1.1\r\nHost: {text}\r\n\r\n")).await;
        assert!(inside.starts_with("HTTP/1.1 200 "), "Host: {text:?}: {inside}");
    }
    assert_eq!((origin.requests().len(), origin.failed_handshakes()), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_named_twice_or_never_is_malformed() {
    let origin = Origin::start(&[GOOD]);
    let proxy = Proxy::builder().origin(GOOD, &origin).start();
    let heads = [
        "GET / HTTP/1.1\r\nHost: good.example.test\r\nHost: good.example.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example.test\r\nX: 1\r\nhOST: evil.example.test\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET https://good.example.test/ HTTP/1.1\r\nHost: good.example.test\r\n\r\n",
        "GET http://good.example.test/ HTTP/1.1\r\nHost: good.example.test\r\n\r\n",
        "GET https://evil.example.test/ HTTP/1.1\r\nHost: good.example.test\r\n\r\n",
        "CONNECT evil.example.test:443 HTTP/1.1\r\nHost: good.example.test\r\n\r\n",
        "CONNECT good.example.test:443 HTTP/1.1\r\nHost: good.example.test\r\n\r\n",
    ];
    for head in heads {
        let mut tunnel =
            proxy.client().raw_tls_tunnel("good.example.test:443", Sni::Host, &[]).await.expect("the tunnel");
        tunnel.send(head).await.expect("sent");
        let answer = String::from_utf8(tunnel.read_rest().await.expect("it is closed")).expect("text");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
    }
    let star = "OPTIONS * HTTP/1.1\r\nHost: evil.example.test\r\n\r\n";
    let tunnel = proxy.client().raw_tls_tunnel("good.example.test:443", Sni::Host, &[]).await.expect("the tunnel");
    assert!(answer(tunnel, star.to_owned()).await.starts_with("HTTP/1.1 403 "));
    assert!(origin.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_the_clients_to_follow() {
    let canary = Canary::new();
    let [good, evil] = [GOOD, EVIL].map(|name| Origin::start(&[name]));
    let proxy = Proxy::builder().origin(GOOD, &good).origin(EVIL, &evil).secret("API_KEY", &canary, GOOD).start();
    let request = proxy.client().get("https://good.example.test/redirect?to=https://evil.example.test/");
    let answer = request.header(KEY.0, KEY.1).send().await.expect("answered");
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://evil.example.test/")));
    assert_eq!((good.requests().len(), evil.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_is_judged_anew_for_each_host() {
    let canary = Canary::new();
    let [good, evil] = [PlainOrigin::start(), PlainOrigin::start()];
    let builder = Proxy::builder().origin(GOOD, &good).origin(EVIL, &evil);
    let proxy = builder.secret("API_KEY", &canary, "http://good.example.test").start();
    let connection = proxy.client().forward().await.expect("open");
    let turns = [(GOOD, KEY.1, 200), (EVIL, KEY.1, 403), (EVIL, "none", 200), (GOOD, KEY.1, 200), (GOOD, "none", 200)];
    for (host, value, expected) in turns {
        let request = connection.get(&format!("http://{host}/")).header(KEY.0, value);
        assert_eq!(request.send().await.expect("answered").status, expected, "{host} {value}");
    }
    let keys: Vec<_> = good.requests().iter().map(|request| request.header(KEY.0) == Some(canary.bytes())).collect();
    assert_eq!((keys, evil.requests().len(), evil.find(&canary)), (vec![true, true, false], 1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_covers_names_below_its_suffix_at_its_port() {
    let canary = Canary::new();
    let table = [
        ("a.wild.test:443", true),
        ("A.Wild.Test.:443", true),
        ("a.b.wild.test:443", true),
        ("wild.test:443", false),
        ("awild.test:443", false),
        ("a.wild.test:8443", false),
        ("a.wild.test.evil.test:443", false),
        ("wild.test.evil.test:443", false),
        ("a.wild.testing:443", false),
    ];
    let bare = |target: &str| target.rsplit_once(':').expect("a port").0.trim_end_matches('.').to_lowercase();
    let names: BTreeSet<String> = table.iter().map(|(target, _)| bare(target)).collect();
    let origin = Origin::start(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut builder = Proxy::builder().secret("API_KEY", &canary, "*.wild.test");
    for name in &names {
        builder = builder.origin(name, &origin).origin(&format!("{name}:8443"), &origin);
    }
    let proxy = builder.start();
    for (target, allowed) in table {
        let request = proxy.client().get(&format!("https://{target}/")).header(KEY.0, KEY.1);
        let status = request.send().await.expect("answered").status;
        assert_eq!(status, if allowed { 200 } else { 403 }, "{target}");
    }
    assert_eq!(origin.requests().len(), 3);
}

/// Addresses behind a name, and the same as literals; on Linux several of them lead to this machine.
const ADDRESSES: &str = "\
    127.0.0.1 127.8.8.8 0.0.0.0 169.254.169.254 168.63.129.16 224.0.0.1 255.255.255.255 240.0.0.1 \
    [::1] [::] [::ffff:127.0.0.1] [::ffff:169.254.169.254] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] \
    [2002:7f00:1::] [fe80::1] [fd00:ec2::254] [ff02::1]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_out_of_reach_get_a_refusal_and_a_record_and_no_connection() {
    let doors = [TcpListener::bind("127.0.0.1:0").expect("a port"), TcpListener::bind("127.0.0.1:0").expect("a port")];
    doors.iter().for_each(|door| door.set_nonblocking(true).expect("set"));
    let [named, literal] = doors.each_ref().map(|door| door.local_addr().expect("bound").port());
    let addresses: Vec<_> = ADDRESSES.split(' ').collect();
    let mut builder = Proxy::builder().without_env("SECRET_PROXY_ALLOW_NET");
    for (number, address) in addresses.iter().enumerate() {
        builder = builder.resolve(&format!("name-{number}.test:443:{address}:{named}"));
    }
    let proxy = builder.start();
    let behind = (0..addresses.len()).map(|number| format!("name-{number}.test"));
    let literals = addresses.iter().map(|address| format!("{address}:{literal}"));
    let targets: Vec<String> = behind.chain(literals).collect();
    for target in &targets {
        let answer = proxy.client().get(&format!("https://{target}/")).send().await.expect("answered");
        assert_eq!(answer.status, 403, "{target}");
        let forward = proxy.client().get(&format!("http://{}/", target.replace(".test", ".test:443"))).send().await;
        assert_eq!(forward.expect("answered").status, 403, "http to {target}");
    }
    let records = proxy.audit_lines();
    let told = |reason: &str| reason.starts_with("Address ") && reason.contains(" may not be dialled: ");
    assert!(records.iter().all(|record| record["blocked"] == true && record["reason"].as_str().is_some_and(told)));
    assert_eq!(records.len(), targets.len() * 2);
    for door in doors {
        assert!(door.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "a door was knocked at");
    }
}
