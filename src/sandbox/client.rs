//! The client in the sandbox: sends one request through the proxy, as a program in a VM would.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::SandboxError;

/// The response.
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) id: Option<String>,
    pub(crate) body: String,
}

/// Sends `GET https://HOST/PATH` with a header, through the proxy, trusting its CA alone.
pub(crate) async fn get(proxy: &str, ca_pem: &[u8], host: &str, path: &str, key: &str) -> Result<Answer, SandboxError> {
    let mut connections = JoinSet::new();
    let stream = TcpStream::connect(proxy).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    connections.spawn(async move { drop(connection.with_upgrades().await) });
    let connect = Request::connect(format!("{host}:443")).body(Empty::<Bytes>::new())?;
    let tunnel = hyper::upgrade::on(sender.send_request(connect).await?).await?;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem).map_err(|_| "the CA is not PEM")?)?;
    let builder = ClientConfig::builder_with_provider(actors::provider()).with_safe_default_protocol_versions()?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, TokioIo::new(tunnel)).await?;

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
    connections.spawn(async move { drop(connection.await) });
    let request = Request::get(path).header("host", host).header("x-api-key", key).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let id = response.headers().get("x-secret-proxy-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let status = response.status().to_string();
    let body = String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()).into_owned();
    Ok(Answer { status, id, body })
}
