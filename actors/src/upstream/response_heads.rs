//! The heads of HTTP/1.1 responses, before the HTTP library reads them.
//!
//! The library has no way to read a transfer coding in HTTP/1.0 or a control character in a field. Room for more fields
//! costs memory for each response, and a callback for interim responses costs memory for each request. A head that comes in one piece and needs no repair
//! is passed on where it lies.

mod repair;
mod scan;

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::repair::Field;
use self::scan::{Head, Scan};
use crate::limits;
use crate::wire::interim::{Interim, Interims};

/// The heads that a connection's user waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaited(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Set from a request until the head of its response has come: the next bytes are a head.
    is_awaited: AtomicBool,
    interims: Mutex<Queue>,
}

/// What the HTTP library does not see of a response.
#[derive(Debug, Default)]
struct Queue {
    /// Interim responses on their way to the client.
    waiting: VecDeque<Interim>,
    /// Fields for which the library has no room.
    more: Vec<Field>,
    reader: Option<Waker>,
}

impl Awaited {
    /// A request is sent: the next bytes that come are the head of its response.
    pub(super) fn begin(&self) {
        let mut queue = self.queue();
        queue.waiting.clear();
        queue.more.clear();
        self.0.is_awaited.store(true, Ordering::Relaxed);
    }

    /// Waits for a response, and meanwhile passes interim ones on to the client, if it takes them.
    pub(super) async fn relay<T>(&self, response: impl Future<Output = T>, client: Option<&Interims>) -> T {
        let Some(client) = client else { return response.await };
        let mut response = pin!(response);
        loop {
            tokio::select! {
                // Interim responses come first.
                biased;
                interim = self.next() => client.send(interim).await,
                response = &mut response => return response,
            }
        }
    }

    /// Adds the fields that the library had no room for.
    pub(super) fn complete(&self, headers: &mut HeaderMap) {
        for (name, value) in self.queue().more.drain(..) {
            headers.append(name, value);
        }
    }

    fn is_awaited(&self) -> bool {
        self.0.is_awaited.load(Ordering::Relaxed)
    }

    fn has_come(&self) {
        self.0.is_awaited.store(false, Ordering::Relaxed);
    }

    fn push(&self, interim: Interim) {
        let mut queue = self.queue();
        // The client does not read them: it will not miss them either.
        if queue.waiting.len() < limits::INTERIMS_WAITING_MAX {
            queue.waiting.push_back(interim);
        }
        if let Some(reader) = queue.reader.take() {
            reader.wake();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.interims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Interim {
        std::future::poll_fn(|cx| {
            let mut queue = self.queue();
            match queue.waiting.pop_front() {
                Some(interim) => Poll::Ready(interim),
                None => {
                    queue.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// A server's stream, whose heads are repaired.
#[derive(Debug)]
pub(super) struct ResponseHeads<S> {
    stream: S,
    awaited: Awaited,
    /// A head that has not come whole.
    partial: Vec<u8>,
    scan: Scan,
    /// Interim responses before the awaited one.
    interims: usize,
    /// To be read before anything else.
    ready: Bytes,
}

impl<S> ResponseHeads<S> {
    pub(super) fn new(stream: S, awaited: Awaited) -> Self {
        Self { stream, awaited, partial: Vec::new(), scan: Scan::default(), interims: 0, ready: Bytes::new() }
    }

    /// Whether these bytes are a whole head that needs no repair. It may be followed by the body.
    fn is_plain(&mut self, bytes: &[u8]) -> bool {
        if !self.partial.is_empty() {
            return false;
        }
        let head = self.scan.read(bytes);
        let is_plain =
            head.is_some_and(|head| head.repair.is_none() && head.status.is_some_and(|status| status >= 200));
        if is_plain {
            self.finish();
        } else {
            self.scan = Scan::default();
        }
        is_plain
    }

    /// Takes bytes of a head. Sets what is ready once the final head is whole.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.partial.extend_from_slice(bytes);
        while let Some(head) = self.scan.read(&self.partial) {
            match head.status {
                // 101 is final: the connection goes on in another protocol.
                Some(status @ (100 | 102..=199)) => self.take_interim(status, head)?,
                _ => {
                    self.release(head);
                    return Ok(());
                }
            }
        }
        if self.partial.len() > limits::UPSTREAM_BUFFER_BYTES {
            // Too large: the HTTP library says so.
            self.give_up();
        }
        Ok(())
    }

    fn take_interim(&mut self, status: u16, head: Head) -> io::Result<()> {
        self.interims += 1;
        if self.interims > limits::INTERIMS_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim responses"));
        }
        let rest = self.partial.split_off(head.end);
        let interim = std::mem::replace(&mut self.partial, rest);
        self.scan = Scan::default();
        match status {
            // Its fields have no meaning (RFC 2518, section 10.1).
            102 => self.awaited.push(Interim::new(status, &HeaderMap::new())),
            103 if interim.len() <= limits::INTERIM_BYTES_MAX => {
                self.awaited.push(Interim::new(status, &repair::end_to_end_fields(&interim)));
            }
            // The HTTP library looks for it.
            100 => self.ready = [&self.ready, interim.as_slice()].concat().into(),
            _ => {}
        }
        Ok(())
    }

    /// The final head is whole.
    fn release(&mut self, head: Head) {
        let Some(repair) = head.repair.filter(|_| head.status.is_some()) else { return self.give_up() };
        let (head, rest) = self.partial.split_at(head.end.min(self.partial.len()));
        let repaired = repair::repaired(head, repair);
        self.ready = [&self.ready, repaired.bytes.as_slice(), rest].concat().into();
        self.awaited.queue().more = repaired.more;
        self.finish();
    }

    /// Leaves all bytes to the HTTP library as they came.
    fn give_up(&mut self) {
        self.ready = [&self.ready, self.partial.as_slice()].concat().into();
        self.finish();
    }

    fn finish(&mut self) {
        self.awaited.has_come();
        (self.partial, self.scan, self.interims) = (Vec::new(), Scan::default(), 0);
    }

    /// Gives what is ready, as far as there is room.
    fn fill(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.ready.len().min(buf.remaining());
        buf.put_slice(self.ready.get(..length).unwrap_or_default());
        self.ready.advance(length);
        if self.ready.is_empty() {
            self.ready = Bytes::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ResponseHeads<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.ready.is_empty() {
                this.fill(buf);
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let read = buf.filled().get(before..).unwrap_or_default();
            if !this.awaited.is_awaited() || (!read.is_empty() && this.is_plain(read)) {
                return Poll::Ready(Ok(()));
            }
            if read.is_empty() {
                // The end: a head that was cut off is for the HTTP library to judge.
                this.give_up();
                this.fill(buf);
                return Poll::Ready(Ok(()));
            }
            let taken = this.take(read);
            buf.set_filled(before);
            taken?;
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ResponseHeads<S> {
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
mod tests;
