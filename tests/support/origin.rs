//! HTTP origins on loopback that record every request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::SupportedProtocolVersion;

use super::canary::Canary;
use super::listen::{Accepted, Listening};
use super::record::{OnRequest, Recorded, Records};
use super::routes::{Visit, answer};
use super::tls::TestCa;

/// Loopback, and a port that the system chooses.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server that `--resolve` and `--upstream-ca` lead the proxy to.
pub trait Upstream {
    /// The address of the listener.
    fn address(&self) -> SocketAddr;
    /// The CA of its certificate; none for cleartext.
    fn ca_pem(&self) -> Option<&str>;
    /// The port of a name without a port.
    fn default_port(&self) -> u16 {
        if self.ca_pem().is_some() { 443 } else { 80 }
    }
}

/// An HTTP origin with the routes of [`super::routes`].
pub struct Origin {
    listening: Listening,
    records: Records,
    ca_pem: Option<String>,
}

impl Origin {
    /// HTTP/2 and HTTP/1.1 over TLS, with a certificate for `names`.
    pub fn start(names: &[&str]) -> Self {
        Self::builder(names).start()
    }

    /// The same with other settings.
    pub fn builder(names: &[&str]) -> OriginBuilder {
        OriginBuilder {
            names: names.iter().map(ToString::to_string).collect(),
            alpn: vec!["h2", "http/1.1"],
            versions: rustls::ALL_VERSIONS.to_vec(),
            bind: ANY_PORT,
            cleartext: false,
            on_request: Arc::new(|_| {}),
        }
    }

    /// The address of the listener.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.records.requests()
    }

    /// The last request; panics if there was none.
    pub fn last_request(&self) -> Recorded {
        self.requests().pop().expect("the origin got a request")
    }

    /// The records of this origin.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The number of connections with a successful handshake.
    pub fn connections(&self) -> usize {
        self.records.connections()
    }

    /// The number of failed TLS handshakes.
    pub fn failed_handshakes(&self) -> usize {
        self.records.failed_handshakes()
    }

    /// The places of the canary in the received bytes.
    pub fn find(&self, canary: &Canary) -> Option<String> {
        self.records.find(canary)
    }

    /// Closes the port and its connections; the records stay.
    pub fn stop(&self) {
        self.listening.stop();
    }
}

impl Upstream for Origin {
    fn address(&self) -> SocketAddr {
        self.listening.address
    }

    fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }
}

/// A cleartext HTTP/1.1 origin.
pub struct PlainOrigin;

impl PlainOrigin {
    /// Starts an [`Origin`] without TLS.
    pub fn start() -> Origin {
        Origin::builder(&[]).cleartext().start()
    }
}

/// Settings of an [`Origin`].
pub struct OriginBuilder {
    names: Vec<String>,
    alpn: Vec<&'static str>,
    versions: Vec<&'static SupportedProtocolVersion>,
    bind: SocketAddr,
    cleartext: bool,
    on_request: OnRequest,
}

impl OriginBuilder {
    /// Offers HTTP/1.1 alone.
    pub fn http1_only(mut self) -> Self {
        self.alpn = vec!["http/1.1"];
        self
    }

    /// Offers HTTP/2 alone.
    pub fn http2_only(mut self) -> Self {
        self.alpn = vec!["h2"];
        self
    }

    /// Uses HTTP/1.1 without ALPN.
    pub fn no_alpn(mut self) -> Self {
        self.alpn = Vec::new();
        self
    }

    /// TLS 1.2 at most.
    pub fn tls12_only(mut self) -> Self {
        self.versions = vec![&rustls::version::TLS12];
        self
    }

    /// No TLS.
    pub fn cleartext(mut self) -> Self {
        self.cleartext = true;
        self
    }

    /// Listens at this address, such as that of an earlier origin; port 0 is any port.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = address;
        self
    }

    /// Calls this at the receipt of each request's head, before the answer.
    pub fn on_request(mut self, hook: impl Fn(&Recorded) + Send + Sync + 'static) -> Self {
        self.on_request = Arc::new(hook);
        self
    }

    /// Starts the origin inside the current tokio runtime.
    pub fn start(self) -> Origin {
        let (tls, ca_pem) = if self.cleartext {
            (None, None)
        } else {
            let ca = TestCa::new();
            (Some(ca.server(&self.names, &self.alpn, &self.versions)), Some(ca.pem()))
        };
        let records = Records::default();
        let (seen, hook) = (records.clone(), self.on_request);
        let listening = Listening::start(self.bind, tls, &records, move |accepted| {
            serve(accepted, seen.clone(), Arc::clone(&hook))
        });
        Origin { listening, records, ca_pem }
    }
}

async fn serve(accepted: Accepted, records: Records, on_request: OnRequest) {
    let http2 = accepted.alpn.as_deref() == Some(b"h2");
    let connection = accepted.stream.connection();
    let visit = Arc::new(Visit { connection, sni: accepted.sni, records, on_request });
    let service = service_fn(move |request| answer(request, Arc::clone(&visit)));
    let io = TokioIo::new(accepted.stream);
    // The records have the bytes, so the error of a connection is ignored.
    if http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.timer(TokioTimer::new()).serve_connection(io, service).await;
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new());
        let _ = builder.serve_connection(io, service).with_upgrades().await;
    }
}
