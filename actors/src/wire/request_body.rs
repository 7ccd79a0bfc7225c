//! The body of a client's request, streamed upstream and never buffered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use policy::request::hop;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::limits;
use crate::wire::activity::UnreadBody;
use crate::wire::expect::Continue;
use crate::wire::held_back::HeldRequest;
use crate::wire::place::Place;

/// A client's body on its way upstream.
#[derive(Debug)]
pub(crate) struct RequestBody {
    /// None if the body is empty.
    incoming: Option<Incoming>,
    /// Set while the body is held back: reading it makes our server ask the client for it.
    held: Option<Continue>,
    /// Whether the rest is drained, up to a bound, if the upstream does not want it.
    drains: bool,
    /// Held until the body is dropped: the upstream connection is in use for as long.
    in_use: Option<Arc<()>>,
    /// Set until the body has been read to its end.
    unread: Option<UnreadBody>,
    /// Counts while the upstream does not ask for more of it.
    held_back: Option<HeldRequest>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, unread: UnreadBody, client: &Arc<Place>) -> Self {
        let held_back = (!incoming.is_end_stream()).then(|| HeldRequest::new(client.clone()));
        let unread = Some(unread);
        let mut body = Self { incoming: Some(incoming), held: None, drains: false, in_use: None, unread, held_back };
        if body.is_end_stream() {
            body.note_end();
        }
        body
    }

    pub(crate) fn empty() -> Self {
        Self { incoming: None, held: None, drains: false, in_use: None, unread: None, held_back: None }
    }

    /// Holds the body back until this resolves.
    pub(crate) fn hold(&mut self, until: Continue) {
        self.held = Some(until);
    }

    /// Holds the body back no longer.
    pub(crate) fn release(&mut self) {
        self.held = None;
    }

    /// Drains the rest of the body for a while if nobody wants it: closing a connection with bytes unread, or
    /// resetting a stream, may destroy a response that the client has not read yet.
    pub(crate) fn drain_rest(&mut self) {
        self.drains = true;
    }

    /// Keeps `mark` until the body is dropped.
    pub(crate) fn mark_in_use(&mut self, mark: Arc<()>) {
        self.in_use = Some(mark);
    }

    fn note_end(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.done();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(held) = &mut self.held {
            ready!(Pin::new(held).poll(cx));
            self.held = None;
        }
        let Self { incoming: Some(incoming), held_back, .. } = &mut *self else { return Poll::Ready(None) };
        let mut polled = Pin::new(incoming).poll_frame(cx);
        if let Some(held_back) = held_back {
            held_back.asked();
            if let Poll::Ready(Some(Ok(frame))) = &polled {
                held_back.handed(frame.data_ref().map_or(0, Bytes::len));
            }
        }
        if let Poll::Ready(Some(Ok(frame))) = &mut polled
            && let Some(trailers) = frame.trailers_mut()
        {
            hop::strip_trailers(trailers);
        }
        self.drains &= !matches!(polled, Poll::Ready(None | Some(Err(_))));
        if matches!(polled, Poll::Ready(None)) {
            self.note_end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // A reader that knows the length does not poll for the end.
        if self.incoming.as_ref().is_some_and(Body::is_end_stream) {
            self.note_end();
        }
        let rest = self.incoming.take().filter(|rest| self.drains && self.held.is_none() && !rest.is_end_stream());
        // The task is bounded, and ends with the client's connection.
        if let Some((rest, runtime)) = rest.zip(Handle::try_current().ok()) {
            runtime.spawn(drain(rest));
        }
    }
}

/// Reads and discards a body, up to a bound, so that a client that is still sending reads its response.
async fn drain(mut body: Incoming) {
    let mut bytes = 0;
    let reading = async {
        while let Ok(Some(Ok(frame))) = timeout(limits::DISCARD_PAUSE_MAX, body.frame()).await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > limits::DISCARD_BYTES_MAX {
                return;
            }
        }
    };
    let _ = timeout(limits::DISCARD_TIMEOUT, reading).await;
}
