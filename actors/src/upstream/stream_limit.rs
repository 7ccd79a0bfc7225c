//! The number of streams that a server allows on one HTTP/2 connection.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;

use super::outgoing::Outgoing;
use crate::limits;
use crate::supervision::tasks::Tasks;
use crate::wire::ByteStream;
use crate::wire::turn::{Bounded, Turns};

/// hyper's end of an HTTP/2 connection over this stream.
type Http2<S> = http2::Connection<TokioIo<Bounded<S>>, Outgoing, Turns<Tasks>>;

/// Asks a connection for the limit that its server has set last.
#[derive(Clone)]
pub(super) struct StreamLimit(Weak<dyn Limited>);

trait Limited: Send + Sync {
    fn streams_max(&self) -> usize;
}

impl<S: ByteStream> Limited for Mutex<Http2<S>> {
    fn streams_max(&self) -> usize {
        self.lock().unwrap_or_else(PoisonError::into_inner).current_max_send_streams()
    }
}

impl StreamLimit {
    /// The driver of a connection, and what knows its limit while the driver lives.
    pub(super) fn of<S: ByteStream>(connection: Http2<S>) -> (Self, Driver<S>) {
        let shared = Arc::new(Mutex::new(connection));
        let limited: Arc<dyn Limited> = shared.clone();
        (Self(Arc::downgrade(&limited)), Driver(shared))
    }

    pub(super) fn streams_max(&self) -> usize {
        self.0.upgrade().map_or(limits::STREAMS_PER_UPSTREAM_MAX, |connection| connection.streams_max())
    }
}

impl fmt::Debug for StreamLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamLimit")
    }
}

/// Moves the requests of a connection until it is closed.
pub(super) struct Driver<S: ByteStream>(Arc<Mutex<Http2<S>>>);

impl<S: ByteStream> Future for Driver<S> {
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *connection).poll(cx)
    }
}
