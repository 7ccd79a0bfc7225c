//! One HTTP connection, to the proxy or through it, for many requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answer::{ClientError, Streaming};
use super::body::Outgoing;
use super::request::Request;
use super::transcript::{Source, Transcript};
use super::wire::{TlsFacts, Wire};

/// A connection that is kept alive; clones share it, and the last one closes it.
#[derive(Clone)]
pub struct Tunnel(Arc<Shared>);

struct Shared {
    sender: Mutex<Sender>,
    connection: JoinHandle<()>,
    http2: bool,
    absolute: bool,
    tls: Option<TlsFacts>,
    transcript: Transcript,
}

enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Tunnel {
    /// Starts HTTP on this stream, in the negotiated version.
    /// `absolute`: requests carry their whole URL, as to a proxy.
    pub(super) async fn over(mut wire: Wire, transcript: &Transcript, absolute: bool) -> Result<Self, ClientError> {
        let tls = wire.tls.take();
        let http2 = tls.as_ref().is_some_and(|tls| tls.alpn.as_deref() == Some(b"h2"));
        let io = TokioIo::new(wire);
        // The request on this connection reports the same error to the test.
        let (sender, connection) = if http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            let connection = tokio::spawn(async move { drop(connection.await) });
            (Sender::Http2(sender), connection)
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            let connection = tokio::spawn(async move { drop(connection.with_upgrades().await) });
            (Sender::Http1(sender), connection)
        };
        let transcript = transcript.clone();
        let sender = Mutex::new(sender);
        Ok(Self(Arc::new(Shared { sender, connection, http2, absolute, tls, transcript })))
    }

    /// A request through this connection; the URL is as for [`super::Client::request`].
    pub fn request(&self, method: &str, url: &str) -> Request {
        Request::inside(self.clone(), method, url)
    }

    /// A GET.
    pub fn get(&self, url: &str) -> Request {
        self.request("GET", url)
    }

    /// Whether this is HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.0.http2
    }

    /// Whether requests carry their whole URL.
    pub(super) fn wants_absolute(&self) -> bool {
        self.0.absolute
    }

    /// The result of the TLS handshake, if there was one.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.0.tls.as_ref()
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.0.connection.is_finished()
    }

    /// Sends a finished request and waits for the head of the answer.
    pub(super) async fn exchange(
        &self,
        request: http::Request<Outgoing>,
        started: Instant,
        within: Duration,
    ) -> Result<Streaming, ClientError> {
        let label = format!("the answer to {} {}", request.method(), request.uri());
        let response = timeout(within, self.send(request)).await;
        let response = response.map_err(|_| ClientError::TimedOut("the head of the answer"))??;
        let recorder = self.0.transcript.recorder(Source::Client, label);
        Ok(Streaming::new(response, self.clone(), recorder, started, within))
    }

    async fn send(
        &self,
        request: http::Request<Outgoing>,
    ) -> Result<http::Response<hyper::body::Incoming>, hyper::Error> {
        let mut sender = self.0.sender.lock().await;
        match &mut *sender {
            Sender::Http1(sender) => {
                // Without this, hyper cancels a second request while it reads the end of the first response.
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(shared) => {
                let mut mine = shared.clone();
                drop(sender);
                mine.ready().await?;
                mine.send_request(request).await
            }
        }
    }
}
