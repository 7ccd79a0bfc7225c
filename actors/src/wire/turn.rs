//! One connection's share of the thread before others have their turn.
//!
//! An HTTP library reads until nothing more has come, and parses all of it. A peer that sends without a pause would
//! keep the thread for as long as the runtime lets one task read: megabytes. Each poll of a connection therefore reads
//! up to a bound; then the connection waits for its next turn, behind all that is ready.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};

use crate::limits;
use crate::wire::meter::Meter;

/// While nobody drives the connection, such as after an upgrade, its reads are not bounded.
const UNBOUNDED: usize = usize::MAX;

/// A remainder of a turn that is too small for a read.
const REMAINDER: usize = 512;

/// What one connection may still read in this turn, shared by its stream and the future that drives it.
#[derive(Clone, Debug)]
pub(crate) struct Turn(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    left: AtomicUsize,
    /// What the last read has cost beyond its turn: the next ones pay for it.
    debt: AtomicUsize,
}

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Shared { left: AtomicUsize::new(UNBOUNDED), debt: AtomicUsize::new(0) }))
    }
}

impl Turn {
    /// Bounds what is read from a stream in one poll of the future that is driven.
    pub(crate) fn bound<S: AsyncRead + Unpin>(&self, stream: S, meter: Meter) -> Bounded<S> {
        Bounded { stream: stream.take(0), turn: self.clone(), meter }
    }

    /// Begins a turn with each poll of the future that reads the stream.
    pub(crate) fn drive<F>(&self, future: F) -> Driven<F> {
        Driven { future, driving: Driving(self.clone()) }
    }

    fn begin(&self) {
        let debt = self.0.debt.load(Relaxed);
        let left = limits::TURN_BYTES.saturating_sub(debt);
        self.0.left.store(left, Relaxed);
        if debt > 0 {
            self.0.debt.store(debt.saturating_sub(limits::TURN_BYTES), Relaxed);
        }
    }

    fn left(&self) -> usize {
        self.0.left.load(Relaxed)
    }

    fn spend(&self, cost: usize) {
        let left = self.left();
        if left == UNBOUNDED {
            return;
        }
        self.0.left.store(left.saturating_sub(cost), Relaxed);
        if cost > left {
            self.0.debt.store(cost - left, Relaxed);
        }
    }
}

/// The turn of a connection that is driven.
struct Driving(Turn);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.0.left.store(UNBOUNDED, Relaxed);
    }
}

pin_project! {
    /// A future whose every poll is one turn.
    pub(crate) struct Driven<F> {
        #[pin]
        future: F,
        driving: Driving,
    }
}

impl<F: Future> Future for Driven<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.driving.0.begin();
        this.future.poll(cx)
    }
}

/// Runs the tasks of one connection; hyper does not say which of them reads the stream.
#[derive(Clone, Debug)]
pub(crate) struct Turns<E> {
    pub(crate) turn: Turn,
    pub(crate) executor: E,
}

impl<F, E: Executor<Driven<F>>> Executor<F> for Turns<E> {
    fn execute(&self, task: F) {
        self.executor.execute(self.turn.drive(task));
    }
}

/// A stream whose reads are bounded by its connection's turn.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    stream: Take<S>,
    turn: Turn,
    meter: Meter,
}

impl<S: AsyncRead> Bounded<S> {
    pub(crate) fn into_inner(self) -> S {
        self.stream.into_inner()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = this.turn.left();
        if left < REMAINDER {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.stream.set_limit(u64::try_from(this.meter.room(left)).unwrap_or(u64::MAX));
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if polled.is_pending() {
            this.meter.drained();
        }
        ready!(polled)?;
        let cost = this.meter.measure(buf.filled().get(before..).unwrap_or_default())?;
        this.turn.spend(cost);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
