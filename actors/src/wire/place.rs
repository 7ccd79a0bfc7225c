//! A place that a connection holds: when it last moved a byte, and how it is taken away.
//!
//! Places are limited. When all are held and somebody waits, a quiet holder gives its place up.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::backlog::{Backlog, Share};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A time, as a place notes it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let since = START.elapsed();
        Self(since.as_secs() * 1000 + u64::from(since.subsec_millis()))
    }

    /// How long ago an earlier moment was.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    #[cfg(test)]
    pub(crate) const fn of_millis(millis: u64) -> Self {
        Self(millis)
    }
}

/// The way in which a holder loses its place.
#[derive(Debug)]
pub(crate) enum Ending {
    /// This task is aborted.
    Task(AbortHandle),
    /// This token is cancelled.
    Token(CancellationToken),
}

impl Ending {
    fn come(self) {
        match self {
            Self::Task(task) => task.abort(),
            Self::Token(token) => token.cancel(),
        }
    }
}

#[derive(Debug)]
enum State {
    Held(Option<Ending>),
    TakenAway,
}

/// One place, shared by the stream that moves its bytes and the list of all holders.
#[derive(Debug)]
pub(crate) struct Place {
    /// The number of the holder: of a VM, or of a client. Holders with many places give way first.
    holder: AtomicU64,
    moved: AtomicU64,
    state: Mutex<State>,
    backlog: Share,
}

impl Place {
    pub(crate) fn new(holder: u64) -> Arc<Self> {
        Self::of_client(holder, Backlog::default())
    }

    /// The place of a client, whose unread messages count.
    pub(crate) fn of_client(holder: u64, backlog: Backlog) -> Arc<Self> {
        let (holder, moved) = (AtomicU64::new(holder), AtomicU64::new(Moment::now().0));
        Arc::new(Self { holder, moved, state: Mutex::new(State::Held(None)), backlog: Share::of(backlog) })
    }

    pub(super) fn share(&self) -> &Share {
        &self.backlog
    }

    /// The estimate of the memory that the client's unread messages take.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.bytes()
    }

    /// Gives the place to another holder.
    pub(crate) fn lend(&self, holder: u64) {
        self.holder.store(holder, Relaxed);
    }

    pub(crate) fn holder(&self) -> u64 {
        self.holder.load(Relaxed)
    }

    /// A byte moves.
    fn note(&self) {
        self.moved.store(Moment::now().0, Relaxed);
    }

    /// When the last byte moved.
    pub(crate) fn moved(&self) -> Moment {
        Moment(self.moved.load(Relaxed))
    }

    /// Sets how the holder loses its place. If it has lost it already, it comes at once.
    pub(crate) fn ends_by(&self, ending: Ending) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Held(_) => *state = State::Held(Some(ending)),
            State::TakenAway => ending.come(),
        }
    }

    /// Takes the place away.
    pub(crate) fn take_away(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Held(Some(ending)) = std::mem::replace(&mut *state, State::TakenAway) {
            ending.come();
        }
    }

    #[cfg(test)]
    pub(crate) fn moved_at(&self, moment: Moment) {
        self.moved.store(moment.0, Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn is_taken_away(&self) -> bool {
        matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::TakenAway)
    }
}

/// A stream whose bytes are noted by its place.
#[derive(Debug)]
pub(crate) struct Noted<S> {
    stream: S,
    place: Arc<Place>,
}

impl<S> Noted<S> {
    pub(crate) fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream, place }
    }

    fn wrote(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes @ 1..)) = polled {
            self.place.note();
            self.place.share().written(bytes);
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let bytes = buf.filled().len().saturating_sub(before);
        if bytes > 0 {
            self.place.note();
            self.place.share().read(bytes);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(polled)
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LONG_AGO: Moment = Moment(0);

    #[tokio::test]
    async fn bytes_that_move_are_noted_and_those_that_do_not_are_not() {
        // So that no later moment is the first.
        LazyLock::force(&START);
        std::thread::sleep(Duration::from_millis(2));
        let (place, (mut client, stream)) = (Place::new(1), duplex(4));
        let mut stream = Noted::new(stream, place.clone());
        let noted = || {
            let moved = place.moved();
            place.moved_at(LONG_AGO);
            moved > LONG_AGO
        };
        assert!(noted(), "it begins now");
        stream.write_all(b"1234").await.expect("room");
        assert!(noted());
        let stuck = tokio::time::timeout(Duration::from_millis(1), stream.write_all(b"5")).await;
        assert!(stuck.is_err() && !noted(), "nobody reads");
        client.write_all(b"1").await.expect("sent");
        assert!(!noted(), "not read yet");
        stream.read_exact(&mut [0; 1]).await.expect("read");
        assert!(noted());
    }

    #[test]
    fn a_place_that_was_taken_away_ends_what_comes_to_hold_it() {
        let (place, [early, late]) = (Place::new(1), [CancellationToken::new(), CancellationToken::new()]);
        place.ends_by(Ending::Token(early.clone()));
        assert!(!early.is_cancelled());
        place.take_away();
        assert!(early.is_cancelled());
        place.ends_by(Ending::Token(late.clone()));
        assert!(late.is_cancelled());
    }
}
