//! The body of an upstream's response, which returns its connection to the pool.

use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use crate::limits;

/// A response's body, streamed as it comes, with the connection that it comes by.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    ended: bool,
    connection: Option<Connection>,
    /// Whether the connection can serve another request after this response.
    reusable: bool,
}

impl UpstreamBody {
    /// A body after which the connection is returned to the pool.
    pub(super) fn new(incoming: Incoming, connection: Connection) -> Self {
        Self { incoming, ended: false, connection: Some(connection), reusable: true }
    }

    /// The empty body of a 101: the connection goes on in another protocol until this is dropped.
    pub(super) fn switching(incoming: Incoming, connection: Connection) -> Self {
        connection.permit.without_driver();
        Self { incoming, ended: false, connection: Some(connection), reusable: false }
    }

    /// The buffers that the response fills if nobody reads it.
    pub(crate) fn buffer_bytes(&self) -> usize {
        match &self.connection {
            Some(connection) if connection.is_http2() => limits::H2_STREAM_BYTES,
            _ => limits::UPSTREAM_BUFFER_BYTES,
        }
    }

    /// Resolves when the connection, which goes on in another protocol, gives way to that of another client.
    pub(crate) async fn gives_way(&self) {
        match &self.connection {
            Some(connection) => connection.permit.gives_way().await,
            None => pending().await,
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        self.ended |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        // A connection whose response was not read to its end cannot be used again. Dropping it closes it, which
        // is also how the origin notices that the client has disconnected.
        let was_read = self.reusable && (self.ended || self.incoming.is_end_stream());
        if let Some(connection) = self.connection.take().filter(|_| was_read) {
            connection.park();
        }
    }
}
