//! The proxy's own answers, which are the same for every cause.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::response_body::ResponseBody;
use crate::hex::RecordId;

/// The header with the id of the record.
const ID: HeaderName = HeaderName::from_static("x-secret-proxy-id");

const FORBIDDEN: &str = "403 Forbidden\n\nRequest blocked by secret-proxy policy.\n\n\
                         If you believe this is an error, check the proxy logs on the host.\n";
/// The answer to a request on the port that is not a proxy request.
pub const NOT_A_PROXY_REQUEST: &str =
    "400 Bad Request\n\nThis is a proxy: send CONNECT host:port, or an absolute URI.\n";
const MALFORMED: &str = "400 Bad Request\n\nThe request is malformed, or can be read in more than one way.\n";
const TOO_MANY_FIELDS: &str = "431 Request Header Fields Too Large\n\nThe request has more than 100 fields.\n";
const BAD_GATEWAY: &str = "502 Bad Gateway\n\nThe upstream server could not be reached or verified.\n";
const GATEWAY_TIMEOUT: &str = "504 Gateway Timeout\n\nThe upstream server did not answer in time.\n";

/// The one refusal, whatever the cause.
pub(super) fn forbidden(id: RecordId) -> Response<ResponseBody> {
    let mut response = text(StatusCode::FORBIDDEN, FORBIDDEN);
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(ID, id);
    }
    response
}

/// Answers a request that is not a proxy request.
pub(crate) fn bad_request() -> Response<ResponseBody> {
    closing(StatusCode::BAD_REQUEST, NOT_A_PROXY_REQUEST)
}

/// Answers a request that is ambiguous.
pub(super) fn malformed() -> Response<ResponseBody> {
    closing(StatusCode::BAD_REQUEST, MALFORMED)
}

/// Answers a request with too many fields. hyper answers those of HTTP/1.1.
pub(super) fn too_many_fields() -> Response<ResponseBody> {
    text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_MANY_FIELDS)
}

fn closing(status: StatusCode, words: &'static str) -> Response<ResponseBody> {
    let mut response = text(status, words);
    response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Answers a tunnel keeper that has asked with the key.
pub(crate) fn round_trip(answer: String) -> Response<ResponseBody> {
    let mut response = text(StatusCode::OK, "");
    *response.body_mut() = ResponseBody::owned(answer);
    response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The upstream cannot be reached or verified.
pub(super) fn bad_gateway() -> Response<ResponseBody> {
    text(StatusCode::BAD_GATEWAY, BAD_GATEWAY)
}

/// The upstream did not answer in time.
pub(super) fn gateway_timeout() -> Response<ResponseBody> {
    text(StatusCode::GATEWAY_TIMEOUT, GATEWAY_TIMEOUT)
}

fn text(status: StatusCode, text: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::constant(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
