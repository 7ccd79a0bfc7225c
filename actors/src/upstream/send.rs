//! One request, sent in the form of its connection's HTTP version.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use policy::destination::host::Scheme;
use policy::response::is_doubly_framed;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::body::UpstreamBody;
use super::connection::{Connection, Sender};
use crate::limits;
use crate::wire::interim::Interims;
use crate::wire::request_body::RequestBody;

/// Why a request got no response.
#[derive(Debug)]
pub(crate) enum SendError {
    /// No byte of the request was written: it may be sent again.
    Unsent(Box<Request<RequestBody>>),
    /// The server may have received the request.
    Failed(hyper::Error),
    /// No response head came in time.
    TimedOut,
    /// The request cannot be expressed in the connection's version of HTTP. Nothing was written.
    Inexpressible,
}

impl Connection {
    /// Sends a request and waits for the head of its response, whose body returns the connection to the pool. Interim
    /// responses go to the client, if it takes them.
    pub(crate) async fn send(
        mut self,
        mut request: Request<RequestBody>,
        client: Option<&Interims>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        let shaped = shape(&mut request, self.destination.scheme, &self.authority, self.is_http2());
        shaped.ok_or(SendError::Inexpressible)?;
        request.body_mut().mark_in_use(self.body_mark());
        let sent = match &mut self.sender {
            Sender::Http1 { sender, awaited, .. } => {
                awaited.begin();
                let response = awaited.relay(sender.try_send_request(request), client);
                let mut sent = timeout(limits::RESPONSE_HEAD_TIMEOUT, response).await;
                if let Ok(Ok(response)) = &mut sent {
                    awaited.complete(response.headers_mut());
                }
                sent
            }
            Sender::Http2 { sender, .. } => {
                timeout(limits::RESPONSE_HEAD_TIMEOUT, sender.try_send_request(request)).await
            }
        };
        match sent {
            Ok(Ok(response)) => Ok(self.received(response)),
            Ok(Err(mut error)) => Err(match error.take_message() {
                Some(request) => SendError::Unsent(Box::new(request)),
                None => SendError::Failed(error.into_error()),
            }),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    fn received(self, response: Response<Incoming>) -> Response<UpstreamBody> {
        let status = response.status();
        // A client retries on another connection (RFC 9110, section 15.5.20): we have to do the same.
        if status == StatusCode::MISDIRECTED_REQUEST || is_doubly_framed(response.headers(), status) {
            self.retire();
        }
        response.map(|body| match status {
            StatusCode::SWITCHING_PROTOCOLS => UpstreamBody::switching(body, self),
            _ => UpstreamBody::new(body, self),
        })
    }
}

/// Gives a request the form of the HTTP version that it is sent in. The target is written from the destination
/// alone: what the client wrote has been compared with it and is replaced. `None` if that cannot be done: a request
/// is never sent in another form.
fn shape(request: &mut Request<RequestBody>, scheme: Scheme, authority: &Authority, http2: bool) -> Option<()> {
    *request.uri_mut() = target(request.uri(), scheme, authority, http2)?;
    if http2 {
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().remove(header::HOST);
        // HTTP/2 has flow control instead.
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

/// The path alone in HTTP/1.1, the whole URI in HTTP/2.
fn target(uri: &Uri, scheme: Scheme, authority: &Authority, http2: bool) -> Option<Uri> {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if !http2 {
        return Some(path.into());
    }
    let whole = Uri::builder().scheme(scheme.as_str()).authority(authority.clone());
    whole.path_and_query(path).build().ok()
}

/// Sends a body without a length in chunks, whatever the method: hyper would omit the body of a GET.
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
    use policy::destination::host::Destination;

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
