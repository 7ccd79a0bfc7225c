//! A client's stream under the HTTP library's server for HTTP/1.1.
//!
//! It adds what the library has not: interim responses, raw characters in a request's target, and responses to clients
//! that have ended their side of the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Activity;
use super::interim::Interims;
use super::request_target::Requests;
use crate::limits;

/// A client's stream, with its interim responses and the repair of its targets.
#[derive(Debug)]
pub(crate) struct ClientStream<S> {
    stream: S,
    interims: Interims,
    requests: Requests,
    /// Repaired bytes for which there was no room.
    ready: Bytes,
    activity: Arc<Activity>,
    /// Whether something was written since the last bytes were read.
    is_answered: bool,
    /// Set once the client has ended its side.
    ended: Option<Ended>,
}

/// The wait for the response to a client that has ended its side.
#[derive(Debug)]
struct Ended {
    wait: Pin<Box<Sleep>>,
    /// The pause after which the client is probed again.
    pause: Duration,
}

impl<S> ClientStream<S> {
    pub(crate) fn new(stream: S, interims: Interims, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            interims,
            requests: Requests::new(),
            ready: Bytes::new(),
            activity,
            is_answered: true,
            ended: None,
        }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// Holds the end of the client's side back while its last request, which has come whole, has no response yet: the
    /// library would take the client for gone. An interim response shows whether it is: it cannot be written then.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_whole = self.requests.are_whole();
        let waits = (is_whole && !self.is_answered) || !self.activity.is_idle();
        if !waits || !(is_whole || self.activity.has_read_bodies()) {
            return Poll::Ready(Ok(()));
        }
        let probes = !self.is_answered && self.requests.take_interims();
        let first = if probes { limits::ENDED_CLIENT_PROBE_MIN } else { limits::ENDED_CLIENT_WAIT };
        let ended = self.ended.get_or_insert_with(|| Ended { wait: Box::pin(sleep(first)), pause: first });
        while ended.wait.as_mut().poll(cx).is_ready() {
            if !probes {
                return Poll::Ready(Ok(()));
            }
            self.interims.probe();
            ended.pause = (2 * ended.pause).min(limits::ENDED_CLIENT_PROBE_MAX);
            ended.wait.as_mut().reset(Instant::now() + ended.pause);
        }
        Poll::Pending
    }

    /// A client that has ended its side reads on.
    fn note_write(&mut self) {
        self.is_answered = true;
        if let Some(ended) = &mut self.ended {
            ended.wait.as_mut().reset(Instant::now() + limits::ENDED_CLIENT_WAIT);
        }
    }

    fn fill(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.ready.len().min(buf.remaining());
        buf.put_slice(self.ready.get(..length).unwrap_or_default());
        self.ready.advance(length);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ended.is_some() {
            return this.poll_end(cx);
        }
        if this.ready.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let read = buf.filled().get(before..).unwrap_or_default();
            if read.is_empty() {
                return this.poll_end(cx);
            }
            this.is_answered = false;
            let Some(encoded) = this.requests.encoded(read) else { return Poll::Ready(Ok(())) };
            this.ready = encoded.into();
            buf.set_filled(before);
        }
        this.fill(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.interims.poll_finish(&mut this.stream, cx))?;
        this.note_write();
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.interims.poll_finish(&mut this.stream, cx))?;
        this.note_write();
        Pin::new(&mut this.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The library flushes when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.interims.poll_write(&mut this.stream, cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::super::interim::Interim;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_repaired_target_is_read_whole_however_small_the_pieces() {
        let sent = b"GET /<<<<<<<< HTTP/1.1\r\n\r\n";
        let mut stream = ClientStream::new(&sent[..], Interims::default(), Arc::default());
        let expected = format!("GET /{} HTTP/1.1\r\n\r\n", "%3C".repeat(8));
        let (mut text, mut piece) = (Vec::new(), [0; 5]);
        while text.len() < expected.len() {
            let count = stream.read(&mut piece).await.expect("read");
            text.extend_from_slice(&piece[..count]);
        }
        assert_eq!(text, expected.as_bytes());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_client_waits_for_its_response_but_not_for_ever() {
        let table = [
            ("GET / HTTP/1.0\r\n\r\n", true, true),
            ("GET / HTTP/1.0\r\n\r\n", false, true),
            ("", false, false),
            ("GET / HTTP/1.0\r\n", true, false),
            ("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nx", true, false),
            ("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", true, true),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n", true, false),
        ];
        for (sent, in_flight, waits) in table {
            let activity = Arc::<Activity>::default();
            let exchange = in_flight.then(|| (activity.begin(), activity.track_body()));
            let mut stream = ClientStream::new(sent.as_bytes(), Interims::default(), activity.clone());
            let begun = Instant::now();
            stream.read_to_end(&mut Vec::new()).await.expect("read");
            assert_eq!(begun.elapsed() >= limits::ENDED_CLIENT_WAIT, waits, "{sent:?} {in_flight}");
            drop(exchange);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_ended_its_side_is_probed_until_its_response_comes() {
        for sent in
            ["GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"]
        {
            let (mut client, stream) = duplex(1024);
            client.write_all(sent.as_bytes()).await.expect("sent");
            client.shutdown().await.expect("ended");
            let activity = Arc::<Activity>::default();
            let _exchange = activity.begin();
            let mut stream = ClientStream::new(stream, Interims::default(), activity.clone());
            let minute = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut Vec::new())).await;
            assert!(minute.is_err(), "the client is waited for");
            stream.flush().await.expect("probed");
            stream.write_all(b"done").await.expect("answered");
            assert!(tokio::time::timeout(limits::ENDED_CLIENT_WAIT * 2, stream.read(&mut [0])).await.is_ok());
            drop(stream);
            let mut text = String::new();
            client.read_to_string(&mut text).await.expect("read");
            assert_eq!(text, "HTTP/1.1 102 Processing\r\n\r\ndone");
        }
    }

    #[tokio::test]
    async fn an_interim_response_is_written_whole_between_two_writes() {
        let (mut client, stream) = duplex(8);
        let interims = Interims::default();
        let mut stream = ClientStream::new(stream, interims.clone(), Arc::default());
        let reading = tokio::spawn(async move {
            let mut text = String::new();
            client.read_to_string(&mut text).await.map(|_| text)
        });
        stream.write_all(b"before ").await.expect("written");
        let sending = tokio::spawn(async move { interims.send(Interim::new(103, &HeaderMap::new())).await });
        while !sending.is_finished() {
            stream.flush().await.expect("flushed");
            tokio::task::yield_now().await;
        }
        stream.write_all(b"after").await.expect("written");
        stream.flush().await.expect("flushed");
        drop(stream);
        let text = reading.await.expect("no panic").expect("read");
        assert_eq!(text, "before HTTP/1.1 103 Early Hints\r\n\r\nafter");
    }
}
