//! Interim responses (RFC 9110, section 15.2) to an HTTP/1.1 client.
//!
//! The HTTP library sends none. While a request has no response, it has nothing to write, and an interim response is
//! written beside it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode};
use tokio::io::AsyncWrite;

/// An interim response, as it is written.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Interim(Bytes);

impl Interim {
    pub(crate) fn new(status: u16, fields: &HeaderMap) -> Self {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut bytes = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or_default()).into_bytes();
        for (name, value) in fields {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        Self(bytes.into())
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The way of interim responses to one client, shared by its stream and its exchanges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interims(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether there is something to write, so that other writes need no lock.
    is_set: AtomicBool,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    bytes: Bytes,
    is_begun: bool,
    sender: Option<Waker>,
}

impl Interims {
    /// Sends one, and waits until it is written: what follows must come after it.
    pub(crate) async fn send(&self, interim: Interim) {
        self.written().await;
        self.slot().bytes = interim.0;
        self.0.is_set.store(true, Relaxed);
        self.written().await;
    }

    /// Waits until nothing is left to write.
    async fn written(&self) {
        std::future::poll_fn(|cx| {
            let mut slot = self.slot();
            if slot.bytes.is_empty() {
                return Poll::Ready(());
            }
            slot.sender = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Sends one that says nothing, to learn whether the client has gone. It replaces none.
    pub(super) fn probe(&self) {
        let mut slot = self.slot();
        if slot.bytes.is_empty() {
            slot.bytes = Interim::new(102, &HeaderMap::new()).0;
            self.0.is_set.store(true, Relaxed);
        }
    }

    /// Writes what there is, when nothing else is under way.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.0.is_set.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let mut slot = self.slot();
        while !slot.bytes.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &slot.bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            slot.bytes.advance(written);
            slot.is_begun = true;
        }
        slot.is_begun = false;
        self.0.is_set.store(false, Relaxed);
        if let Some(sender) = slot.sender.take() {
            sender.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes the rest of one that was begun.
    pub(super) fn poll_finish<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.0.is_set.load(Relaxed) || !self.slot().is_begun {
            return Poll::Ready(Ok(()));
        }
        self.poll_write(stream, cx)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
