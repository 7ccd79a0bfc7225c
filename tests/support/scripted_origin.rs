//! An origin that the test controls.
//!
//! The test gets each request at its arrival, and answers it piece by piece.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::body::{BodySender, Outgoing, full, streamed};
use super::listen::{Accepted, Listening};
use super::origin::{ANY_PORT, Upstream};
use super::record::Records;
use super::tls::TestCa;
use super::wire::WITHIN;

/// The protocol of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/2 and HTTP/1.1, over TLS.
    Both,
    /// HTTP/1.1 alone, over TLS.
    Http1,
    /// HTTP/2 alone, over TLS.
    Http2,
    /// HTTP/1.1 without TLS.
    Cleartext,
}

/// An origin whose answers the test gives.
pub struct ScriptedOrigin {
    listening: Listening,
    records: Records,
    ca_pem: Option<String>,
    calls: Mutex<mpsc::Receiver<Call>>,
}

/// A request after its head.
pub struct Call {
    /// Its head.
    pub head: Parts,
    /// The body, which only the test reads.
    pub body: Upload,
    /// The number of its connection.
    pub connection: usize,
    answer: oneshot::Sender<Response<Outgoing>>,
}

/// The body of a request.
pub struct Upload {
    body: Incoming,
    /// The trailers, after their arrival.
    pub trailers: Option<HeaderMap>,
}

impl ScriptedOrigin {
    /// Starts an origin with a certificate for `names`.
    pub fn start(names: &[&str], speaks: Speaks) -> Self {
        let alpn: &[&str] = match speaks {
            Speaks::Both => &["h2", "http/1.1"],
            Speaks::Http2 => &["h2"],
            Speaks::Http1 | Speaks::Cleartext => &["http/1.1"],
        };
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let (tls, ca_pem) = if speaks == Speaks::Cleartext {
            (None, None)
        } else {
            let ca = TestCa::new();
            (Some(ca.server(&names, alpn, rustls::ALL_VERSIONS)), Some(ca.pem()))
        };
        let (records, (sender, calls)) = (Records::default(), mpsc::channel(1024));
        let listening = Listening::start(ANY_PORT, tls, &records, move |accepted| serve(accepted, sender.clone()));
        Self { listening, records, ca_pem, calls: Mutex::new(calls) }
    }

    /// The next request.
    pub async fn next(&self) -> Call {
        let call = timeout(WITHIN, async { self.calls.lock().await.recv().await }).await;
        call.expect("a request comes").expect("the origin is there")
    }

    /// The received bytes.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Closes the port and all connections without an answer.
    pub fn stop(&self) {
        self.listening.stop();
    }
}

impl Upstream for ScriptedOrigin {
    fn address(&self) -> SocketAddr {
        self.listening.address
    }

    fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }
}

async fn serve(accepted: Accepted, calls: mpsc::Sender<Call>) {
    let (is_http2, connection) = (accepted.alpn.as_deref() == Some(b"h2"), accepted.stream.connection());
    let service = service_fn(move |request| hand_over(request, connection, calls.clone()));
    let io = TokioIo::new(accepted.stream);
    // The test checks the end of connections, so the error is ignored.
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.timer(TokioTimer::new()).auto_date_header(false).serve_connection(io, service).await;
    } else {
        let mut builder = http1::Builder::new();
        let builder = builder.timer(TokioTimer::new()).auto_date_header(false);
        let _ = builder.serve_connection(io, service).with_upgrades().await;
    }
}

async fn hand_over(
    request: Request<Incoming>,
    connection: usize,
    calls: mpsc::Sender<Call>,
) -> Result<Response<Outgoing>, Infallible> {
    let (head, body) = request.into_parts();
    let (answer, answered) = oneshot::channel();
    let body = Upload { body, trailers: None };
    let call = Call { head, body, connection, answer };
    if calls.send(call).await.is_err() {
        std::future::pending::<()>().await;
    }
    match answered.await {
        Ok(response) => Ok(response),
        // The test has dropped the request, which gets no answer.
        Err(_) => std::future::pending().await,
    }
}

impl Call {
    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.head.headers.get(name).map(|value| value.as_bytes())
    }

    /// Answers with a head. Returns the sender of the body, and the rest of the request's body.
    pub fn begin(self, status: u16, fields: &[(&str, &str)]) -> (BodySender, Upload) {
        let (sender, body) = streamed();
        let _ = self.answer.send(response(status, fields, body));
        (sender, self.body)
    }

    /// Sends a whole answer, and returns the rest of the request's body.
    pub fn answer(self, status: u16, fields: &[(&str, &str)], body: impl Into<Bytes>) -> Upload {
        let _ = self.answer.send(response(status, fields, full(body)));
        self.body
    }

    /// Waits until the client does not wait for the answer any more.
    pub async fn given_up(&mut self) {
        timeout(WITHIN, self.answer.closed()).await.expect("the request is given up");
    }
}

fn response(status: u16, fields: &[(&str, &str)], body: Outgoing) -> Response<Outgoing> {
    let builder = fields.iter().fold(Response::builder().status(status), |it, (name, value)| it.header(*name, *value));
    builder.body(body).expect("a response")
}

impl Upload {
    /// The next piece, never an empty one; none at the end, an error if the body is truncated.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            let frame = timeout(WITHIN, self.body.frame()).await.expect("a piece of the body comes");
            let Some(frame) = frame.transpose()? else { return Ok(None) };
            match frame.into_data() {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return Ok(Some(piece)),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// Reads to the end and counts.
    pub async fn count(&mut self) -> Result<u64, hyper::Error> {
        let mut count = 0;
        while let Some(piece) = self.piece().await? {
            count += piece.len() as u64;
        }
        Ok(count)
    }
}
