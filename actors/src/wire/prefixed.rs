//! A stream whose first bytes have been read already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Bytes that come first, and the stream that they came from.
#[derive(Debug)]
pub(crate) struct Prefixed<S> {
    first: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> Prefixed<S> {
    /// Copied: a piece of a buffer would hold on to all of it, and tunnels live long.
    pub(crate) fn new(first: &[u8], stream: S) -> Self {
        Self { first: Bytes::copy_from_slice(first), stream }
    }

    /// The stream again, with bytes before all that is still to be read from it.
    pub(crate) fn preceded_by(self, bytes: &[u8]) -> Self {
        Self::new(&[bytes, &self.first].concat(), self.stream)
    }

    /// The first byte, without taking it; `None` at the end of the stream. Up to `room` bytes are read for it.
    pub(crate) async fn peek(&mut self, room: usize) -> io::Result<Option<u8>> {
        if self.first.is_empty() {
            let mut first = Vec::with_capacity(room);
            self.stream.read_buf(&mut first).await?;
            self.first = first.into();
        }
        Ok(self.first.first().copied())
    }
}

impl<S: AsyncRead + Unpin> Prefixed<S> {
    /// Whether the stream begins with these bytes, without taking them. Reads until it is known.
    pub(crate) async fn begins_with(&mut self, bytes: &[u8]) -> io::Result<bool> {
        while self.first.len() < bytes.len() && bytes.starts_with(&self.first) {
            let mut first = self.first.to_vec();
            first.reserve(bytes.len());
            if self.stream.read_buf(&mut first).await? == 0 {
                return Ok(false);
            }
            self.first = first.into();
        }
        Ok(self.first.starts_with(bytes))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.first.len().min(buf.remaining());
        buf.put_slice(self.first.get(..length).unwrap_or_default());
        self.first.advance(length);
        if self.first.is_empty() {
            // Gives the memory back: tunnels live long.
            self.first = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_first_comes_first() {
        let mut text = String::new();
        let mut stream = Prefixed::new(b"he", &b"llo"[..]);
        assert_eq!(stream.peek(8).await.expect("no error"), Some(b'h'));
        stream.read_to_string(&mut text).await.expect("text");
        assert_eq!(text, "hello");
    }

    #[tokio::test]
    async fn a_look_takes_nothing_away() {
        let mut text = String::new();
        let mut stream = Prefixed::new(b"", &b"hello"[..]);
        assert_eq!(stream.peek(8).await.expect("no error"), Some(b'h'));
        stream.read_to_string(&mut text).await.expect("text");
        assert_eq!(text, "hello");
        assert_eq!(stream.peek(8).await.expect("no error"), None);
    }

    #[tokio::test]
    async fn a_beginning_is_told_from_another_without_taking_it() {
        for (first, rest, begins) in
            [("PRI ", "* x", true), ("", "PRI *", true), ("P", "UT / x", false), ("PR", "", false), ("", "G", false)]
        {
            let mut stream = Prefixed::new(first.as_bytes(), rest.as_bytes());
            assert_eq!(stream.begins_with(b"PRI *").await.expect("no error"), begins, "{first}{rest}");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("text");
            assert_eq!(text, format!("{first}{rest}"));
        }
    }

    #[tokio::test]
    async fn what_is_put_back_comes_before_the_rest() {
        for (first, rest) in [(&b""[..], &b"cd"[..]), (b"c", b"d")] {
            let mut text = String::new();
            let stream = Prefixed::new(first, rest);
            stream.preceded_by(b"ab").read_to_string(&mut text).await.expect("text");
            assert_eq!(text, "abcd");
        }
    }
}
