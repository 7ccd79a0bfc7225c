//! The ways of a request through the proxy: HTTP version of each leg, TLS or cleartext.

use super::canary::Canary;
use super::client::Client;
use super::proxy::Proxy;
use super::request::Request;
use super::scripted_origin::{ScriptedOrigin, Speaks};
use super::tunnel::Tunnel;

/// The host of every stage.
pub const HOST: &str = "live.example.test";

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyRoute {
    /// HTTP/1.1 on both sides.
    Http1,
    /// HTTP/2 on both sides.
    Http2,
    /// An HTTP/2 client, and an origin without HTTP/2.
    Http2ToHttp1,
    /// An HTTP/1.1 client, and an origin that prefers HTTP/2.
    Http1ToHttp2,
    /// Cleartext, by an absolute URL.
    Absolute,
    /// Cleartext in a tunnel.
    Cleartext,
}

impl ProxyRoute {
    /// All routes.
    pub const ALL: [Self; 6] =
        [Self::Http1, Self::Http2, Self::Http2ToHttp1, Self::Http1ToHttp2, Self::Absolute, Self::Cleartext];

    fn speaks(self) -> Speaks {
        match self {
            Self::Http1 | Self::Http2 => Speaks::Both,
            Self::Http2ToHttp1 => Speaks::Http1,
            Self::Http1ToHttp2 => Speaks::Http2,
            Self::Absolute | Self::Cleartext => Speaks::Cleartext,
        }
    }

    fn scheme(self) -> &'static str {
        if self.speaks() == Speaks::Cleartext { "http" } else { "https" }
    }

    /// Whether the client uses HTTP/2.
    pub fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2ToHttp1)
    }

    /// Whether the origin uses HTTP/2.
    pub fn reaches_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http1ToHttp2)
    }

    /// A proxy with an origin of this kind.
    pub fn stage(self) -> Stage {
        let (canary, origin) = (Canary::new(), ScriptedOrigin::start(&[HOST], self.speaks()));
        let listed = format!("{HOST}, http://{HOST}");
        let proxy = Proxy::builder().origin(HOST, &origin).secret("API_KEY", &canary, &listed).start();
        Stage { route: self, canary, origin, proxy }
    }
}

/// A proxy between a client and an origin that the test controls.
pub struct Stage {
    pub route: ProxyRoute,
    pub canary: Canary,
    pub origin: ScriptedOrigin,
    pub proxy: Proxy,
}

impl Stage {
    /// A client of this route's kind.
    pub fn client(&self) -> Client {
        let client = self.proxy.client();
        match self.route {
            ProxyRoute::Http2 | ProxyRoute::Http2ToHttp1 => client.http2(),
            ProxyRoute::Cleartext => client.cleartext(),
            ProxyRoute::Http1 | ProxyRoute::Http1ToHttp2 | ProxyRoute::Absolute => client,
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{HOST}{path}", self.route.scheme())
    }

    /// A request with the placeholder in it, on a connection of its own.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client().request(method, &self.url(path)).header("x-api-key", "{{API_KEY}}")
    }

    /// A connection for many requests.
    pub async fn tunnel(&self) -> Tunnel {
        let port = if self.route.scheme() == "http" { 80 } else { 443 };
        let client = self.client();
        let tunnel = if self.route == ProxyRoute::Absolute {
            client.forward().await
        } else {
            client.tunnel(&format!("{HOST}:{port}")).await
        };
        tunnel.expect("a tunnel")
    }

    /// A request with the placeholder in it, in this tunnel.
    pub fn inside(&self, tunnel: &Tunnel, method: &str, path: &str) -> Request {
        tunnel.request(method, &self.url(path)).header("x-api-key", "{{API_KEY}}")
    }
}
