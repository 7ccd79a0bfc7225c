//! WebSocket, spoken by a library at both ends: the token is put into the upgrade request, and after that
//! nothing is touched.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use crate::support::load::is_long;
use crate::support::raw_origin::RawStream;
use crate::support::tls::Sni;
use crate::support::wire::read_until;
use crate::support::{Canary, Proxy, RawOrigin, Wire};

const HOST: &str = "socket.example.test";
const PROTOCOL: &str = "sec-websocket-protocol";
const AT_ONCE: Duration = Duration::from_secs(3);
const UPGRADE: &str = "GET /raw HTTP/1.1\r\nHost: socket.example.test\r\nConnection: keep-alive, Upgrade\r\n\
                       Upgrade: websocket\r\nAuthorization: Bearer {{API_KEY}}\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

type Client = WebSocketStream<Wire>;
type Server = WebSocketStream<RawStream>;

/// A proxy, and an origin whose ends of connections the test gets.
struct Stage {
    canary: Canary,
    proxy: Proxy,
    origin: RawOrigin,
    tls: bool,
    streams: mpsc::Receiver<RawStream>,
}

impl Stage {
    fn set(tls: bool) -> Self {
        let (sender, streams) = mpsc::channel(8);
        let serve = move |stream: RawStream| {
            let sender = sender.clone();
            async move { drop(sender.send(stream).await) }
        };
        let origin = if tls { RawOrigin::start(&[HOST], &["http/1.1"], serve) } else { RawOrigin::plain(serve) };
        let (canary, listed) = (Canary::new(), format!("{HOST}, http://{HOST}"));
        let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, &listed).start();
        Self { canary, proxy, origin, tls, streams }
    }

    /// What is inside the tunnel of a new client.
    async fn wire(&self) -> Wire {
        let client = self.proxy.client();
        let wire = if self.tls {
            client.raw_tls_tunnel(&format!("{HOST}:443"), Sni::Host, &["http/1.1"]).await
        } else {
            client.raw_tunnel(&format!("{HOST}:80")).await
        };
        wire.expect("a tunnel")
    }

    async fn stream(&mut self) -> RawStream {
        timeout(AT_ONCE, self.streams.recv()).await.expect("it comes").expect("the origin is there")
    }

    /// Both ends of a socket, past the handshake.
    async fn socket(&mut self) -> (Client, Server) {
        let uri = format!("ws://{HOST}/chat?v=1").parse().expect("a URI");
        let request = ClientRequestBuilder::new(uri).with_header("authorization", "Bearer {{API_KEY}}");
        let request = request.with_sub_protocol("v1.chat").with_sub_protocol("v2.chat");
        let (wire, expected) = (self.wire().await, format!("Bearer {}", self.canary.value()));
        let (client, server) = tokio::join!(client_async(request, wire), async {
            let stream = self.stream().await;
            accept_hdr_async(stream, Chooser(expected)).await
        });
        let (client, response) = client.expect("upgraded");
        assert_eq!(response.headers()[PROTOCOL], "v2.chat");
        (client, server.expect("upgraded"))
    }

    /// The same by hand, with these bytes sent right behind the heads.
    async fn raw(&mut self, early_client: &str, early_server: &str) -> (Wire, RawStream) {
        let mut client = self.wire().await;
        client.send(format!("{UPGRADE}{early_client}")).await.expect("sent");
        let mut server = self.stream().await;
        read_until(&mut server, b"\r\n\r\n").await.expect("a request");
        server.write_all(format!("{SWITCHED}{early_server}").as_bytes()).await.expect("answered");
        server.flush().await.expect("answered");
        assert!(client.read_head().await.expect("answered").starts_with("HTTP/1.1 101 "));
        (client, server)
    }
}

/// Takes the second of two protocols, if the token is right.
struct Chooser(String);

impl Callback for Chooser {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        assert_eq!(request.headers()["authorization"], self.0);
        assert_eq!(request.headers().get_all(PROTOCOL).iter().collect::<Vec<_>>(), ["v1.chat, v2.chat"]);
        response.headers_mut().insert(PROTOCOL, "v2.chat".parse().expect("a value"));
        Ok(response)
    }
}

/// The next message, at once.
async fn heard<S>(socket: &mut WebSocketStream<S>) -> Message
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    timeout(AT_ONCE, socket.next()).await.expect("at once").expect("it is open").expect("a message")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_pings_pass_both_ways_and_a_placeholder_in_one_stays_text() {
    for tls in [true, false] {
        let mut stage = Stage::set(tls);
        let (mut client, mut server) = stage.socket().await;
        let texts = ["{{API_KEY}}", "", "\u{1f511}"].map(Message::text);
        for message in texts.into_iter().chain([Message::binary(vec![0xff; 1 << 20])]) {
            client.send(message.clone()).await.expect("sent");
            assert_eq!(heard(&mut server).await, message);
            server.send(message.clone()).await.expect("sent");
            assert_eq!(heard(&mut client).await, message);
        }
        let (ping, echo) = (Message::Ping("there?".into()), Message::Pong("there?".into()));
        client.send(ping.clone()).await.expect("sent");
        // Each end answers a ping by itself while it reads.
        assert_eq!(heard(&mut server).await, ping);
        server.flush().await.expect("sent");
        assert_eq!(heard(&mut client).await, echo);
        server.send(ping.clone()).await.expect("sent");
        assert_eq!(heard(&mut client).await, ping);
        client.flush().await.expect("sent");
        assert_eq!(heard(&mut server).await, echo);
        assert_eq!(stage.proxy.audit_lines().len(), 1, "one request, one record");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_codes_arrive_both_ways() {
    let mut stage = Stage::set(true);
    for (code, reason) in [(CloseCode::Normal, ""), (CloseCode::Library(4001), "the token has expired")] {
        let frame = CloseFrame { code, reason: reason.into() };
        let (mut client, mut server) = stage.socket().await;
        client.close(Some(frame.clone())).await.expect("sent");
        assert_eq!(heard(&mut server).await, Message::Close(Some(frame.clone())));
        let (mut client, mut server) = stage.socket().await;
        server.close(Some(frame.clone())).await.expect("sent");
        assert_eq!(heard(&mut client).await, Message::Close(Some(frame)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_before_the_switch_is_done_arrives() {
    for tls in [true, false] {
        let mut stage = Stage::set(tls);
        let (mut client, mut server) = stage.raw("from the client", "from the server").await;
        let mut early = [0; 15];
        timeout(AT_ONCE, server.read_exact(&mut early)).await.expect("at once").expect("it arrives");
        assert_eq!(&early, b"from the client");
        assert_eq!(client.read_bytes(15).await.expect("it arrives"), b"from the server");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_end_may_finish_while_the_other_goes_on() {
    let mut stage = Stage::set(true);
    let (mut client, mut server) = stage.raw("", "").await;
    client.write_all(b"all").await.expect("sent");
    client.shutdown().await.expect("finished");
    let mut all = Vec::new();
    timeout(AT_ONCE, server.read_to_end(&mut all)).await.expect("at once").expect("an end");
    assert_eq!(all, b"all");
    server.write_all(b"and the answer").await.expect("sent");
    server.shutdown().await.expect("finished");
    assert_eq!(client.read_rest().await.expect("an end"), b"and the answer");
    let (mut client, mut server) = stage.raw("", "").await;
    server.write_all(b"all").await.expect("sent");
    server.shutdown().await.expect("finished");
    assert_eq!(client.read_rest().await.expect("an end"), b"all");
    client.send("and the answer").await.expect("sent");
    let mut answer = [0; 14];
    timeout(AT_ONCE, server.read_exact(&mut answer)).await.expect("at once").expect("it arrives");
    assert_eq!(&answer, b"and the answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_breaks_breaks_the_other_at_once() {
    for tls in [true, false] {
        let mut stage = Stage::set(tls);
        let (client, mut server) = stage.raw("", "").await;
        drop(client);
        let told = timeout(AT_ONCE, server.read_u8()).await.expect("the origin is told");
        assert!(told.is_err());
        let (mut client, server) = stage.raw("", "").await;
        drop(server);
        let told = timeout(AT_ONCE, client.read_u8()).await.expect("the client is told");
        assert!(told.is_err());
    }
}

/// Longer than every idle timer of the proxy, if there is time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_socket_stays_open() {
    let mut stage = Stage::set(true);
    let (mut client, mut server) = stage.socket().await;
    tokio::time::sleep(Duration::from_secs(if is_long() { 66 } else { 3 })).await;
    server.send(Message::text("still there?")).await.expect("sent");
    assert_eq!(heard(&mut client).await, Message::text("still there?"));
    client.send(Message::text("yes")).await.expect("sent");
    assert_eq!(heard(&mut server).await, Message::text("yes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_is_not_granted_is_an_answer_like_any_other() {
    let mut stage = Stage::set(true);
    let mut client = stage.wire().await;
    client.send(UPGRADE).await.expect("sent");
    let mut server = stage.stream().await;
    for turn in 0..3 {
        read_until(&mut server, b"\r\n\r\n").await.expect("a request");
        server.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno").await.expect("answered");
        server.flush().await.expect("answered");
        let head = client.read_head().await.expect("answered");
        assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
        assert_eq!(client.read_bytes(2).await.expect("its body"), b"no");
        if turn < 2 {
            client.send(UPGRADE).await.expect("sent on the same connection");
        }
    }
    assert_eq!(stage.origin.records().connections(), 1);
}
