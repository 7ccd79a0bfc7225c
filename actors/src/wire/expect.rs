//! `Expect: 100-continue`: a request's body that waits for the upstream's 100.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use http::header::{EXPECT, HeaderValue};
use http::{Request, StatusCode};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::limits;

/// Resolves when the upstream asks for the body, or has been silent for [`limits::CONTINUE_TIMEOUT`]. Once the upstream has
/// answered without asking, it never does: then the body is never read.
#[derive(Debug)]
pub(crate) struct Continue {
    /// None once the upstream has answered without asking.
    wanted: Option<oneshot::Receiver<()>>,
    patience: Pin<Box<Sleep>>,
}

/// Adds `Expect: 100-continue` to a request. The upstream's 100 goes no further: when the body is read, our own
/// server sends the client a 100.
pub(crate) fn expect_continue<B>(request: &mut Request<B>) -> Continue {
    request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
    let (sender, wanted) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    hyper::ext::on_informational(request, move |response| {
        if response.status() == StatusCode::CONTINUE
            && let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            let _ = sender.send(());
        }
    });
    Continue { wanted: Some(wanted), patience: Box::pin(sleep(limits::CONTINUE_TIMEOUT)) }
}

impl Future for Continue {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wanted) = &mut self.wanted else { return Poll::Pending };
        match Pin::new(wanted).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(_)) => {
                self.wanted = None;
                Poll::Pending
            }
            Poll::Pending => self.patience.as_mut().poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_a_while_and_not_at_all_once_the_response_has_come() {
        let mut request = Request::new(());
        let waiting = expect_continue(&mut request);
        assert_eq!(request.headers()[EXPECT], "100-continue");
        timeout(limits::CONTINUE_TIMEOUT + Duration::from_millis(1), waiting).await.expect("the upstream is silent");

        let answered = expect_continue(&mut request);
        // hyper drops the request's extensions when the response has come.
        drop(request);
        assert!(timeout(2 * limits::CONTINUE_TIMEOUT, answered).await.is_err(), "the body is never asked for");
    }
}
