//! Counts of requests and reads that show when a connection is idle.
//!
//! An idle HTTP/1.1 connection is taken apart, and its buffers are freed. The next byte on it is then parsed as the
//! start of a request: a connection counts as idle only if the last request was read to its end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The counts of one connection, shared by all that serve it.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Exchanges under way.
    in_flight: AtomicUsize,
    /// Bodies of requests that have not been read to their end.
    unread_bodies: AtomicUsize,
    /// Reads that returned bytes.
    reads: AtomicUsize,
    /// Whether all written bytes have been flushed, and nothing has been read since.
    flushed: AtomicBool,
}

impl Activity {
    /// Counts an exchange until the returned guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(self.clone())
    }

    /// Counts a request's body as unread until the returned guard is done.
    pub(crate) fn track_body(self: &Arc<Self>) -> UnreadBody {
        self.unread_bodies.fetch_add(1, Relaxed);
        UnreadBody(self.clone())
    }

    /// Tracks the reads and writes of a stream.
    pub(crate) fn track<S>(self: &Arc<Self>, stream: S) -> Tracked<S> {
        self.flushed.store(false, Relaxed);
        Tracked { stream, activity: self.clone(), unflushed: false }
    }

    /// Whether no exchange is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
    }

    /// Whether all bodies of requests have been read to their end.
    pub(crate) fn has_read_bodies(&self) -> bool {
        self.unread_bodies.load(Relaxed) == 0
    }

    /// Whether the last request was read to its end, its response was flushed, and no byte has come since.
    pub(crate) fn is_between_requests(&self) -> bool {
        self.is_idle() && self.unread_bodies.load(Relaxed) == 0 && self.flushed.load(Relaxed)
    }

    /// How many reads have returned bytes.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Relaxed)
    }
}

/// An exchange under way.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// A request's body that has not been read to its end. Dropped without [`UnreadBody::done`] it counts for ever.
#[derive(Debug)]
pub(crate) struct UnreadBody(Arc<Activity>);

impl UnreadBody {
    /// The body was read to its end.
    pub(crate) fn done(self) {
        self.0.unread_bodies.fetch_sub(1, Relaxed);
    }
}

/// A stream whose reads and writes are tracked.
#[derive(Debug)]
pub(crate) struct Tracked<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Whether a write was attempted since the last flush.
    unflushed: bool,
}

impl<S> Tracked<S> {
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    fn note_write(&mut self) {
        self.unflushed = true;
        self.activity.flushed.store(false, Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tracked<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.reads.fetch_add(1, Relaxed);
            self.activity.flushed.store(false, Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tracked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.note_write();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note_write();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if self.unflushed && matches!(flushed, Poll::Ready(Ok(()))) {
            self.unflushed = false;
            self.activity.flushed.store(true, Relaxed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.note_write();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn between_requests_is_after_an_answer_and_before_anything_else() {
        let activity = Arc::new(Activity::default());
        let (mut client, stream) = duplex(8);
        let mut stream = activity.track(stream);
        assert!(!activity.is_between_requests(), "nothing was asked yet");
        client.write_all(b"ask").await.expect("sent");
        stream.read_exact(&mut [0; 3]).await.expect("read");
        stream.flush().await.expect("nothing to do");
        assert!(!activity.is_between_requests(), "a flush of nothing is no answer");
        stream.write_all(b"answer").await.expect("sent");
        assert!(!activity.is_between_requests(), "not flushed");
        stream.flush().await.expect("sent");
        assert!(activity.is_between_requests());
        client.write_all(b"a").await.expect("sent");
        stream.read_exact(&mut [0; 1]).await.expect("read");
        assert!(!activity.is_between_requests(), "part of a head");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_leave_is_not_over() {
        let activity = Arc::new(Activity::default());
        let (_client, stream) = duplex(1);
        let mut stream = activity.track(stream);
        stream.write_all(b"1").await.expect("room for one");
        stream.flush().await.expect("sent");
        assert!(activity.is_between_requests());
        let stuck = tokio::time::timeout(std::time::Duration::from_millis(1), stream.write_all(b"2")).await;
        assert!(stuck.is_err() && !activity.is_between_requests());
    }

    #[test]
    fn a_body_that_is_dropped_unread_counts_for_ever() {
        let activity = Arc::new(Activity::default());
        activity.flushed.store(true, Relaxed);
        let exchange = activity.begin();
        assert!(!activity.is_between_requests());
        drop(exchange);
        activity.track_body().done();
        assert!(activity.is_between_requests());
        drop(activity.track_body());
        assert!(activity.is_idle() && !activity.is_between_requests());
    }
}
