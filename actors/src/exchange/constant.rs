//! The answers that are our own: constant, whatever the cause.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::hex::RecordId;
use crate::wire::request_body::ResponseBody;

/// The header whose value only the host can resolve.
const ID: HeaderName = HeaderName::from_static("x-secret-proxy-id");

const FORBIDDEN: &str = "403 Forbidden\n\nRequest blocked by secret-proxy policy.\n\n\
                         If you believe this is an error, check the proxy logs on the host.\n";
/// What a request that is not one for a proxy is told, on the port itself.
pub const NOT_A_PROXY_REQUEST: &str =
    "400 Bad Request\n\nThis is a proxy: send CONNECT host:port, or an absolute URI.\n";
const BAD_GATEWAY: &str = "502 Bad Gateway\n\nThe upstream server could not be reached or verified.\n";
const GATEWAY_TIMEOUT: &str = "504 Gateway Timeout\n\nThe upstream server did not answer in time.\n";

/// The one refusal.
pub(crate) fn forbidden(id: RecordId) -> Response<ResponseBody> {
    let mut response = text(StatusCode::FORBIDDEN, FORBIDDEN);
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(ID, id);
    }
    response
}

/// To a request that is not one for a proxy, or that cannot be read without doubt.
pub(crate) fn bad_request() -> Response<ResponseBody> {
    let mut response = text(StatusCode::BAD_REQUEST, NOT_A_PROXY_REQUEST);
    response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// To a tunnel keeper that has asked with the key.
pub(crate) fn round_trip(answer: String) -> Response<ResponseBody> {
    let mut response = text(StatusCode::OK, "");
    *response.body_mut() = ResponseBody::made(answer);
    response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The upstream cannot be reached or verified.
pub(crate) fn bad_gateway() -> Response<ResponseBody> {
    text(StatusCode::BAD_GATEWAY, BAD_GATEWAY)
}

/// The upstream took too long.
pub(crate) fn gateway_timeout() -> Response<ResponseBody> {
    text(StatusCode::GATEWAY_TIMEOUT, GATEWAY_TIMEOUT)
}

fn text(status: StatusCode, text: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::text(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
