//! An HTTPS server inside this process, which records the requests it receives.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::SandboxError;

/// Of each request the request line, and the header with the secret.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, request: &Request<Incoming>) {
        let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok()).unwrap_or("none");
        let line = format!("{} {}  x-api-key: {key}", request.method(), request.uri().path());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// A running server. It ends when it is dropped.
pub(crate) struct Origin {
    pub(crate) port: u16,
    pub(crate) received: Received,
    _serving: JoinSet<()>,
}

/// A throw-away authority for the servers, in PEM, and a server's settings for each name.
pub(crate) struct ServerCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl ServerCa {
    pub(crate) fn new() -> Result<Self, SandboxError> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn server(&self, name: &str) -> Result<ServerConfig, SandboxError> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(actors::provider()).with_safe_default_protocol_versions()?;
        Ok(builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?)
    }
}

impl Origin {
    /// Starts a server with a certificate for `name`.
    pub(crate) async fn start(ca: &ServerCa, name: &str) -> Result<Self, SandboxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let acceptor = TlsAcceptor::from(Arc::new(ca.server(name)?));
        let received = Received::default();
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, acceptor, received.clone()));
        Ok(Self { port, received, _serving: serving })
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, received: Received) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, acceptor.clone(), received.clone()));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, received: Received) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(|request: Request<Incoming>| {
        received.push(&request);
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello from the server\n")))) }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
