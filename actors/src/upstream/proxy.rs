//! Tunnels through another HTTP proxy, such as a company's.
//!
//! The proxy sees the destinations and nothing else: the certificate is verified for the destination, inside the
//! proxy's tunnel. The proxy resolves names, so that only addresses known here can be judged.

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Method, Request};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::error::DialError;
use crate::upstream::settings::UpstreamProxy;
use crate::wire::prefixed::Prefixed;

/// Opens a tunnel to `target`, which is `host:port`. The proxy's own address is not judged: it was set by the
/// person who runs the daemon.
pub(super) async fn tunnel(proxy: &UpstreamProxy, target: &str) -> Result<Prefixed<TcpStream>, DialError> {
    let tcp = TcpStream::connect((proxy.host.as_str(), proxy.port)).await;
    let tcp = tcp.map_err(|error| DialError::new(format!("connecting to the upstream proxy: {error}")))?;
    tcp.set_nodelay(true).map_err(DialError::new)?;
    let failed = |error: hyper::Error| DialError::new(format!("upstream proxy: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(failed)?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.with_upgrades().await) }));
    let mut request = Request::builder().method(Method::CONNECT).uri(target).header(HOST, target);
    if let Some(authorization) = &proxy.authorization {
        request = request.header(PROXY_AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(DialError::new)?;
    let response = sender.send_request(request).await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(DialError::new(format!("the upstream proxy answered {} to CONNECT", response.status().as_u16())));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(failed)?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_| DialError::new("upstream proxy: no tunnel"))?;
    Ok(Prefixed::new(&parts.read_buf, parts.io.into_inner()))
}
