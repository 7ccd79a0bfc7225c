//! The HTTPS server behind the proxies. It answers 401 to every request without the real key.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::net::TcpListener;

use crate::Broken;
use crate::payload::{Events, Zeros};
use crate::serve::serve;
use crate::tls::{Ca, provider};

/// The placeholder in requests.
pub const PLACEHOLDER: &str = "{{BENCH_KEY}}";
/// The value that must arrive.
pub const KEY: &str = "sk-bench-0123456789abcdef0123456789abcdef";
/// The header of the placeholder.
pub const KEY_HEADER: &str = "x-api-key";
/// The length of each large body.
pub const LARGE: usize = 32 * 1024 * 1024;

/// Starts the server, which runs as long as the process. Returns its address and the certificate of its CA.
///
/// # Errors
/// No port could be bound.
pub async fn start(names: &[&str], classic: bool) -> Result<(SocketAddr, String), Broken> {
    let ca = Ca::new("bench origin")?;
    let tls = ca.server(names, provider(classic))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(accept(listener, tls));
    Ok((address, ca.pem()))
}

async fn accept(listener: TcpListener, tls: Arc<ServerConfig>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, tls.clone(), answer));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Either<Zeros, Events>>, Broken> {
    let path = request.uri().path().to_owned();
    let is_right = request.headers().get(KEY_HEADER).is_some_and(|key| key == KEY);
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    let answer = match path.as_str() {
        "/down" => Either::Left(Zeros::new(LARGE)),
        "/events" => Either::Right(Events::new()),
        _ => Either::Left(Zeros::new(256)),
    };
    let mut response = Response::new(answer);
    if !is_right {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}
