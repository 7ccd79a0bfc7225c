//! One verified upstream connection, and sending a request on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, InvalidUri, PathAndQuery};
use http::{Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use policy::destination::host::{Destination, Scheme};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use crate::limits;
use crate::wire::request_body::RequestBody;

/// A connection to a destination, verified for it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) destination: Destination,
    /// The destination's, made once: each request names it.
    authority: Authority,
    pub(super) sender: Sender,
    wipes: Wipes,
    marks: Arc<Marks>,
    /// Whether it has waited in the pool: its server may be closing it at this moment.
    pub(super) kept: bool,
}

/// What all who share a connection know of it.
#[derive(Debug, Default)]
struct Marks {
    /// The wipes there had been when a secret last travelled on it, and one more; 0 if none has.
    carried: AtomicU64,
    /// Whether it takes no further request.
    retired: AtomicBool,
    /// Held once more by each request's body that is on its way.
    bodies: Arc<()>,
}

/// Counts how often values were wiped. It outlives the owner's crashes: a connection in use does, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wipes(Arc<AtomicU64>);

impl Wipes {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ours to send on. The driver moves the bytes; it ends when the last sender is dropped.
#[derive(Debug)]
pub(super) enum Sender {
    Http1 { sender: http1::SendRequest<RequestBody>, _driver: AbortOnDropHandle<()> },
    Http2 { sender: http2::SendRequest<RequestBody>, driver: Arc<AbortOnDropHandle<()>> },
}

/// What became of a request that got no response.
#[derive(Debug)]
pub(crate) enum SendError {
    /// Not a byte of it was written: it may be sent again.
    Unsent(Box<Request<RequestBody>>),
    /// It may have been received.
    Failed(hyper::Error),
    /// No response head came in time.
    TimedOut,
    /// It cannot be said in the version that the connection speaks. Nothing was written.
    Unsayable,
}

impl Connection {
    pub(super) fn new(destination: Destination, sender: Sender, wipes: Wipes) -> Result<Self, InvalidUri> {
        let authority = Authority::try_from(destination.authority())?;
        Ok(Self { destination, authority, sender, wipes, marks: Arc::default(), kept: false })
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2 { .. })
    }

    /// Whether a request can be sent at once.
    pub(super) fn is_ready(&self) -> bool {
        let speaks = match &self.sender {
            Sender::Http1 { sender, .. } => sender.is_ready(),
            Sender::Http2 { sender, .. } => sender.is_ready(),
        };
        speaks && !self.marks.retired.load(Ordering::Relaxed)
    }

    /// Whether it was in use before, and its server may have closed it since.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Takes no further request; those that are under way go on.
    pub(crate) fn retire(&self) {
        self.marks.retired.store(true, Ordering::Relaxed);
    }

    /// Another use of the same HTTP/2 connection; HTTP/1.1 has none.
    pub(super) fn share(&self) -> Option<Self> {
        let Sender::Http2 { sender, driver } = &self.sender else { return None };
        let sender = Sender::Http2 { sender: sender.clone(), driver: driver.clone() };
        let (destination, authority) = (self.destination.clone(), self.authority.clone());
        let (wipes, marks) = (self.wipes.clone(), self.marks.clone());
        Some(Self { destination, authority, sender, wipes, marks, kept: self.kept })
    }

    /// How many exchanges use the connection now, besides the pool.
    pub(super) fn uses(&self) -> usize {
        match &self.sender {
            Sender::Http1 { .. } => 0,
            Sender::Http2 { driver, .. } => Arc::strong_count(driver) - 1,
        }
    }

    /// Whether no exchange uses it, nor a body that goes on though its answer has ended: what the server leaves
    /// unread of that fills the window that all on the connection have together.
    pub(super) fn is_free(&self) -> bool {
        self.uses() == 0 && Arc::strong_count(&self.marks.bodies) == 1
    }

    /// Notes that the next request holds a secret, before it does. All who share the connection know it
    /// at once.
    pub(crate) fn carries_secret(&self) {
        self.marks.carried.store(self.wipes.so_far() + 1, Ordering::Relaxed);
    }

    /// Whether its buffers may hold a value that has been wiped since: then it is closed once it is idle.
    pub(super) fn holds_wiped(&self) -> bool {
        (1..=self.wipes.so_far()).contains(&self.marks.carried.load(Ordering::Relaxed))
    }

    /// Sends a request and waits for the head of its response.
    pub(crate) async fn send(&mut self, mut request: Request<RequestBody>) -> Result<Response<Incoming>, SendError> {
        shape(&mut request, self.destination.scheme, &self.authority, self.is_http2()).ok_or(SendError::Unsayable)?;
        request.body_mut().occupy(self.marks.bodies.clone());
        let sent = match &mut self.sender {
            Sender::Http1 { sender, .. } => timeout(limits::RESPONSE_HEAD, sender.try_send_request(request)).await,
            Sender::Http2 { sender, .. } => timeout(limits::RESPONSE_HEAD, sender.try_send_request(request)).await,
        };
        match sent {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(mut error)) => Err(match error.take_message() {
                Some(request) => SendError::Unsent(Box::new(request)),
                None => SendError::Failed(error.into_error()),
            }),
            Err(_) => Err(SendError::TimedOut),
        }
    }
}

/// Gives a request the form of the version that it travels by. The destination alone says where it
/// goes: what the client wrote there has been compared with it and is written anew. Nothing if that
/// cannot be done: a request is never sent in a form that was not meant.
fn shape(request: &mut Request<RequestBody>, scheme: Scheme, authority: &Authority, http2: bool) -> Option<()> {
    *request.uri_mut() = target(request.uri(), scheme, authority, http2)?;
    if http2 {
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().remove(header::HOST);
        // Flow control does there what this field does in HTTP/1.1.
        request.headers_mut().remove(header::EXPECT);
        request.body_mut().release();
    } else {
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority.as_str()).ok()?);
        join_cookies(request.headers_mut())?;
        frame(request);
    }
    Some(())
}

/// The path alone in HTTP/1.1, the whole of it in HTTP/2.
fn target(uri: &Uri, scheme: Scheme, authority: &Authority, http2: bool) -> Option<Uri> {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if !http2 {
        return Some(path.into());
    }
    let whole = Uri::builder().scheme(scheme.as_str()).authority(authority.clone());
    whole.path_and_query(path).build().ok()
}

/// A body without a length is sent in chunks, whatever the method: hyper would leave it out of a GET.
fn frame(request: &mut Request<RequestBody>) {
    let has_body = !request.body().is_end_stream();
    if has_body && !request.headers().contains_key(header::CONTENT_LENGTH) {
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// HTTP/2 clients may split `Cookie` into several fields; HTTP/1.1 has one (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Option<()> {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return Some(());
    }
    let length = headers.get_all(header::COOKIE).iter().map(|value| value.len() + 2).sum();
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    for value in headers.get_all(header::COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(value.as_bytes());
    }
    let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from_owner(joined)).ok()?;
    // One of the parts may have been a secret.
    value.set_sensitive(true);
    headers.insert(header::COOKIE, value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_destination_and_path_has_a_target_in_both_versions() {
        let hosts = ["a.example:443", "a-1.b.example:8443", "192.0.2.1:443", "[2001:db8::1]:443", "[::1]:65535"];
        let paths = ["/", "*", "/a?b=c", "/?", "/a%20b", "/\u{7b}\u{7b}KEY\u{7d}\u{7d}", "//evil.example/"];
        for (host, path) in hosts.iter().flat_map(|host| paths.map(|path| (*host, path))) {
            let destination = Destination::from_connect(host).expect("a destination");
            let said = |scheme, http2| {
                let uri = PathAndQuery::try_from(path).expect("a path").into();
                let authority = Authority::try_from(destination.with_scheme(scheme).authority()).expect("legal");
                target(&uri, scheme, &authority, http2).expect("a target")
            };
            assert_eq!(said(Scheme::Https, false).to_string(), path);
            for scheme in [Scheme::Https, Scheme::Http] {
                let whole = said(scheme, true);
                assert_eq!(
                    whole.authority().map(ToString::to_string),
                    Some(destination.with_scheme(scheme).authority())
                );
                assert_eq!(
                    (whole.scheme_str(), whole.path_and_query().map(PathAndQuery::as_str)),
                    (Some(scheme.as_str()), Some(path))
                );
            }
        }
    }

    #[test]
    fn cookies_become_one_field_or_nothing_is_sent() {
        let mut headers = HeaderMap::new();
        for part in ["a=1", "b=2"] {
            headers.append(header::COOKIE, HeaderValue::from_static(part));
        }
        assert_eq!(join_cookies(&mut headers), Some(()));
        assert_eq!(headers.get_all(header::COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }
}
