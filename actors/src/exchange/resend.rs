//! Sending a request again, and the failure if it is not sent again.

use std::fmt;
use std::time::Instant;

use http::Request;
use http::header::{COOKIE, HeaderMap, HeaderValue};
use hyper::body::Body;
use policy::verdict::judge::Permit;
use policy::verdict::render::Rendered;

use super::failure::Failure;
use crate::upstream::{Connection, DialError, Need, Offer, Outgoing, Returned, SendError, Unprocessed, words};

/// A request that can be sent again.
pub(super) struct Copy {
    head: Request<()>,
    /// Set if the request has a body.
    body: Option<Returned>,
    /// Whether it goes again though the server may have processed it.
    is_harmless: bool,
}

impl Copy {
    /// A copy of a request that may have to be sent again: because it is idempotent (RFC 9110, section 9.2.2) and a kept
    /// connection may be closed at this moment, or because an HTTP/2 server may say that it did not process it. No value
    /// is copied.
    pub(super) fn of(
        request: &mut Request<Outgoing>,
        connection: &Connection,
        filled: Option<&Filled>,
    ) -> Option<Self> {
        let is_harmless = connection.is_kept() && request.method().is_idempotent();
        if !is_harmless && !connection.is_http2() {
            return None;
        }
        let mut head = Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.uri().clone();
        *head.headers_mut() = request.headers().clone();
        filled.into_iter().for_each(|filled| filled.clear(head.headers_mut()));
        let body = (!request.body().is_end_stream()).then(|| request.body_mut().lend());
        Some(Self { head, body, is_harmless })
    }

    async fn after(self, error: &SendError) -> Option<Request<Outgoing>> {
        let is_allowed = match error {
            SendError::Unprocessed(_) => true,
            SendError::Failed(error) => self.is_harmless && !error.is_parse(),
            _ => false,
        };
        let body = match self.body.filter(|_| is_allowed) {
            Some(returned) => returned.body().await?,
            None => Outgoing::empty(),
        };
        is_allowed.then(|| self.head.map(|()| body))
    }
}

/// The request to send again after this error, if that is allowed and its body is still there.
pub(super) async fn after(copy: Option<Copy>, error: &SendError) -> Option<Request<Outgoing>> {
    copy?.after(error).await
}

/// What the request needs of the next connection after this error. Of the connections of before, others may be dead.
pub(super) fn renew(need: &mut Need, error: &SendError) {
    match error {
        SendError::Unprocessed(Unprocessed { wants_http1: true, .. }) => need.offer = Offer::Http1,
        SendError::Failed(_) => need.made_after = Some(Instant::now()),
        _ => {}
    }
}

/// The head of a request with values in it, as long as it may have to be filled again.
pub(super) struct Filled {
    permit: Permit,
    /// The cookie fields that were judged, if there are several: HTTP/1.1 gets them as one.
    cookies: Vec<HeaderValue>,
}

impl Filled {
    /// Puts the values into a head for the first time.
    pub(super) fn new(rendered: Rendered, headers: &mut HeaderMap) -> Self {
        let several = headers.get_all(COOKIE).iter().nth(1).is_some();
        let cookies = if several { headers.get_all(COOKIE).iter().cloned().collect() } else { Vec::new() };
        Self { cookies, permit: rendered.apply(headers) }
    }

    /// Restores the fields that were judged, and leaves those with placeholders empty.
    pub(super) fn clear(&self, headers: &mut HeaderMap) {
        if !self.cookies.is_empty() {
            headers.remove(COOKIE);
            headers.extend(self.cookies.iter().map(|cookie| (COOKIE, cookie.clone())));
        }
        self.permit.clear(headers);
    }

    /// The permit, to be judged again.
    pub(super) fn into_permit(self) -> Permit {
        self.permit
    }
}

/// The failure of an exchange whose request is not sent again.
pub(super) fn failure(error: SendError) -> Failure {
    match error {
        SendError::Unsent(_) => never_sent(),
        SendError::Inexpressible => not_sent("it has no form in the server's version of HTTP"),
        SendError::Failed(error) | SendError::Unprocessed(Unprocessed { error, .. }) => {
            no_response(false, words::sending(&error))
        }
        SendError::TimedOut => no_response(true, "the server has not answered for 15 minutes"),
    }
}

/// Each connection was closed before a byte was written.
pub(super) fn never_sent() -> Failure {
    not_sent("connections close before a request is sent")
}

fn not_sent(reason: &str) -> Failure {
    Failure::NotSent(DialError::new(reason))
}

fn no_response(timed_out: bool, reason: impl fmt::Display) -> Failure {
    Failure::NoResponse(DialError { timed_out, ..DialError::new(reason) })
}
