//! A server's last word: servers answer an upload that they do not want and close at once. What they said is
//! there to be read, although writing to them has failed; hyper gives up at the first of both.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that takes no notice of being closed until it is read to its end.
#[derive(Debug)]
pub(super) struct LastWord<S> {
    stream: S,
    /// Whether nobody listens any more: what is written is thrown away.
    closed: bool,
}

impl<S> LastWord<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, closed: false }
    }

    /// What was written, or as much as there was if nobody listens.
    fn written(&mut self, written: io::Result<usize>, all: usize) -> io::Result<usize> {
        written.or_else(|error| self.forgive(error).map(|()| all))
    }

    fn forgive(&mut self, error: io::Error) -> io::Result<()> {
        let is_close = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind());
        self.closed |= is_close;
        if is_close { Ok(()) } else { Err(error) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWord<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LastWord<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.closed {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        Poll::Ready(self.written(written, buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        if self.closed {
            return Poll::Ready(Ok(all));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs));
        Poll::Ready(self.written(written, all))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(flushed.or_else(|error| self.forgive(error)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
