//! From a route to a verified connection: connect, TLS, HTTP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper_util::rt::{TokioIo, TokioTimer};
use policy::destination::host::{Destination, Host, Scheme};
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, Sender};
use super::connection_limit::{ConnectionPermit, PermitRequest};
use super::dialler::Dialler;
use super::error::DialError;
use super::proxy;
use super::read_after_close::ReadAfterClose;
use super::response_heads::{Awaited, ResponseHeads};
use super::route::{Offer, Route};
use super::words;
use crate::limits;
use crate::supervision::tasks::Tasks;
use crate::upstream::settings::UpstreamProxy;
use crate::wire::ByteStream;
use crate::wire::place::Noted;
use crate::wire::prefixed::Prefixed;

const NO_ADDRESS: &str = "the name has no address that may be dialled";

const NO_SUCH_NAME: &str = "TLS cannot verify a name whose label begins or ends with a hyphen; SECRET_PROXY_PASSTHROUGH \
                            lets the client connect by itself, without secrets";

/// A connection for a tunnel that is not intercepted.
#[derive(Debug)]
pub(crate) struct Passthrough {
    pub(crate) stream: Prefixed<TcpStream>,
    pub(crate) permit: ConnectionPermit,
}

/// Waits for a permit, connects to the first address that accepts, verifies the server, and starts HTTP.
pub(super) async fn dial(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    request: PermitRequest,
) -> Result<Connection, DialError> {
    let permit = request.granted().await?;
    if let Some(proxy) = &dialler.proxy {
        return dial_through(proxy, route, tls, dialler, permit).await;
    }
    let mut last = DialError::new(NO_ADDRESS);
    for address in &route.addresses {
        match timeout(limits::CONNECT_TIMEOUT, dial_one(route, *address, tls.clone(), dialler, permit.clone())).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => last = error,
            Err(_) => last = DialError::timed_out("connecting to the server, which may be behind a firewall,"),
        }
    }
    Err(last)
}

/// Waits for a permit and connects to the first address that accepts.
pub(super) async fn dial_passthrough(
    route: &Route,
    dialler: &Dialler,
    request: PermitRequest,
) -> Result<Passthrough, DialError> {
    let permit = request.granted().await?;
    if let Some(proxy) = &dialler.proxy {
        let stream = proxy::tunnel(proxy, &route.target()).await?;
        return Ok(Passthrough { stream, permit });
    }
    let mut last = DialError::new(NO_ADDRESS);
    for address in &route.addresses {
        match timeout(limits::CONNECT_TIMEOUT, connect(*address, dialler)).await {
            Ok(Ok(stream)) => return Ok(Passthrough { stream: Prefixed::new(b"", stream), permit }),
            Ok(Err(error)) => last = error,
            Err(_) => last = DialError::timed_out("connecting to the server, which may be behind a firewall,"),
        }
    }
    Err(last)
}

async fn dial_one(
    route: &Route,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    permit: ConnectionPermit,
) -> Result<Connection, DialError> {
    let tcp = ReadAfterClose::new(connect(address, dialler).await?);
    start(route, tls, tcp, dialler, permit).await
}

/// Dials in a tunnel through another proxy. Cleartext HTTP too: a request sent to the proxy itself would carry the
/// proxy's own credentials, and some responses show the client what was sent.
async fn dial_through(
    proxy: &UpstreamProxy,
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    permit: ConnectionPermit,
) -> Result<Connection, DialError> {
    let stream = ReadAfterClose::new(proxy::tunnel(proxy, &route.target()).await?);
    start(route, tls, stream, dialler, permit).await
}

/// Starts HTTP, over cleartext only if the destination's scheme is http.
async fn start<S: ByteStream>(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    stream: S,
    dialler: &Dialler,
    permit: ConnectionPermit,
) -> Result<Connection, DialError> {
    let (stream, used_by) = (Noted::new(stream, permit.place().clone()), permit.clone());
    let sender = match (route.destination.scheme, tls) {
        (Scheme::Https, Some(tls)) => start_tls(&route.destination, tls, stream, permit).await?,
        (Scheme::Https, None) => return Err(DialError::new("there are no TLS settings")),
        // The client uses HTTP/2 in cleartext because it knows that the server does (RFC 9113, section 3.3).
        (Scheme::Http, _) if route.offer == Offer::Http2 => start_http2(stream, permit).await?,
        (Scheme::Http, _) => start_http1(stream, permit).await?,
    };
    Connection::new(route.destination.clone(), sender, dialler.wipes.clone(), used_by).map_err(DialError::new)
}

/// Opens a TCP connection, whose address is judged again now that both ends are known.
async fn connect(address: SocketAddr, dialler: &Dialler) -> Result<TcpStream, DialError> {
    let tcp = TcpStream::connect(address).await.map_err(|error| DialError::new(words::connecting(&error)))?;
    let ends = tcp.local_addr().and_then(|local| Ok((local, tcp.peer_addr()?)));
    let (local, peer) = ends.map_err(DialError::new)?;
    dialler.reach.judge_connected(local, peer).map_err(DialError::new)?;
    // Without it, small writes wait up to 40 ms for an acknowledgement.
    tcp.set_nodelay(true).map_err(DialError::new)?;
    Ok(tcp)
}

/// Verifies the server, then starts the HTTP version that it chose.
async fn start_tls<S: ByteStream>(
    destination: &Destination,
    tls: Arc<ClientConfig>,
    tcp: S,
    permit: ConnectionPermit,
) -> Result<Sender, DialError> {
    let stream = TlsConnector::from(tls).connect(server_name(destination)?, tcp).await;
    let stream = stream.map_err(|error| DialError::new(words::tls(&error)))?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => start_http2(stream, permit).await,
        _ => start_http1(stream, permit).await,
    }
}

fn server_name(destination: &Destination) -> Result<ServerName<'static>, DialError> {
    match &destination.host {
        Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| DialError::new(NO_SUCH_NAME)),
        Host::Ip(IpAddr::V4(ip)) => Ok(ServerName::from(IpAddr::V4(*ip))),
        Host::Ip(IpAddr::V6(ip)) => Ok(ServerName::from(IpAddr::V6(*ip))),
    }
}

/// Whether the server closed because HTTP/2 was not offered.
pub(super) fn wants_http2(error: &DialError) -> bool {
    let alert = format!("{:?}", AlertDescription::NoApplicationProtocol);
    error.reason.contains(&alert)
}

async fn start_http1<S: ByteStream>(stream: S, permit: ConnectionPermit) -> Result<Sender, DialError> {
    let awaited = Awaited::default();
    let handshake = hyper::client::conn::http1::Builder::new()
        .max_headers(limits::HEAD_FIELDS_MAX)
        .max_buf_size(limits::UPSTREAM_BUFFER_BYTES)
        // A proxy removes both from a response (RFC 9112, sections 5.1 and 5.2).
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .handshake(TokioIo::new(ResponseHeads::new(stream, awaited.clone())))
        .await;
    let (sender, connection) = handshake.map_err(DialError::new)?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        let _permit = permit;
        // Its errors reach the exchange through the sender and the body.
        let _ = connection.with_upgrades().await;
    }));
    Ok(Sender::Http1 { sender, awaited, driver })
}

async fn start_http2<S: ByteStream>(stream: S, permit: ConnectionPermit) -> Result<Sender, DialError> {
    let (tasks, guard) = Tasks::guarded();
    let handshake = hyper::client::conn::http2::Builder::new(tasks)
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::H2_STREAM_WINDOW)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
        .max_frame_size(limits::H2_UPSTREAM_FRAME_BYTES)
        .max_send_buf_size(limits::H2_SEND_BUFFER)
        .max_header_list_size(limits::H2_RESPONSE_HEAD_BYTES)
        .keep_alive_interval(limits::H2_PING_EVERY)
        .keep_alive_timeout(limits::H2_PING_TIMEOUT)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(DialError::new)?;
    let driver = Arc::new(AbortOnDropHandle::new(tokio::spawn(async move {
        let (_guard, _permit) = (guard, permit);
        let _ = connection.await;
    })));
    Ok(Sender::Http2 { sender, driver })
}
