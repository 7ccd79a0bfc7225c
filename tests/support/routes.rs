//! What an [`super::Origin`] answers.
//!
//! | path | answer |
//! |---|---|
//! | `/echo` | 200 `ok` |
//! | `/upload` | the length of the request's body |
//! | `/reflect` | the request's header fields as text: for tests that `allow_reflection` |
//! | `/status/CODE`, `/early/CODE` | that status; `early` without reading the body |
//! | `/bytes/N` | N bytes, with their length announced |
//! | `/sse?n=&gap_ms=` | N events, a gap before each but the first |
//! | `/stream-echo` | the request's body, piece by piece as it comes, then its trailers |
//! | `/trailers` | `ok` and the trailer `grpc-status: 0` |
//! | `/ws-echo` | 101 to the protocol that was asked for, then all bytes back |
//! | `/slow?ms=`, `/hang` | 200 after a while, or no answer at all |
//! | `/redirect?to=` | 302 |
//! | others | 200 and a short body |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::body::{BodySender, Outgoing, full, streamed};
use super::record::{OnRequest, Recorded, Records};

const PIECE_BYTES: usize = 64 << 10;

/// What a request is recorded with besides itself.
pub struct Visit {
    /// The number of its connection.
    pub connection: usize,
    /// The SNI of its connection.
    pub sni: Option<String>,
    /// Where it is recorded.
    pub records: Records,
    /// The test's hook.
    pub on_request: OnRequest,
}

/// Records the request, calls the hook, and answers by path.
pub async fn answer(
    request: Request<Incoming>,
    visit: Arc<Visit>,
) -> Result<Response<Outgoing>, Infallible> {
    let head = recorded(&request, &visit);
    let index = visit.records.push(head.clone());
    (visit.on_request)(&head);
    let path = head.path.split('?').next().unwrap_or_default();
    let (route, rest) = path[1.min(path.len())..].split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    Ok(match route {
        "hang" => std::future::pending().await,
        "early" => status(rest),
        "ws-echo" => upgrade_echo(request),
        "stream-echo" => stream_echo(request, visit, index),
        _ => {
            let length = read_body(request.into_body(), &visit.records, index).await;
            after_body(route, rest, &head, length).await
        }
    })
}

async fn after_body(route: &str, rest: &str, head: &Recorded, length: u64) -> Response<Outgoing> {
    match route {
        "echo" => text("ok"),
        "upload" => text(length.to_string()),
        "reflect" => text(reflection(head)),
        "status" => status(rest),
        "bytes" => many_bytes(rest.parse().expect("/bytes/N has a number")),
        "sse" => events(number(head, "n", 3), Duration::from_millis(number(head, "gap_ms", 50))),
        "trailers" => with_trailers(),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(number(head, "ms", 100))).await;
            text("slow")
        }
        "redirect" => redirect(head.query("to").expect("/redirect?to= has a target")),
        _ => text("an origin of the tests"),
    }
}

fn recorded(request: &Request<Incoming>, visit: &Visit) -> Recorded {
    let uri = request.uri();
    Recorded {
        connection: visit.connection,
        sni: visit.sni.clone(),
        method: request.method().to_string(),
        path: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        authority: uri.authority().map(ToString::to_string),
        headers: pairs(request.headers()),
        version: request.version(),
        body: Vec::new(),
        body_bytes: 0,
        complete: false,
        trailers: Vec::new(),
        at: Instant::now(),
        clock: SystemTime::now(),
    }
}

fn pairs(fields: &HeaderMap) -> Vec<(Vec<u8>, Vec<u8>)> {
    let owned = |(name, value): (&http::HeaderName, &HeaderValue)| {
        (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec())
    };
    fields.iter().map(owned).collect()
}

fn number(head: &Recorded, key: &str, default: u64) -> u64 {
    head.query(key).map_or(default, |text| text.parse().expect("a query value is a number"))
}

/// Reads the body to its end into the records; its length.
async fn read_body(mut body: Incoming, records: &Records, index: usize) -> u64 {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        // The client went away in the middle: the record stays incomplete.
        let Ok(frame) = frame else { return length };
        if let Some(piece) = frame.data_ref() {
            length += piece.len() as u64;
            records.body(index, piece);
        } else if let Some(trailers) = frame.trailers_ref() {
            records.update(index, |request| request.trailers = pairs(trailers));
        }
    }
    records.update(index, |request| request.complete = true);
    length
}

fn text(body: impl Into<Bytes>) -> Response<Outgoing> {
    let mut response = Response::new(full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn status(code: &str) -> Response<Outgoing> {
    let code = code.parse().expect("the path ends in a status code");
    let bodiless = code == StatusCode::NO_CONTENT || code == StatusCode::NOT_MODIFIED;
    let mut response = text(if bodiless { String::new() } else { code.to_string() });
    *response.status_mut() = code;
    response
}

fn redirect(to: &str) -> Response<Outgoing> {
    let mut response = text("elsewhere");
    *response.status_mut() = StatusCode::FOUND;
    let to = to.parse().expect("a redirect's target is a header value");
    response.headers_mut().insert(LOCATION, to);
    response
}

fn reflection(head: &Recorded) -> Vec<u8> {
    head.headers.iter().flat_map(|(name, value)| [name, &b": "[..], value, b"\n"].concat()).collect()
}

/// A response whose body a task of its own sends.
fn sent_by<F>(send: impl FnOnce(BodySender) -> F) -> Response<Outgoing>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, body) = streamed();
    tokio::spawn(send(sender));
    Response::new(body)
}

fn many_bytes(count: usize) -> Response<Outgoing> {
    let mut response = sent_by(async move |sender| {
        let piece = Bytes::from_iter((0..PIECE_BYTES).map(|at| b"0123456789abcdef"[at % 16]));
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

fn events(count: u64, gap: Duration) -> Response<Outgoing> {
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

fn with_trailers() -> Response<Outgoing> {
    let mut response = sent_by(async |sender| {
        sender.send("ok").await;
        let status = (http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
        sender.trailers(HeaderMap::from_iter([status])).await;
    });
    // HTTP/1.1 carries only trailers that are announced.
    response.headers_mut().insert(TRAILER, HeaderValue::from_static("grpc-status"));
    response
}

fn stream_echo(request: Request<Incoming>, visit: Arc<Visit>, index: usize) -> Response<Outgoing> {
    let mut body = request.into_body();
    sent_by(async move |sender| {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return sender.abort().await };
            match frame.into_data() {
                Ok(piece) => {
                    visit.records.body(index, &piece);
                    sender.send(piece).await;
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    visit.records.update(index, |request| request.trailers = pairs(&trailers));
                    sender.trailers(trailers).await;
                    break;
                }
            }
        }
        visit.records.update(index, |request| request.complete = true);
    })
}

fn upgrade_echo(mut request: Request<Incoming>) -> Response<Outgoing> {
    let Some(protocol) = request.headers().get(UPGRADE).cloned() else {
        return status("426");
    };
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // The client may leave before or after; the echo ends with it.
        if let Ok(upgraded) = upgrading.await {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut write).await;
        }
    });
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(UPGRADE, protocol);
    let connection = HeaderValue::from_static("upgrade");
    response.headers_mut().insert(http::header::CONNECTION, connection);
    response
}
