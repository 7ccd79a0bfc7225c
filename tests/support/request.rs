//! A builder for one request.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::answer::{Answer, ClientError, Streaming};
use super::body::{self, BodySender, Outgoing};
use super::client::Client;
use super::tunnel::Tunnel;

/// The time limit of a head, and of each piece of a body.
const WITHIN: Duration = Duration::from_secs(30);

/// The connection of a request.
enum Via {
    /// A connection of its own.
    Fresh(Client),
    /// An existing connection.
    Tunnel(Tunnel),
}

/// A request before `send`, which reports the request's errors.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    via: Via,
    method: String,
    url: String,
    fields: Vec<(String, Vec<u8>)>,
    host: Option<Vec<u8>>,
    authority: Option<String>,
    scheme: Option<String>,
    body: Outgoing,
    within: Duration,
}

impl Request {
    pub(super) fn new(client: Client, method: &str, url: &str) -> Self {
        Self::via(Via::Fresh(client), method, url)
    }

    pub(super) fn inside(tunnel: Tunnel, method: &str, url: &str) -> Self {
        Self::via(Via::Tunnel(tunnel), method, url)
    }

    fn via(via: Via, method: &str, url: &str) -> Self {
        Self {
            via,
            method: method.to_owned(),
            url: url.to_owned(),
            fields: Vec::new(),
            host: None,
            authority: None,
            scheme: None,
            body: body::full(""),
            within: WITHIN,
        }
    }

    /// Adds a field; a name may occur again.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends a whole body.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = body::full(bytes);
        self
    }

    /// Sends a body piece by piece: chunked, unless a `content-length` field is added.
    pub fn streaming(mut self) -> (Self, BodySender) {
        let (sender, body) = body::streamed();
        self.body = body;
        (self, sender)
    }

    /// Sends this `Host`; in HTTP/2 a `host` field beside `:authority`.
    pub fn host_header(mut self, raw: impl AsRef<[u8]>) -> Self {
        self.host = Some(raw.as_ref().to_vec());
        self
    }

    /// Sends this `:authority` in HTTP/2, and this authority in an absolute-form target.
    pub fn authority(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Sends this `:scheme` in HTTP/2.
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.scheme = Some(scheme.to_owned());
        self
    }

    /// Waits this long for the head and for each piece of the body, instead of 30 s.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// [`Client::http2`] for this request.
    pub fn http2(self) -> Self {
        self.change(Client::http2)
    }

    /// [`Client::sni`] for this request.
    pub fn sni(self, name: Option<&str>) -> Self {
        self.change(|client| client.sni(name))
    }

    /// [`Client::connect_authority`] for this request.
    pub fn connect_authority(self, text: &str) -> Self {
        self.change(|client| client.connect_authority(text))
    }

    /// Sends the request and waits for the whole answer.
    pub async fn send(self) -> Result<Answer, ClientError> {
        self.open().await?.collect().await
    }

    /// Sends the request and waits for the head of the answer.
    pub async fn open(self) -> Result<Streaming, ClientError> {
        let started = Instant::now();
        let url = self.url.clone();
        let target = Target::parse(&url)?;
        let tunnel = match &self.via {
            Via::Tunnel(tunnel) => tunnel.clone(),
            Via::Fresh(client) if target.scheme == "http" && !client.is_cleartext() => client.forward().await?,
            Via::Fresh(client) => client.tunnel(&target.with_port()).await?,
        };
        let within = self.within;
        let request = self.finish(&target, &tunnel)?;
        tunnel.exchange(request, started, within).await
    }

    fn change(mut self, change: impl FnOnce(Client) -> Client) -> Self {
        let Via::Fresh(client) = self.via else {
            panic!("a tunnel's own settings cannot be changed by a request in it");
        };
        self.via = Via::Fresh(change(client));
        self
    }

    fn finish(self, target: &Target<'_>, tunnel: &Tunnel) -> Result<http::Request<Outgoing>, ClientError> {
        let http2 = tunnel.is_http2();
        let host = self.host.clone().or_else(|| (!http2).then(|| target.authority.into()));
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.append(HOST, value(&host)?);
        }
        for (name, raw) in &self.fields {
            let name: HeaderName = name.parse().map_err(|_| malformed("header name", name))?;
            headers.append(name, value(raw)?);
        }
        let uri = self.uri(target, tunnel.wants_absolute() || http2)?;
        let method = self.method.parse().map_err(|_| malformed("method", &self.method))?;
        let mut request = http::Request::new(self.body);
        *request.headers_mut() = headers;
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        Ok(request)
    }

    fn uri(&self, target: &Target<'_>, absolute: bool) -> Result<Uri, ClientError> {
        let path: PathAndQuery = target.path.parse().map_err(|_| malformed("path", target.path))?;
        let mut parts = http::uri::Parts::default();
        parts.path_and_query = Some(path);
        if absolute {
            let scheme = self.scheme.as_deref().unwrap_or(target.scheme);
            let scheme: Scheme = scheme.parse().map_err(|_| malformed("scheme", scheme))?;
            let authority = self.authority.as_deref().unwrap_or(target.authority);
            let authority: Authority = authority.parse().map_err(|_| malformed("authority", authority))?;
            parts.scheme = Some(scheme);
            parts.authority = Some(authority);
        }
        Uri::from_parts(parts).map_err(|_| malformed("URL", &self.url))
    }
}

fn value(raw: &[u8]) -> Result<HeaderValue, ClientError> {
    let text = || malformed("header value", &raw.escape_ascii().to_string());
    HeaderValue::from_bytes(raw).map_err(|_| text())
}

fn malformed(what: &str, text: &str) -> ClientError {
    ClientError::Malformed(format!("{what} {text:?}"))
}

/// A URL split into its parts, without validation.
struct Target<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Result<Self, ClientError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| malformed("URL", url))?;
        if scheme != "http" && scheme != "https" {
            return Err(malformed("scheme", scheme));
        }
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        Ok(Self { scheme, authority, path })
    }

    /// The authority in the form of CONNECT.
    fn with_port(&self) -> String {
        let after_host = self.authority.rsplit(']').next().unwrap_or_default();
        if after_host.contains(':') {
            self.authority.to_owned()
        } else {
            let port = if self.scheme == "http" { 80 } else { 443 };
            format!("{}:{port}", self.authority)
        }
    }
}
