//! The body of a request, which comes back if the request may be sent again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limits;
use crate::wire::request_body::RequestBody;

/// A client's body on its way to a server, after the bytes that were sent to another one in vain.
#[derive(Debug)]
pub(crate) struct Outgoing {
    first: Bytes,
    rest: RequestBody,
    loan: Option<Loan>,
}

/// The way back of a body, and a copy of what was sent of it.
#[derive(Debug)]
struct Loan {
    sent: Vec<u8>,
    back: oneshot::Sender<Outgoing>,
}

/// Gives a body back once its connection has dropped it.
#[derive(Debug)]
pub(crate) struct Returned(oneshot::Receiver<Outgoing>);

impl Outgoing {
    pub(crate) fn new(rest: RequestBody) -> Self {
        Self { first: Bytes::new(), rest, loan: None }
    }

    pub(crate) fn empty() -> Self {
        Self::new(RequestBody::empty())
    }

    /// From now on the body comes back when it is dropped, unless more than [`limits::RESEND_BYTES_MAX`] were sent.
    pub(crate) fn lend(&mut self) -> Returned {
        let (back, returned) = oneshot::channel();
        self.loan = Some(Loan { sent: Vec::new(), back });
        Returned(returned)
    }

    /// Holds the body back no longer.
    pub(super) fn release(&mut self) {
        self.rest.release();
    }

    /// Keeps `mark` until the body is dropped.
    pub(super) fn mark_in_use(&mut self, mark: Arc<()>) {
        self.rest.mark_in_use(mark);
    }

    fn note_sent(&mut self, bytes: &[u8]) {
        let Some(loan) = &mut self.loan else { return };
        if loan.sent.len() + bytes.len() > limits::RESEND_BYTES_MAX {
            self.loan = None;
        } else {
            loan.sent.extend_from_slice(bytes);
        }
    }
}

impl Returned {
    /// The whole body, if it can be sent again.
    pub(crate) async fn body(self) -> Option<Outgoing> {
        timeout(limits::RETURN_TIMEOUT, self.0).await.ok()?.ok()
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.note_sent(&first);
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let polled = Pin::new(&mut self.rest).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                Some(data) => self.note_sent(data),
                // Trailers are not kept.
                None => self.loan = None,
            },
            Poll::Ready(Some(Err(_))) => self.loan = None,
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, first) = (self.rest.size_hint(), self.first.len() as u64);
        let mut all = SizeHint::new();
        all.set_lower(rest.lower().saturating_add(first));
        if let Some(upper) = rest.upper() {
            all.set_upper(upper.saturating_add(first));
        }
        all
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let Some(Loan { mut sent, back }) = self.loan.take() else { return };
        sent.extend_from_slice(&self.first);
        let mut again = Self::empty();
        again.first = sent.into();
        // A body that was read to its end is dropped now: the client's connection counts the unread ones.
        if !self.rest.is_end_stream() {
            std::mem::swap(&mut again.rest, &mut self.rest);
        }
        let _ = back.send(again);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn body(text: &'static str) -> Outgoing {
        let mut body = Outgoing::empty();
        body.first = Bytes::from_static(text.as_bytes());
        body
    }

    async fn text(body: Outgoing) -> Bytes {
        body.collect().await.expect("no error").to_bytes()
    }

    #[tokio::test]
    async fn a_body_comes_back_whole_however_much_of_it_was_sent() {
        for was_sent in [false, true] {
            let mut lent = body("all of it");
            let returned = lent.lend();
            if was_sent {
                lent.frame().await.expect("a frame").expect("no error");
            }
            drop(lent);
            assert_eq!(text(returned.body().await.expect("returned")).await, "all of it", "{was_sent}");
        }
    }

    #[tokio::test]
    async fn a_body_does_not_come_back_when_too_much_of_it_was_sent_or_it_was_not_lent() {
        let mut lent = Outgoing::empty();
        lent.first = vec![0; limits::RESEND_BYTES_MAX + 1].into();
        let returned = lent.lend();
        lent.frame().await.expect("a frame").expect("no error");
        assert!(returned.body().await.is_none());
        drop(body("not lent"));
    }

    #[tokio::test]
    async fn a_returned_body_can_be_lent_again() {
        let mut lent = body("twice");
        for _ in 0..2 {
            let returned = lent.lend();
            lent.frame().await.expect("a frame").expect("no error");
            drop(lent);
            lent = returned.body().await.expect("returned");
        }
        assert_eq!((lent.size_hint().exact(), text(lent).await), (Some(5), Bytes::from_static(b"twice")));
    }
}
