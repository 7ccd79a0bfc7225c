//! The body of a response to a client: an upstream's, or a text of ours.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::upstream::UpstreamBody;
use crate::wire::activity::InFlight;
use crate::wire::held_back::HeldResponse;

/// Streamed as it comes if it is the upstream's.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// A text of ours, until it is read.
    Text(Option<Bytes>),
    /// The upstream's body. The exchange is under way until it is dropped.
    Upstream { body: Box<UpstreamBody>, held_back: HeldResponse, _in_flight: InFlight },
}

impl ResponseBody {
    /// A text made for this response.
    pub(super) fn owned(text: String) -> Self {
        Self::Text(Some(text.into()))
    }

    pub(super) fn constant(text: &'static str) -> Self {
        Self::Text(Some(Bytes::from_static(text.as_bytes())))
    }

    pub(crate) fn empty() -> Self {
        Self::Text(None)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Upstream { body, held_back, .. } => {
                held_back.asked();
                let polled = Pin::new(&mut **body).poll_frame(cx);
                if let Poll::Ready(Some(Ok(frame))) = &polled {
                    held_back.handed(frame.data_ref().map_or(0, Bytes::len));
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_none(),
            Self::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Upstream { body, .. } => body.size_hint(),
        }
    }
}
