//! Sending once more what got no response, and what it means when that is not done.

use http::Request;
use hyper::body::Body;

use super::recording::Ending;
use crate::upstream::{Connection, DialError, SendError};
use crate::wire::request_body::RequestBody;

/// What may be sent again if a kept connection is closed under the request, as servers do that close idle
/// connections at that very moment: one that changes nothing (RFC 9110, section 9.2.1) and has no body.
pub(crate) fn copy(request: &Request<RequestBody>, connection: &Connection) -> Option<Request<RequestBody>> {
    let is_harmless = connection.is_kept() && request.method().is_safe() && request.body().is_end_stream();
    is_harmless.then(|| {
        let mut again = Request::new(RequestBody::empty());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    })
}

/// How an exchange ends whose request is not sent again.
pub(crate) fn ending(error: SendError) -> Ending {
    match error {
        SendError::Unsent(_) => in_vain(),
        SendError::Unsayable => not_sent("it has no form in the server's version of HTTP"),
        SendError::Failed(error) => failed(false, format!("sending: {error}")),
        SendError::TimedOut => failed(true, "no response in time".to_owned()),
    }
}

/// Each connection was closed before a byte was written.
pub(crate) fn in_vain() -> Ending {
    not_sent("connections close before a request is sent")
}

fn not_sent(reason: &str) -> Ending {
    Ending::NotSent(DialError { timed_out: false, reason: reason.to_owned() })
}

fn failed(timed_out: bool, reason: String) -> Ending {
    Ending::Failed(DialError { timed_out, reason })
}
