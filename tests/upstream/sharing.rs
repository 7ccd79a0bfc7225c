//! Verified connections of one destination serve no other destination.

use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::HandshakeKind;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::support::origin::ANY_PORT;
use crate::support::scripted_origin::{ScriptedOrigin, Speaks};
use crate::support::tls::TestCa;
use crate::support::wire::read_until;
use crate::support::{Origin, Proxy, Silent, eventually};

/// The SNI and kind of every handshake at a server.
type Handshakes = Arc<Mutex<Vec<(String, HandshakeKind)>>>;

/// A server that closes after each answer, so that each request needs a handshake.
async fn shake_hands(listener: TcpListener, tls: TlsAcceptor, seen: Handshakes) {
    while let Ok((stream, _)) = listener.accept().await {
        let mut stream = tls.accept(stream).await.expect("the proxy trusts this server");
        let session = stream.get_ref().1;
        let name = session.server_name().expect("a name").to_owned();
        seen.lock().expect("no panic").push((name, session.handshake_kind().expect("over")));
        read_until(&mut stream, b"\r\n\r\n").await.expect("a request");
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.expect("answered");
        stream.shutdown().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_resumed_with_the_same_destination_alone() {
    let ca = TestCa::new();
    let names = ["a.example.test".to_owned(), "b.example.test".to_owned()];
    let listener = TcpListener::bind(ANY_PORT).await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let seen = Handshakes::default();
    let tls = TlsAcceptor::from(ca.server(&names, &["http/1.1"], rustls::ALL_VERSIONS));
    let server = tokio::spawn(shake_hands(listener, tls, seen.clone()));
    let roots = tempfile::NamedTempFile::new().expect("a file");
    fs::write(&roots, ca.pem()).expect("written");
    let mut builder = Proxy::builder().env("SECRET_PROXY_UPSTREAM_CA", &roots.path().display().to_string());
    for target in ["a.example.test:443", "a.example.test:8443", "b.example.test:443"] {
        builder = builder.resolve(&format!("{target}:127.0.0.1:{port}"));
    }
    let proxy = builder.start();
    let full = HandshakeKind::Full;
    let turns = [
        ("a.example.test", full),
        ("a.example.test", HandshakeKind::Resumed),
        ("a.example.test:8443", full),
        ("b.example.test", full),
        ("a.example.test:8443", HandshakeKind::Resumed),
        ("b.example.test", HandshakeKind::Resumed),
    ];
    for (target, _) in turns {
        assert_eq!(proxy.client().get(&format!("https://{target}/")).send().await.expect("answered").status, 204);
    }
    let expected = turns.map(|(target, kind)| (target.trim_end_matches(":8443").to_owned(), kind));
    assert_eq!(*seen.lock().expect("no panic"), expected);
    assert!(!server.is_finished());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_serves_one_destination_though_its_certificate_would_do_for_more() {
    let origin = Origin::start(&["a.example.test", "b.example.test"]);
    let targets = ["a.example.test:443", "a.example.test:8443", "b.example.test:443", "b.example.test:8443"];
    let proxy = targets.iter().fold(Proxy::builder(), |builder, target| builder.origin(target, &origin)).start();
    for client in [proxy.client(), proxy.client().http2()] {
        for target in targets.iter().cycle().take(12) {
            let path = target.replace(':', "/");
            let answer = client.get(&format!("https://{target}/{path}")).send().await.expect("answered");
            assert_eq!(answer.status, 200, "{target}");
        }
    }
    let served = origin.requests().into_iter().map(|request| (request.connection, request.path, request.sni));
    let pairs: HashSet<_> = served.collect();
    let connections: HashSet<_> = pairs.iter().map(|(connection, _, _)| *connection).collect();
    assert_eq!((pairs.len(), connections.len(), origin.connections()), (8, 8, 8), "{pairs:?}");
}

/// A client that comes, asks and goes must not leave dials behind that hold the places of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_ends_with_the_client_that_it_was_for() {
    let (origin, silent) = (Origin::start(&["a.example.test"]), Silent::start());
    let builder = Proxy::builder().origin("a.example.test", &origin).origin("silent.example.test", &silent);
    let proxy = builder.arg("--max-sessions").arg("4").start();
    for number in 1..=4 {
        let tunnel = proxy.client().http2().tunnel("silent.example.test:443").await.expect("a tunnel");
        let asking = tokio::spawn(tunnel.get("https://silent.example.test/").send());
        eventually(Duration::from_secs(5), "it is dialled", || silent.connections() == number);
        asking.abort();
        drop(tunnel);
        proxy.status_becomes("the client is gone", |status| status["sessions"]["active"] == 0);
    }
    let asking = proxy.client().get("https://a.example.test/").within(Duration::from_secs(5)).send();
    assert_eq!(asking.await.expect("there is a place").status, 200);
}

/// A server may answer an upload that it never reads: what it leaves standing must not hold up the next client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_goes_on_after_its_answer_holds_up_nobody_else() {
    const URL: &str = "https://a.example.test/";
    let origin = ScriptedOrigin::start(&["a.example.test"], Speaks::Http2);
    let proxy = Proxy::builder().origin("a.example.test", &origin).start();
    let hostile = proxy.client().http2().tunnel("a.example.test:443").await.expect("a tunnel");
    let (request, body) = hostile.request("POST", URL).streaming();
    let asking = tokio::spawn(request.send());
    assert!(body.send(vec![b'x'; 1024]).await);
    let unread = origin.next().await.answer(200, &[], "enough");
    assert_eq!(asking.await.expect("no panic").expect("answered").status, 200);
    while let Ok(true) = timeout(Duration::from_secs(1), body.send(vec![b'x'; 65536])).await {}
    let asking = tokio::spawn(proxy.client().http2().request("POST", URL).body(vec![b'y'; 1 << 20]).send());
    let (answer, mut upload) = origin.next().await.begin(200, &[]);
    let arrived = timeout(Duration::from_secs(5), upload.count()).await;
    assert_eq!(arrived.expect("not held up").expect("whole"), 1 << 20);
    drop((answer, unread, body, hostile));
    assert_eq!(asking.await.expect("no panic").expect("answered").status, 200);
}
