//! Reads that go on after the server has closed its side.
//!
//! Some servers answer an upload that they reject and close at once. Writing then fails although the response can
//! still be read; hyper would give up at the failed write.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes succeed after the peer has closed, until it is read to its end.
#[derive(Debug)]
pub(super) struct ReadAfterClose<S> {
    stream: S,
    /// Whether the peer has closed: what is written is discarded.
    closed: bool,
}

impl<S> ReadAfterClose<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, closed: false }
    }

    /// The result of a write; after a close all bytes count as written.
    fn written(&mut self, written: io::Result<usize>, all: usize) -> io::Result<usize> {
        written.or_else(|error| self.ignore_close(error).map(|()| all))
    }

    fn ignore_close(&mut self, error: io::Error) -> io::Result<()> {
        let is_close = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind());
        self.closed |= is_close;
        if is_close { Ok(()) } else { Err(error) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAfterClose<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAfterClose<S> {
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
        Poll::Ready(flushed.or_else(|error| self.ignore_close(error)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
