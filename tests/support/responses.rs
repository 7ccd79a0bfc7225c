//! The responses that [`super::routes`] chooses from.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use super::body::{BodySender, Outgoing, full, streamed};
use super::record::Recorded;

const PIECE_BYTES: usize = 64 << 10;

pub(super) fn text(body: impl Into<Bytes>) -> Response<Outgoing> {
    let mut response = Response::new(full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

pub(super) fn status(code: &str) -> Response<Outgoing> {
    let code: StatusCode = code.parse().expect("the path ends in a status code");
    let bodiless = code == StatusCode::NO_CONTENT || code == StatusCode::NOT_MODIFIED;
    let mut response = text(if bodiless { String::new() } else { code.to_string() });
    *response.status_mut() = code;
    response
}

pub(super) fn redirect(to: &str) -> Response<Outgoing> {
    let mut response = text("elsewhere");
    *response.status_mut() = StatusCode::FOUND;
    let to = to.parse().expect("a redirect's target is a header value");
    response.headers_mut().insert(LOCATION, to);
    response
}

pub(super) fn reflection(head: &Recorded) -> Vec<u8> {
    head.headers.iter().flat_map(|(name, value)| [name, &b": "[..], value, b"\n"].concat()).collect()
}

/// A response whose body is sent by its own task.
pub(super) fn sent_by<F>(send: impl FnOnce(BodySender) -> F) -> Response<Outgoing>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, body) = streamed();
    tokio::spawn(send(sender));
    Response::new(body)
}

pub(super) fn many_bytes(count: usize) -> Response<Outgoing> {
    let mut response = sent_by(async move |sender| {
        let piece = Bytes::from(b"0123456789abcdef".repeat(PIECE_BYTES / 16));
        let mut left = count;
        while left > 0 && sender.send(piece.slice(..left.min(PIECE_BYTES))).await {
            left -= left.min(PIECE_BYTES);
        }
        if left > 0 {
            sender.abort().await;
        }
    });
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(count));
    response
}

pub(super) fn events(count: u64, gap: Duration) -> Response<Outgoing> {
    let mut response = sent_by(async move |sender| {
        for number in 0..count {
            if number > 0 {
                tokio::time::sleep(gap).await;
            }
            if !sender.send(format!("data: event {number}\n\n")).await {
                break;
            }
        }
    });
    let event_stream = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, event_stream);
    response
}

pub(super) fn with_trailers() -> Response<Outgoing> {
    let mut response = sent_by(async |sender| {
        sender.send("ok").await;
        let status = (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
        sender.trailers(HeaderMap::from_iter([status])).await;
    });
    // HTTP/1.1 carries only trailers that are announced.
    response.headers_mut().insert(TRAILER, HeaderValue::from_static("grpc-status"));
    response
}

pub(super) fn upgrade_echo(mut request: Request<Incoming>) -> Response<Outgoing> {
    let Some(protocol) = request.headers().get(UPGRADE).cloned() else {
        return status("426");
    };
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // The client may disconnect at any time, which ends the echo.
        if let Ok(upgraded) = upgrading.await {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        }
    });
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(UPGRADE, protocol);
    let connection = HeaderValue::from_static("upgrade");
    response.headers_mut().insert(CONNECTION, connection);
    response
}
