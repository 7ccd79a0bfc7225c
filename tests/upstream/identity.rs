//! A connection on which a server authenticates a client is that client's for its whole life (RFC 4559, section 6).

use tokio::io::AsyncWriteExt as _;

use crate::support::raw_origin::RawStream;
use crate::support::wire::read_until;
use crate::support::{Proxy, RawOrigin, Tunnel};

const HOST: &str = "api.example.test";

/// A server that takes the client of a connection for Alice once she has proven who she is, as NTLM does.
fn authenticating(scheme: &'static str, asks: bool) -> RawOrigin {
    RawOrigin::start(&[HOST], &["http/1.1"], move |mut stream: RawStream| async move {
        let mut is_alice = false;
        while let Ok(head) = read_until(&mut stream, b"\r\n\r\n").await {
            let head = String::from_utf8_lossy(&head).into_owned();
            is_alice |= head.contains(&format!("{scheme} final"));
            let answer = match (is_alice, asks) {
                (true, _) => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nalice".to_owned(),
                (false, true) => format!(
                    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\", {scheme}\r\ncontent-length: 0\r\n\r\n"
                ),
                (false, false) => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nnobody".to_owned(),
            };
            stream.write_all(answer.as_bytes()).await.expect("answered");
            stream.flush().await.expect("answered");
        }
    })
}

async fn ask(tunnel: &Tunnel, credentials: Option<String>) -> String {
    let mut request = tunnel.get(&format!("https://{HOST}/"));
    if let Some(credentials) = credentials {
        request = request.header("authorization", credentials);
    }
    let answer = request.send().await.expect("answered");
    format!("{} {}", answer.status, answer.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_authenticated_serves_no_other_client() {
    for (scheme, asks) in [("NTLM", true), ("NTLM", false), ("Negotiate", true), ("negotiate", false)] {
        let origin = authenticating(scheme, asks);
        let proxy = Proxy::builder().origin(HOST, &origin).start();
        let stranger = if asks { "401 " } else { "200 nobody" };
        let tunnel = async || proxy.client().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
        let (alice, other) = (tunnel().await, tunnel().await);
        assert_eq!(ask(&alice, Some(format!("{scheme} begin"))).await, stranger, "{scheme} {asks}");
        assert_eq!(ask(&alice, Some(format!("{scheme} final"))).await, "200 alice", "on the same connection");
        assert_eq!(ask(&other, None).await, stranger, "{scheme} {asks}");
        assert_eq!(ask(&alice, None).await, "200 alice", "{scheme} {asks}: it is still hers");
        drop(alice);
        assert_eq!(ask(&tunnel().await, None).await, stranger, "{scheme} {asks}: nor when she has gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_of_a_request_leave_the_connection_to_all() {
    let origin = authenticating("NTLM", false);
    let proxy = Proxy::builder().origin(HOST, &origin).start();
    for credentials in ["Basic bnRsbTp4", "Bearer negotiate.ntlm", "Digest username=\"ntlm\""] {
        let tunnel = proxy.client().tunnel(&format!("{HOST}:443")).await.expect("a tunnel");
        assert_eq!(ask(&tunnel, Some(credentials.to_owned())).await, "200 nobody");
    }
    assert_eq!(origin.records().connections(), 1);
}
