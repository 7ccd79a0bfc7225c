//! Message bodies of both ends: whole, or sent piece by piece with back-pressure.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// A body that the harness sends.
pub type Outgoing = BoxBody<Bytes, Aborted>;

/// The sender of a streamed body gave up on purpose.
#[derive(Debug)]
pub struct Aborted;

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body was aborted by the test")
    }
}

impl std::error::Error for Aborted {}

/// A body of known length; hyper sends the length.
pub fn full(bytes: impl Into<Bytes>) -> Outgoing {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A body that is sent piece by piece. The channel holds one piece, so the connection's back-pressure
/// reaches the sender.
pub fn streamed() -> (BodySender, Outgoing) {
    let (sender, receiver) = mpsc::channel(1);
    (BodySender(sender), Streamed(receiver).boxed())
}

/// The sending half of a streamed body. Dropping it ends the body properly.
pub struct BodySender(mpsc::Sender<Result<Frame<Bytes>, Aborted>>);

impl BodySender {
    /// Sends a piece; false if the body has no reader any more.
    pub async fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(piece.into()))).await.is_ok()
    }

    /// Ends the body with trailers.
    pub async fn trailers(self, trailers: HeaderMap) -> bool {
        self.0.send(Ok(Frame::trailers(trailers))).await.is_ok()
    }

    /// Waits until the body has no reader any more.
    pub async fn given_up(&self) {
        self.0.closed().await;
    }

    /// Ends the body in the middle: the connection or stream is reset.
    pub async fn abort(self) {
        // Without a reader the body has been aborted already.
        let _ = self.0.send(Err(Aborted)).await;
    }
}

struct Streamed(mpsc::Receiver<Result<Frame<Bytes>, Aborted>>);

impl Body for Streamed {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        self.0.poll_recv(task)
    }
}
