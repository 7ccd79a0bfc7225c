//! Bodies: zeros as fast as they are read, or an event at each interval.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Interval, interval};

use crate::tally::Tally;

/// The zero of an event's timestamp. The origin and the load are one process.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The interval between two events.
const PAUSE: Duration = Duration::from_millis(20);
const CHUNK: usize = 64 * 1024;
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// A body of zeros.
#[derive(Debug)]
pub struct Zeros {
    left: usize,
    /// Counts the bytes that were read.
    taken: Option<Arc<Tally>>,
}

impl Zeros {
    /// A body of this length in bytes.
    pub fn new(left: usize) -> Self {
        Self { left, taken: None }
    }

    /// A body whose bytes are counted as they are read.
    pub fn counted(left: usize, tally: Arc<Tally>) -> Self {
        Self { left, taken: Some(tally) }
    }
}

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.left.min(CHUNK);
        self.left -= length;
        self.taken.iter().for_each(|tally| tally.add(length));
        let chunk = ZEROS.get(..length).filter(|chunk| !chunk.is_empty());
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

/// Events without end, each with the time at which it was written.
#[derive(Debug)]
pub struct Events(Interval);

impl Events {
    /// The first event comes at once.
    pub fn new() -> Self {
        Self(interval(PAUSE))
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(cx));
        let event = format!("data: {:020} {}\n\n", EPOCH.elapsed().as_nanos(), "x".repeat(80));
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

/// The ages of the events in this piece of a stream.
pub fn ages(piece: &[u8]) -> Vec<Duration> {
    let now = EPOCH.elapsed();
    let stamp = |line: &str| line.strip_prefix("data: ")?.get(..20)?.parse().ok().map(Duration::from_nanos);
    let text = String::from_utf8_lossy(piece);
    text.lines().filter_map(stamp).map(|written| now.saturating_sub(written)).collect()
}
