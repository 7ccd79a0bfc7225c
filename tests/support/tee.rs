//! A stream that copies received bytes into the records of an origin.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::Records;

/// A stream whose received bytes are kept in [`Records`].
pub struct Tee<S> {
    inner: S,
    records: Records,
    connection: usize,
}

impl<S> Tee<S> {
    /// Records `inner` as a new connection.
    pub fn new(inner: S, records: &Records) -> Self {
        Self { inner, records: records.clone(), connection: records.open() }
    }

    /// The number of this connection.
    pub fn connection(&self) -> usize {
        self.connection
    }
}

impl<S> Drop for Tee<S> {
    fn drop(&mut self) {
        self.records.close();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tee<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(task, buffer))?;
        self.records.received_on(self.connection, &buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tee<S> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(task)
    }
}
