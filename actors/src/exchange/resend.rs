//! Sending a request again, and the failure if it is not sent again.

use http::Request;
use hyper::body::Body;

use super::failure::Failure;
use crate::upstream::{Connection, DialError, SendError};
use crate::wire::request_body::RequestBody;

/// A copy to send again if the server closes the kept connection at that moment, as servers do with idle ones. Only
/// a safe request (RFC 9110, section 9.2.1) without a body is copied.
pub(super) fn copy(request: &Request<RequestBody>, connection: &Connection) -> Option<Request<RequestBody>> {
    let is_safe = connection.is_kept() && request.method().is_safe() && request.body().is_end_stream();
    is_safe.then(|| {
        let mut again = Request::new(RequestBody::empty());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    })
}

/// The failure of an exchange whose request is not sent again.
pub(super) fn failure(error: SendError) -> Failure {
    match error {
        SendError::Unsent(_) => never_sent(),
        SendError::Inexpressible => not_sent("it has no form in the server's version of HTTP"),
        SendError::Failed(error) => no_response(false, format!("sending: {error}")),
        SendError::TimedOut => no_response(true, "no response in time".to_owned()),
    }
}

/// The response cannot be passed on.
pub(super) fn bad_response() -> Failure {
    no_response(false, "the Connection field of the response names too many fields".to_owned())
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
