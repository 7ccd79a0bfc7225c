//! The results of a request: an answer, a streamed answer, or an error.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::transcript::Recorder;
use super::tunnel::Tunnel;
use super::wire::Wire;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers, if there were any.
    pub trailers: Option<HeaderMap>,
    /// The HTTP version of the client's leg.
    pub version: Version,
    /// The time from the call of `send` to the end of the body, with the connection's setup.
    pub elapsed: Duration,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a header, if the value is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The reason why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// The client cannot send the test's request; a raw stream can.
    Malformed(String),
    /// The proxy's port, or the stream behind it, failed.
    Io(std::io::Error),
    /// CONNECT got another answer than 200.
    ConnectRefused(Box<Answer>),
    /// The TLS handshake failed.
    Tls(std::io::Error),
    /// The HTTP exchange failed.
    Http(hyper::Error),
    /// The request exceeded its time limit.
    TimedOut(&'static str),
}

impl ClientError {
    /// The answer to CONNECT, if that is the error.
    pub fn connect_answer(&self) -> Option<&Answer> {
        match self {
            Self::ConnectRefused(answer) => Some(answer),
            _ => None,
        }
    }
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "cannot be said: {what}"),
            Self::Io(error) => write!(f, "connection: {error}"),
            Self::ConnectRefused(answer) => write!(f, "CONNECT answered {}", answer.status),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Http(error) => write!(f, "HTTP: {error}"),
            Self::TimedOut(what) => write!(f, "timed out: {what}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<hyper::Error> for ClientError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}

/// An answer after its head and before its body. Dropping it early closes the connection, unless the test
/// holds a [`Tunnel`].
pub struct Streaming {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The HTTP version of the client's leg.
    pub version: Version,
    /// The trailers, after they have arrived.
    pub trailers: Option<HeaderMap>,
    body: Incoming,
    upgrade: Option<OnUpgrade>,
    recorder: Recorder,
    /// Keeps the connection alive.
    tunnel: Tunnel,
    started: Instant,
    within: Duration,
}

impl Streaming {
    pub(super) fn new(
        mut response: Response<Incoming>,
        tunnel: Tunnel,
        mut recorder: Recorder,
        started: Instant,
        within: Duration,
    ) -> Self {
        let switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
        let upgrade = switched.then(|| hyper::upgrade::on(&mut response));
        let (head, body) = response.into_parts();
        recorder.record_fields(&head.headers);
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            version: head.version,
            trailers: None,
            body,
            upgrade,
            recorder,
            tunnel,
            started,
            within,
        }
    }

    /// The next piece of the body, never an empty one; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let frame = timeout(self.within, self.body.frame()).await;
            let frame = frame.map_err(|_| ClientError::TimedOut("the next piece of the body"))?;
            let Some(frame) = frame.transpose()? else {
                return Ok(None);
            };
            match frame.into_data() {
                // HTTP/2 may end a body with a frame that has no bytes.
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => {
                    self.recorder.record(&piece);
                    return Ok(Some(piece));
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    self.recorder.record_fields(&trailers);
                    self.trailers = Some(trailers);
                }
            }
        }
    }

    /// The whole answer, with the rest of the body.
    pub async fn collect(mut self) -> Result<Answer, ClientError> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            status: self.status,
            headers: self.headers,
            body: body.freeze(),
            trailers: self.trailers,
            version: self.version,
            elapsed: self.started.elapsed(),
        })
    }

    /// Counts the rest of the body without keeping it, for large bodies.
    pub async fn count(mut self) -> Result<u64, ClientError> {
        let mut count = 0;
        while let Some(piece) = self.chunk().await? {
            count += piece.len() as u64;
        }
        Ok(count)
    }

    /// The same without the search for canaries, which takes time, for very large bodies.
    pub async fn count_unrecorded(self) -> Result<u64, ClientError> {
        let Self { mut body, within, .. } = self;
        let mut count = 0;
        while let Some(frame) = timeout(within, body.frame()).await.map_err(|_| ClientError::TimedOut("the body"))? {
            count += frame?.data_ref().map_or(0, Bytes::len) as u64;
        }
        Ok(count)
    }

    /// The stream behind a 101.
    pub async fn upgraded(self) -> Result<Wire, ClientError> {
        let Some(upgrade) = self.upgrade else {
            return Err(ClientError::Malformed(format!("no upgrade: answered {}", self.status)));
        };
        let upgraded = timeout(self.within, upgrade).await;
        let upgraded = upgraded.map_err(|_| ClientError::TimedOut("the upgrade"))??;
        Ok(Wire::new(TokioIo::new(upgraded), self.recorder))
    }
}
