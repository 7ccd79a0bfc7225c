//! Sending a request again, and the failure if it is not sent again.

use http::Request;
use http::header::{COOKIE, HeaderMap, HeaderValue};
use hyper::body::Body;
use policy::verdict::judge::Permit;
use policy::verdict::render::Rendered;

use super::failure::Failure;
use crate::upstream::{Connection, DialError, SendError, words};
use crate::wire::request_body::RequestBody;

/// A copy to send again if the server closes the kept connection at that moment, as servers do with idle ones. Only
/// a safe request (RFC 9110, section 9.2.1) without a body is copied, and no value with it.
pub(super) fn copy(
    request: &Request<RequestBody>,
    connection: &Connection,
    filled: Option<&Filled>,
) -> Option<Request<RequestBody>> {
    let is_safe = connection.is_kept() && request.method().is_safe() && request.body().is_end_stream();
    is_safe.then(|| {
        let mut again = Request::new(RequestBody::empty());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        filled.into_iter().for_each(|filled| filled.clear(again.headers_mut()));
        again
    })
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
        SendError::Failed(error) => no_response(false, words::sending(&error)),
        SendError::TimedOut => no_response(true, "the server has not answered for 15 minutes".to_owned()),
    }
}

/// Each connection was closed before a byte was written.
pub(super) fn never_sent() -> Failure {
    not_sent("connections close before a request is sent")
}

fn not_sent(reason: &str) -> Failure {
    Failure::NotSent(DialError { timed_out: false, reason: reason.to_owned() })
}

fn no_response(timed_out: bool, reason: String) -> Failure {
    Failure::NoResponse(DialError { timed_out, reason })
}
