//! An HTTP client that uses the proxy and can falsify every layer of a request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::answer::ClientError;
use super::connect::{connected, host_of};
use super::request::Request;
use super::tls::{self, Sni};
use super::transcript::{Source, Transcript};
use super::tunnel::Tunnel;
use super::wire::{TlsFacts, Wire};

/// The time limit of the connection, and of each handshake.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

/// The target of a client's connections.
#[derive(Clone, Debug)]
enum Route {
    /// The proxy's TCP port.
    Proxy(SocketAddr),
    /// The proxy's Unix socket.
    ProxySocket(PathBuf),
    /// An origin directly, without a proxy, for comparison.
    Direct(SocketAddr),
}

/// A client; clones share the transcript and each request has a connection of its own.
///
/// `http2`, `sni` and similar methods return a changed client; [`Request`] has the same methods.
#[derive(Clone)]
pub struct Client {
    route: Route,
    /// PEM texts of the roots it trusts.
    roots: Vec<String>,
    transcript: Transcript,
    alpn: Vec<&'static str>,
    sni: Sni,
    connect_authority: Option<String>,
    connect_headers: Vec<(String, String)>,
    cleartext: bool,
    abrupt: bool,
}

impl Client {
    /// A client of the proxy at this port, which trusts the proxy's CA.
    pub fn through(address: SocketAddr, ca_pem: &str, transcript: &Transcript) -> Self {
        Self::by(Route::Proxy(address), ca_pem, transcript)
    }

    /// A client of the proxy at this Unix socket.
    pub fn through_socket(path: PathBuf, ca_pem: &str, transcript: &Transcript) -> Self {
        Self::by(Route::ProxySocket(path), ca_pem, transcript)
    }

    /// A client that connects to an origin directly.
    pub fn direct(address: SocketAddr, ca_pem: &str) -> Self {
        Self::by(Route::Direct(address), ca_pem, &Transcript::default())
    }

    fn by(route: Route, ca_pem: &str, transcript: &Transcript) -> Self {
        Self {
            route,
            roots: vec![ca_pem.to_owned()],
            transcript: transcript.clone(),
            alpn: vec!["http/1.1"],
            sni: Sni::Host,
            connect_authority: None,
            connect_headers: Vec::new(),
            cleartext: false,
            abrupt: false,
        }
    }

    /// Offers HTTP/2 inside the tunnel.
    pub fn http2(self) -> Self {
        self.alpn(&["h2"])
    }

    /// Offers these protocols inside the tunnel; none means no ALPN and HTTP/1.1.
    pub fn alpn(mut self, protocols: &[&'static str]) -> Self {
        self.alpn = protocols.to_vec();
        self
    }

    /// Sends another SNI, or none; the certificate must still fit the CONNECT authority.
    pub fn sni(mut self, name: Option<&str>) -> Self {
        self.sni = name.map_or(Sni::Absent, |name| Sni::Other(name.to_owned()));
        self
    }

    /// Sends this text in CONNECT, independent of the URL.
    pub fn connect_authority(mut self, text: &str) -> Self {
        self.connect_authority = Some(text.to_owned());
        self
    }

    /// Sends a field with CONNECT.
    pub fn connect_header(mut self, name: &str, value: &str) -> Self {
        self.connect_headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Speaks cleartext inside CONNECT.
    pub fn cleartext(mut self) -> Self {
        self.cleartext = true;
        self
    }

    /// Ends its TCP connections by a reset, as the end of a killed program may.
    pub fn abrupt(mut self) -> Self {
        self.abrupt = true;
        self
    }

    /// Trusts one more root, as for hosts that are not intercepted.
    pub fn trusting(mut self, ca_pem: &str) -> Self {
        self.roots.push(ca_pem.to_owned());
        self
    }

    /// Trusts this root and no other, as the client of a tunnel that must not be intercepted.
    pub fn trusting_only(mut self, ca_pem: &str) -> Self {
        self.roots = vec![ca_pem.to_owned()];
        self
    }

    /// A request; an `http://` URL goes as absolute-form, without CONNECT.
    pub fn request(&self, method: &str, url: &str) -> Request {
        Request::new(self.clone(), method, url)
    }

    /// A GET.
    pub fn get(&self, url: &str) -> Request {
        self.request("GET", url)
    }

    /// A tunnel for many requests, in sequence or, with HTTP/2, concurrent.
    pub async fn tunnel(&self, authority: &str) -> Result<Tunnel, ClientError> {
        let wire = if self.cleartext {
            self.raw_tunnel(authority).await?
        } else {
            self.raw_tls_tunnel(authority, self.sni.clone(), &self.alpn).await?
        };
        Tunnel::over(wire, &self.transcript, false).await
    }

    /// A connection for absolute-form requests, as `http://` URLs use it.
    pub async fn forward(&self) -> Result<Tunnel, ClientError> {
        let absolute = !matches!(self.route, Route::Direct(_));
        Tunnel::over(self.raw().await?, &self.transcript, absolute).await
    }

    /// A bare connection to the proxy.
    pub async fn raw(&self) -> Result<Wire, ClientError> {
        let recorder = self.transcript.recorder(Source::Client, "what the proxy's port sent");
        let connecting = async {
            Ok(match &self.route {
                Route::Proxy(address) | Route::Direct(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    if self.abrupt {
                        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                    }
                    Wire::new(stream, recorder)
                }
                Route::ProxySocket(path) => Wire::new(UnixStream::connect(path).await?, recorder),
            })
        };
        bounded("connecting to the proxy", connecting).await
    }

    /// The stream after CONNECT, before any byte is sent.
    pub async fn raw_tunnel(&self, authority: &str) -> Result<Wire, ClientError> {
        let mut wire = self.raw().await?;
        if matches!(self.route, Route::Direct(_)) {
            return Ok(wire);
        }
        let authority = self.connect_authority.as_deref().unwrap_or(authority);
        let connecting = async {
            let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
            for (name, value) in &self.connect_headers {
                head.extend([name, ": ", value, "\r\n"]);
            }
            head += "\r\n";
            wire.send(head).await?;
            connected(&mut wire).await
        };
        bounded("CONNECT", connecting).await?;
        Ok(wire)
    }

    /// The TLS stream inside a tunnel, for requests with exact bytes.
    pub async fn raw_tls_tunnel(&self, authority: &str, sni: Sni, alpn: &[&str]) -> Result<Wire, ClientError> {
        let wire = self.raw_tunnel(authority).await?;
        let roots = tls::roots(&self.roots).map_err(ClientError::Malformed)?;
        let forged = self.connect_authority.as_deref().map(host_of);
        // A forged authority may be no name; then the certificate is for the URL's host.
        let asked = tls::client(roots.clone(), host_of(authority), &sni, alpn);
        let settings = match forged {
            Some(host) => tls::client(roots, host, &sni, alpn).or(asked),
            None => asked,
        };
        let (config, name) = settings.map_err(ClientError::Malformed)?;
        let connecting = async {
            let connecting = TlsConnector::from(Arc::clone(&config)).connect(name, wire);
            connecting.await.map_err(ClientError::Tls)
        };
        let stream = bounded("the TLS handshake", connecting).await?;
        let session = &stream.get_ref().1;
        let owned = |chain: &[CertificateDer<'static>]| chain.to_vec();
        let facts = TlsFacts {
            alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            certificates: session.peer_certificates().map(owned).unwrap_or_default(),
            version: session.protocol_version(),
        };
        let recorder = self.transcript.recorder(Source::Client, format!("what came out of the tunnel to {authority}"));
        let mut wire = Wire::new(stream, recorder);
        wire.tls = Some(facts);
        Ok(wire)
    }

    pub(super) fn is_cleartext(&self) -> bool {
        self.cleartext
    }
}

async fn bounded<T>(what: &'static str, doing: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    timeout(CONNECT_WITHIN, doing).await.map_err(|_| ClientError::TimedOut(what))?
}
