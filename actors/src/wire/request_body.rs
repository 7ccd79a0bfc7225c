//! Bodies, streamed in both directions and never held.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use policy::request::hop;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};

use crate::limits;
use crate::upstream::{Connection, UpstreamHandle};
use crate::wire::activity::{Ongoing, Unread};

/// A client's body on its way upstream.
#[derive(Debug)]
pub(crate) struct RequestBody {
    /// None if there is nothing in it.
    incoming: Option<Incoming>,
    /// Keeps it back, because to ask for it is to tell the client to send it.
    held: Option<Held>,
    /// Whether the rest is read for a while if the upstream does not want it.
    lingers: bool,
    /// Says that the upstream's connection is in use.
    occupied: Option<Arc<()>>,
    /// Says that it was not read to its end.
    unread: Option<Unread>,
}

/// Until the upstream says that it wants the body, or has said nothing for a while.
#[derive(Debug)]
struct Held {
    wanted: oneshot::Receiver<()>,
    patience: Pin<Box<Sleep>>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, unread: Unread) -> Self {
        Self { incoming: Some(incoming), held: None, lingers: false, occupied: None, unread: Some(unread) }
    }

    /// A body with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { incoming: None, held: None, lingers: false, occupied: None, unread: None }
    }

    /// Keeps the body back until the sender is used. One that is dropped has had its answer: then the
    /// body is never asked for.
    pub(crate) fn hold(&mut self) -> oneshot::Sender<()> {
        let (wanted, held) = oneshot::channel();
        self.held = Some(Held { wanted: held, patience: Box::pin(sleep(limits::CONTINUE)) });
        wanted
    }

    /// Has the rest read for a while if nobody wants it: a connection that is closed with bytes unread, or a
    /// stream that is reset, may take along an answer that the client has not read yet.
    pub(crate) fn linger(&mut self) {
        self.lingers = true;
    }

    /// Holds `place` for as long as it is on its way.
    pub(crate) fn occupy(&mut self, place: Arc<()>) {
        self.occupied = Some(place);
    }

    fn read_to_its_end(&mut self) {
        if let Some(unread) = self.unread.take() {
            unread.done();
        }
    }

    /// Keeps it back no longer.
    pub(crate) fn release(&mut self) {
        self.held = None;
    }
}

impl Held {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match Pin::new(&mut self.wanted).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(_)) => Poll::Pending,
            Poll::Pending => self.patience.as_mut().poll(cx),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(held) = &mut self.held {
            ready!(held.poll(cx));
            self.held = None;
        }
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let mut polled = Pin::new(incoming).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut polled
            && let Some(trailers) = frame.trailers_mut()
        {
            hop::strip_trailers(trailers);
        }
        self.lingers &= !matches!(polled, Poll::Ready(None | Some(Err(_))));
        if matches!(polled, Poll::Ready(None)) {
            self.read_to_its_end();
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
        // Whoever knows the length asks for no end.
        if self.incoming.as_ref().is_some_and(Body::is_end_stream) {
            self.read_to_its_end();
        }
        let rest = self.incoming.take().filter(|rest| self.lingers && self.held.is_none() && !rest.is_end_stream());
        // It ends soon, and with the client's connection.
        if let Some((rest, runtime)) = rest.zip(Handle::try_current().ok()) {
            runtime.spawn(drain(rest));
        }
    }
}

/// Reads a body that nobody wants, up to a bound, so that a client that is still sending gets to see the answer.
async fn drain(mut body: Incoming) {
    let mut bytes = 0;
    let reading = async {
        while let Ok(Some(Ok(frame))) = timeout(limits::DRAINED_PAUSE, body.frame()).await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > limits::DRAINED_BYTES_MAX {
                return;
            }
        }
    };
    let _ = timeout(limits::DRAINED_WITHIN, reading).await;
}

/// What a client gets: an upstream's body, or a short text of ours.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// Of ours, whole.
    Text(Option<Bytes>),
    /// The upstream's, as it comes.
    Upstream(UpstreamBody),
}

/// An upstream's body; gives the connection back once it was read to its end.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    ended: bool,
    lease: Option<(Connection, UpstreamHandle)>,
    /// Says that the exchange is under way.
    _ongoing: Ongoing,
}

impl ResponseBody {
    /// A text made for this answer.
    pub(crate) fn made(text: String) -> Self {
        Self::Text(Some(text.into()))
    }

    pub(crate) fn text(text: &'static str) -> Self {
        Self::Text((!text.is_empty()).then(|| Bytes::from_static(text.as_bytes())))
    }

    pub(crate) fn upstream(incoming: Incoming, connection: Connection, pool: UpstreamHandle, ongoing: Ongoing) -> Self {
        Self::Upstream(UpstreamBody { incoming, ended: false, lease: Some((connection, pool)), _ongoing: ongoing })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Upstream(body) => {
                let polled = Pin::new(&mut body.incoming).poll_frame(cx);
                body.ended |= matches!(polled, Poll::Ready(None));
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_none(),
            Self::Upstream(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Upstream(body) => body.incoming.size_hint(),
        }
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        // Left unread, the connection cannot be used again: dropping the lease closes it, which
        // is also how a client's disconnect reaches the origin.
        if let Some((connection, pool)) = self.lease.take().filter(|_| self.ended || self.incoming.is_end_stream()) {
            pool.park(connection);
        }
    }
}
