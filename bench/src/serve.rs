//! HTTP over TLS, in the negotiated version.

use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::Broken;
use crate::tls::Http;

/// Serves one connection until it ends.
///
/// # Errors
/// The client violated TLS or HTTP, or disconnected.
pub async fn serve<F, R, B>(stream: TcpStream, tls: Arc<ServerConfig>, answer: F) -> Result<(), Broken>
where
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Response<B>, Broken>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Broken>,
{
    stream.set_nodelay(true)?;
    let stream = TlsAcceptor::from(tls).accept(stream).await?;
    match Http::agreed(stream.get_ref().1.alpn_protocol()) {
        Http::One => http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await?,
        Http::Two => {
            let builder = http2::Builder::new(TokioExecutor::new());
            builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await?;
        }
    }
    Ok(())
}
