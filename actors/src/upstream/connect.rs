//! From a route to a verified connection: connect, TLS, HTTP.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper_util::rt::{TokioIo, TokioTimer};
use policy::destination::allowlist::Allowlist;
use policy::destination::host::{Destination, Host, Scheme};
use policy::destination::reach::Reach;
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, Sender, Wipes};
use super::connection_limit::{Asked, Place, Places};
use super::proxy;
use super::read_after_close::LastWord;
use super::route::Route;
use crate::limits;
use crate::settings::UpstreamProxy;
use crate::supervision::tasks::Tasks;
use crate::wire::prefixed::Prefixed;

const NO_ADDRESS: &str = "the name has no address that may be dialled";

/// What dialling needs besides a route.
#[derive(Clone, Debug)]
pub(crate) struct Dialler {
    pub(crate) reach: Arc<Reach>,
    /// Places for connections.
    pub(crate) places: Arc<Places>,
    /// Places for look-ups.
    pub(crate) lookups: Arc<Semaphore>,
    pub(crate) wipes: Wipes,
    /// Another proxy that all of it goes through.
    pub(crate) proxy: Option<Arc<UpstreamProxy>>,
    /// Where some secret may go.
    pub(crate) listed: watch::Receiver<Option<Arc<Allowlist>>>,
}

/// A connection whose bytes are not looked at.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) stream: Prefixed<TcpStream>,
    /// Its place among the upstream connections.
    pub(crate) place: Place,
}

/// Why there is no connection. The text is for the host's eyes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DialError {
    /// Whether time ran out.
    pub(crate) timed_out: bool,
    /// What happened.
    pub(crate) reason: String,
}

impl DialError {
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self { timed_out: false, reason: reason.to_string() }
    }

    pub(super) fn timed_out(what: &str) -> Self {
        Self { timed_out: true, reason: format!("{what} took too long") }
    }
}

/// Waits for its place, connects to the first address that takes us, verifies the server, and starts HTTP.
pub(super) async fn dial(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    asked: Asked,
) -> Result<Connection, DialError> {
    let place = asked.get().await?;
    if let Some(proxy) = &dialler.proxy {
        return dial_through(proxy, route, tls, dialler, place).await;
    }
    let mut last = DialError::new(NO_ADDRESS);
    for address in &route.addresses {
        match timeout(limits::CONNECT, dial_one(route, *address, tls.clone(), dialler, place.clone())).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => last = error,
            Err(_) => last = DialError::timed_out("connecting"),
        }
    }
    Err(last)
}

/// Connects to the first address that takes us, and no more.
pub(super) async fn pass(route: &Route, dialler: &Dialler, asked: Asked) -> Result<Passage, DialError> {
    let place = asked.get().await?;
    if let Some(proxy) = &dialler.proxy {
        let stream = proxy::tunnel(proxy, &route.target()).await?;
        return Ok(Passage { stream, place });
    }
    let mut last = DialError::new(NO_ADDRESS);
    for address in &route.addresses {
        match timeout(limits::CONNECT, connect(*address, dialler)).await {
            Ok(Ok(stream)) => return Ok(Passage { stream: Prefixed::new(b"", stream), place }),
            Ok(Err(error)) => last = error,
            Err(_) => last = DialError::timed_out("connecting"),
        }
    }
    Err(last)
}

async fn dial_one(
    route: &Route,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    place: Place,
) -> Result<Connection, DialError> {
    let tcp = LastWord::new(connect(address, dialler).await?);
    start(route, tls, tcp, dialler, place).await
}

/// The same in a tunnel of another proxy. Cleartext, too: a request that is handed to a proxy would carry
/// the proxy's own credentials, and some answers show the client what was sent.
async fn dial_through(
    proxy: &UpstreamProxy,
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
    place: Place,
) -> Result<Connection, DialError> {
    let stream = LastWord::new(proxy::tunnel(proxy, &route.target()).await?);
    start(route, tls, stream, dialler, place).await
}

/// Cleartext only where the destination is.
async fn start<S>(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    stream: S,
    dialler: &Dialler,
    place: Place,
) -> Result<Connection, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let sender = match (route.destination.scheme, tls) {
        (Scheme::Https, Some(tls)) => start_tls(&route.destination, tls, stream, place).await?,
        (Scheme::Https, None) => return Err(DialError::new("there are no TLS settings")),
        (Scheme::Http, _) => start_http1(stream, place).await?,
    };
    Connection::new(route.destination.clone(), sender, dialler.wipes.clone()).map_err(DialError::new)
}

/// A TCP connection, judged once more now that both ends are known.
async fn connect(address: SocketAddr, dialler: &Dialler) -> Result<TcpStream, DialError> {
    let tcp = TcpStream::connect(address).await.map_err(|error| DialError::new(format!("connecting: {error}")))?;
    let ends = tcp.local_addr().and_then(|local| Ok((local, tcp.peer_addr()?)));
    let (local, peer) = ends.map_err(DialError::new)?;
    dialler.reach.judge_connected(local, peer).map_err(DialError::new)?;
    // Without it, small writes wait up to 40 ms for an acknowledgement.
    tcp.set_nodelay(true).map_err(DialError::new)?;
    Ok(tcp)
}

/// Verifies the server, then speaks the version that it chose.
async fn start_tls<S>(
    destination: &Destination,
    tls: Arc<ClientConfig>,
    tcp: S,
    place: Place,
) -> Result<Sender, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TlsConnector::from(tls).connect(server_name(destination)?, tcp).await;
    let stream = stream.map_err(|error| DialError::new(format!("TLS: {error}")))?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => start_http2(stream, place).await,
        _ => start_http1(stream, place).await,
    }
}

fn server_name(destination: &Destination) -> Result<ServerName<'static>, DialError> {
    match &destination.host {
        Host::Name(name) => ServerName::try_from(name.to_string()).map_err(DialError::new),
        Host::Ip(IpAddr::V4(ip)) => Ok(ServerName::from(IpAddr::V4(*ip))),
        Host::Ip(IpAddr::V6(ip)) => Ok(ServerName::from(IpAddr::V6(*ip))),
    }
}

/// Whether the server would have spoken, had we offered HTTP/2.
pub(super) fn wants_http2(error: &DialError) -> bool {
    let alert = format!("{:?}", AlertDescription::NoApplicationProtocol);
    error.reason.contains(&alert)
}

async fn start_http1<S>(stream: S, place: Place) -> Result<Sender, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::Builder::new()
        .max_headers(limits::HEAD_FIELDS_MAX)
        .max_buf_size(limits::UPSTREAM_BUFFER)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(DialError::new)?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        let _place = place;
        // Its errors reach the exchange through the sender and the body.
        let _ = connection.with_upgrades().await;
    }));
    Ok(Sender::Http1 { sender, _driver: driver })
}

async fn start_http2<S>(stream: S, place: Place) -> Result<Sender, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (tasks, guard) = Tasks::guarded();
    let handshake = hyper::client::conn::http2::Builder::new(tasks)
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::H2_STREAM_WINDOW)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
        .max_frame_size(limits::H2_FRAME_BYTES)
        .max_send_buf_size(limits::H2_SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(limits::H2_PING)
        .keep_alive_timeout(limits::H2_PING_ANSWER)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = handshake.map_err(DialError::new)?;
    let driver = Arc::new(AbortOnDropHandle::new(tokio::spawn(async move {
        let (_guard, _place) = (guard, place);
        let _ = connection.await;
    })));
    Ok(Sender::Http2 { sender, driver })
}
