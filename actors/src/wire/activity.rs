//! What goes on on a client's connection, and so whether nothing does.
//!
//! An HTTP/1.1 connection on which nothing goes on is taken apart, and its buffers are given back. What comes
//! next on it is then read as a new request: so this is sure only if the last one was read to its end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What all who serve one connection know of it.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Exchanges that are under way.
    ongoing: AtomicUsize,
    /// Requests that are not known to have been read to their end.
    unread: AtomicUsize,
    /// How often something was read.
    reads: AtomicUsize,
    /// Whether all that was written has left, and nothing was read since.
    settled: AtomicBool,
}

impl Activity {
    /// An exchange begins; it goes on until what this gives is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Ongoing {
        self.ongoing.fetch_add(1, Relaxed);
        Ongoing(self.clone())
    }

    /// A request's body begins. It counts as unread until its end is told.
    pub(crate) fn reads_body(self: &Arc<Self>) -> Unread {
        self.unread.fetch_add(1, Relaxed);
        Unread(self.clone())
    }

    /// Notes what is read from a stream and written to it.
    pub(crate) fn note<S>(self: &Arc<Self>, stream: S) -> Noted<S> {
        self.settled.store(false, Relaxed);
        Noted { stream, activity: self.clone(), unsent: false }
    }

    /// Whether no exchange is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.ongoing.load(Relaxed) == 0
    }

    /// Whether the last request was read to its end, its answer has left, and nothing came since.
    pub(crate) fn is_between_requests(&self) -> bool {
        self.is_idle() && self.unread.load(Relaxed) == 0 && self.settled.load(Relaxed)
    }

    /// How often something was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Relaxed)
    }
}

/// An exchange that is under way.
#[derive(Debug)]
pub(crate) struct Ongoing(Arc<Activity>);

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.0.ongoing.fetch_sub(1, Relaxed);
    }
}

/// A request's body that was not read to its end. If it is dropped, it never will be.
#[derive(Debug)]
pub(crate) struct Unread(Arc<Activity>);

impl Unread {
    /// It was read to its end.
    pub(crate) fn done(self) {
        self.0.unread.fetch_sub(1, Relaxed);
    }
}

/// A stream, and notes of what is read from it and written to it.
#[derive(Debug)]
pub(crate) struct Noted<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Whether something was written, or was to be written, since it was last flushed.
    unsent: bool,
}

impl<S> Noted<S> {
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    fn writes(&mut self) {
        self.unsent = true;
        self.activity.settled.store(false, Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.reads.fetch_add(1, Relaxed);
            self.activity.settled.store(false, Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if self.unsent && matches!(flushed, Poll::Ready(Ok(()))) {
            self.unsent = false;
            self.activity.settled.store(true, Relaxed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writes();
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
        let mut stream = activity.note(stream);
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
        let mut stream = activity.note(stream);
        stream.write_all(b"1").await.expect("room for one");
        stream.flush().await.expect("sent");
        assert!(activity.is_between_requests());
        let stuck = tokio::time::timeout(std::time::Duration::from_millis(1), stream.write_all(b"2")).await;
        assert!(stuck.is_err() && !activity.is_between_requests());
    }

    #[test]
    fn a_body_that_is_dropped_unread_counts_for_ever() {
        let activity = Arc::new(Activity::default());
        activity.settled.store(true, Relaxed);
        let exchange = activity.begin();
        assert!(!activity.is_between_requests());
        drop(exchange);
        activity.reads_body().done();
        assert!(activity.is_between_requests());
        drop(activity.reads_body());
        assert!(activity.is_idle() && !activity.is_between_requests());
    }
}
