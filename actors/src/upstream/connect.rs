//! From a route to a verified connection: connect, TLS, HTTP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use hyper_util::rt::{TokioIo, TokioTimer};
use policy::destination::host::{Destination, Host, Scheme};
use policy::destination::reach::Reach;
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, Sender};
use super::connection_limit::{ConnectionPermit, PermitRequest};
use super::dialler::Dialler;
use super::error::{DialCause, DialError};
use super::proxy;
use super::race::race;
use super::read_after_close::ReadAfterClose;
use super::response_heads::{Awaited, ResponseHeads};
use super::route::{Offer, Route};
use super::stream_limit::StreamLimit;
use super::tcp::Tcp;
use crate::limits;
use crate::supervision::tasks::Tasks;
use crate::upstream::settings::UpstreamProxy;
use crate::wire::ByteStream;
use crate::wire::meter::{Frames, Meter};
use crate::wire::place::Noted;
use crate::wire::prefixed::Prefixed;
use crate::wire::turn::{Turn, Turns};

const NO_ADDRESS: &str = "the name has no address that may be dialled";

const NO_SUCH_NAME: &str = "TLS cannot verify a name whose label begins or ends with a hyphen; SECRET_PROXY_PASSTHROUGH \
                            lets the client connect by itself, without secrets";

/// A connection for a tunnel that is not intercepted.
#[derive(Debug)]
pub(crate) struct Passthrough {
    pub(crate) stream: Prefixed<Tcp>,
    pub(crate) permit: ConnectionPermit,
}

/// Waits for a permit, connects to the first address that accepts, verifies the server, and starts HTTP. If that fails,
/// the other addresses are tried.
pub(super) async fn dial(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    request: PermitRequest,
) -> Result<Connection, DialError> {
    let permit = request.granted().await?;
    if let Some(proxy) = dialler.proxy.as_deref().filter(|_| route.by_proxy) {
        return dial_through(proxy, route, tls, dialler, permit).await;
    }
    let mut addresses = dialler.worked.first(&route.destination, route.addresses.clone(), Instant::now());
    let mut failed = None;
    for _ in 0..limits::HANDSHAKES_TRIED_MAX {
        let raced = race(&addresses, |address| connect(address, dialler.reach.clone())).await;
        // The failure of a server that was connected to says more.
        let (address, tcp) = raced.map_err(|error| failed.take().unwrap_or(error))?;
        addresses.retain(|other| *other != address);
        let limit = if addresses.is_empty() { limits::CONNECT_TIMEOUT } else { limits::HANDSHAKE_PATIENCE };
        let path = tcp.path();
        let starting = start(route, tls.clone(), ReadAfterClose::new(tcp), dialler, permit.clone());
        match timeout(limit, starting).await.unwrap_or_else(|_| Err(DialError::timed_out("the TLS handshake"))) {
            Ok(mut connection) => {
                connection.path = path;
                dialler.worked.note(&route.destination, address, Instant::now());
                return Ok(connection);
            }
            Err(error) if addresses.is_empty() || wants_http2(&error) => return Err(error),
            Err(error) => failed = Some(error),
        }
        dialler.worked.forget(&route.destination);
    }
    Err(failed.unwrap_or_else(|| DialError::new(NO_ADDRESS)))
}

/// Waits for a permit and connects to the first address that accepts.
pub(super) async fn dial_passthrough(
    route: &Route,
    dialler: &Dialler,
    request: PermitRequest,
) -> Result<Passthrough, DialError> {
    let permit = request.granted().await?;
    if let Some(proxy) = dialler.proxy.as_deref().filter(|_| route.by_proxy) {
        let stream = proxy::tunnel(proxy, &route.target(), dialler).await?;
        return Ok(Passthrough { stream, permit });
    }
    let addresses = dialler.worked.first(&route.destination, route.addresses.clone(), Instant::now());
    let (address, stream) = race(&addresses, |address| connect(address, dialler.reach.clone())).await?;
    dialler.worked.note(&route.destination, address, Instant::now());
    Ok(Passthrough { stream: Prefixed::new(b"", stream), permit })
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
    let stream = ReadAfterClose::new(proxy::tunnel(proxy, &route.target(), dialler).await?);
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
        (Scheme::Http, _) if route.need.offer == Offer::Http2 => start_http2(stream, permit).await?,
        (Scheme::Http, _) => start_http1(stream, permit).await?,
    };
    Connection::new(route.client, route.destination.clone(), sender, dialler.wipes.clone(), used_by)
        .map_err(DialError::new)
}

/// Opens a TCP connection, whose address is judged again now that both ends are known.
async fn connect(address: SocketAddr, reach: Arc<Reach>) -> Result<Tcp, DialError> {
    let tcp = TcpStream::connect(address).await.map_err(|error| DialError::connect(&error))?;
    let ends = tcp.local_addr().and_then(|local| Ok((local, tcp.peer_addr()?)));
    let (local, peer) = ends.map_err(DialError::new)?;
    reach.judge_connected(local, peer).map_err(DialError::new)?;
    Tcp::new(tcp).map_err(DialError::new)
}

/// Verifies the server, then starts the HTTP version that it chose.
async fn start_tls<S: ByteStream>(
    destination: &Destination,
    tls: Arc<ClientConfig>,
    tcp: S,
    permit: ConnectionPermit,
) -> Result<Sender, DialError> {
    let stream = TlsConnector::from(tls).connect(server_name(destination)?, tcp).await;
    let stream = stream.map_err(|error| DialError::tls(&error))?;
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
    error.cause == DialCause::Tls(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol))
}

async fn start_http1<S: ByteStream>(stream: S, permit: ConnectionPermit) -> Result<Sender, DialError> {
    let (turn, awaited) = (Turn::default(), Awaited::default());
    let stream = turn.bound(stream, Meter::Bytes);
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
        let _ = turn.drive(connection.with_upgrades()).await;
    }));
    Ok(Sender::Http1 { sender, awaited, driver })
}

async fn start_http2<S: ByteStream>(stream: S, permit: ConnectionPermit) -> Result<Sender, DialError> {
    let ((executor, guard), turn) = (Tasks::guarded(), Turn::default());
    let stream = turn.bound(stream, Meter::Frames(Frames::of_server()));
    let handshake = hyper::client::conn::http2::Builder::new(Turns { turn, executor })
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::H2_STREAM_WINDOW)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
        .max_frame_size(limits::H2_UPSTREAM_FRAME_BYTES)
        .max_send_buf_size(limits::H2_SEND_BUFFER)
        .max_header_list_size(limits::H2_RESPONSE_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(DialError::new)?;
    let (limit, connection) = StreamLimit::of(connection);
    let driver = Arc::new(AbortOnDropHandle::new(tokio::spawn(async move {
        let (_guard, _permit) = (guard, permit);
        let _ = connection.await;
    })));
    Ok(Sender::Http2 { sender, driver, limit })
}
