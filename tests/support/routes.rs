//! The answers of an [`super::Origin`].
//!
//! | path | answer |
//! |---|---|
//! | `/echo` | 200 `ok` |
//! | `/upload` | the length of the request's body |
//! | `/reflect` | the request's header fields as text: for tests that `allow_reflection` |
//! | `/status/CODE`, `/early/CODE` | that status; `early` without reading the body |
//! | `/bytes/N` | N bytes, with their length announced |
//! | `/sse?n=&gap_ms=` | N events, a gap before each but the first |
//! | `/stream-echo` | the request's body, piece by piece, then its trailers |
//! | `/trailers` | `ok` and the trailer `grpc-status: 0` |
//! | `/ws-echo` | 101 to the requested protocol, then an echo of all bytes |
//! | `/slow?ms=`, `/hang` | 200 after a while, or no answer at all |
//! | `/redirect?to=` | 302 |
//! | others | 200 and a short body |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::body::{Outgoing, full};
use super::record::{OnRequest, Recorded, Records};
use super::responses::{events, many_bytes, redirect, reflection, sent_by, status, text, upgrade_echo, with_trailers};

/// The context of a request's record.
pub struct Visit {
    /// The number of its connection.
    pub connection: usize,
    /// The SNI of its connection.
    pub sni: Option<String>,
    /// The records of the origin.
    pub records: Records,
    /// The test's hook.
    pub on_request: OnRequest,
}

/// Records the request, calls the hook, and answers by path.
pub async fn answer(request: Request<Incoming>, visit: Arc<Visit>) -> Result<Response<Outgoing>, Infallible> {
    let head = recorded(&request, &visit);
    let index = visit.records.push(head.clone());
    (visit.on_request)(&head);
    let path = head.path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let (route, rest) = path.split_once('/').unwrap_or((path, ""));
    let mut response = match route {
        "hang" => std::future::pending().await,
        "early" => status(rest),
        "ws-echo" => upgrade_echo(request),
        "stream-echo" => stream_echo(request, visit, index),
        _ => {
            let length = read_body(request.into_body(), &visit.records, index).await;
            after_body(route, rest, &head, length).await
        }
    };
    if head.method == "HEAD" {
        // hyper omits this body by itself in HTTP/1.1 only.
        *response.body_mut() = full("");
    }
    Ok(response)
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
    let owned =
        |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec());
    fields.iter().map(owned).collect()
}

fn number(head: &Recorded, key: &str, default: u64) -> u64 {
    head.query(key).map_or(default, |text| text.parse().expect("a query value is a number"))
}

/// Reads the body to its end into the records; its length.
async fn read_body(mut body: Incoming, records: &Records, index: usize) -> u64 {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        // The client disconnected in the middle: the record stays incomplete.
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

fn stream_echo(request: Request<Incoming>, visit: Arc<Visit>, index: usize) -> Response<Outgoing> {
    let mut body = request.into_body();
    sent_by(async move |sender| {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return sender.abort().await;
            };
            match frame.into_data() {
                // HTTP/2 may end a body with an empty piece, but an echo of it would not end a body.
                Ok(piece) if piece.is_empty() => {}
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
