//! From a destination to a verified connection: resolve, judge the addresses, connect, TLS.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use hyper_util::rt::{TokioIo, TokioTimer};
use policy::allowlist::Allowlist;
use policy::host::{Destination, Host, Scheme};
use policy::reach::Reach;
use policy::refusal::Refusal;
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, Sender, Wipes};
use crate::limits;
use crate::settings::Resolve;
use crate::tasks::Tasks;

const NO_ADDRESS: &str = "the name has no address that may be dialled";

/// What dialling needs besides a route.
#[derive(Clone, Debug)]
pub(crate) struct Dialler {
    pub(crate) reach: Arc<Reach>,
    /// Places for upstream connections: each takes a descriptor, and reading the secrets needs one too.
    pub(crate) connections: Arc<Semaphore>,
    /// Places for look-ups.
    pub(crate) lookups: Arc<Semaphore>,
    pub(crate) wipes: Wipes,
    /// Where some secret may go.
    pub(crate) listed: watch::Receiver<Option<Arc<Allowlist>>>,
}

/// Which HTTP versions a request can travel by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Offer {
    /// HTTP/1.1 alone: the client speaks it, or wants an upgrade.
    Http1,
    /// HTTP/2, or HTTP/1.1 if the server has nothing else.
    Http2,
    /// Bytes, whatever they mean.
    Bytes,
}

/// A connection whose bytes are not looked at.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

/// Where a destination is reached, once the addresses were judged.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(super) destination: Destination,
    pub(super) offer: Offer,
    pub(super) addresses: Vec<SocketAddr>,
}

/// Why there is no route.
#[derive(Clone, Debug)]
pub(crate) enum NoRoute {
    /// The address may not be dialled.
    Denied(Refusal),
    /// The name has no address.
    Unresolved(String),
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

    fn timed_out(what: &str) -> Self {
        Self { timed_out: true, reason: format!("{what} took too long") }
    }
}

/// Looks a destination up and judges every address. Those that may not be dialled are left out.
pub(super) async fn resolve(
    destination: &Destination,
    overrides: &[Resolve],
    dialler: &Dialler,
) -> Result<Vec<SocketAddr>, NoRoute> {
    let found = match (fixed(destination, overrides), &destination.host) {
        (Some(address), _) => vec![address],
        (None, Host::Ip(ip)) => vec![SocketAddr::new(*ip, destination.port)],
        (None, Host::Name(name)) => look_up(name, destination.port, dialler.lookups.clone()).await?,
    };
    let listed = dialler.listed.borrow().as_ref().is_some_and(|listed| listed.allows(destination));
    let mut denied = None;
    let mut allowed = Vec::new();
    for address in found {
        match dialler.reach.judge(address, listed) {
            Ok(()) => allowed.push(address),
            Err(why) => denied = denied.or(Some((address.ip(), why))),
        }
    }
    allowed.truncate(limits::ADDRESSES_MAX);
    match denied {
        Some((ip, why)) if allowed.is_empty() => Err(NoRoute::Denied(Refusal::Address(destination.clone(), ip, why))),
        _ => Ok(allowed),
    }
}

fn fixed(destination: &Destination, overrides: &[Resolve]) -> Option<SocketAddr> {
    let found = overrides.iter().find(|entry| entry.host == destination.host && entry.port == destination.port)?;
    Some(SocketAddr::new(found.address, found.dialled_port.unwrap_or(found.port)))
}

/// Asks the system's resolver, on a thread: it cannot be called off, so its place is taken until it ends.
async fn look_up(name: &str, port: u16, lookups: Arc<Semaphore>) -> Result<Vec<SocketAddr>, NoRoute> {
    let unresolved = |reason: String| NoRoute::Unresolved(format!("{name} could not be looked up: {reason}"));
    let owned = name.to_owned();
    let asked = timeout(limits::RESOLVE, async move {
        let place = lookups.acquire_owned().await.map_err(io::Error::other)?;
        let ask = move || {
            let _place = place;
            (owned.as_str(), port).to_socket_addrs().map(Iterator::collect)
        };
        spawn_blocking(ask).await.map_err(io::Error::other)?
    });
    match asked.await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(unresolved(error.to_string())),
        Err(_) => Err(unresolved("it took too long".to_owned())),
    }
}

/// Connects to the first address that takes us, verifies the server, and starts HTTP.
pub(super) async fn dial(
    route: &Route,
    tls: Option<Arc<ClientConfig>>,
    dialler: &Dialler,
) -> Result<Connection, DialError> {
    let mut last = DialError::new(NO_ADDRESS);
    for address in &route.addresses {
        match timeout(limits::CONNECT, dial_one(route, *address, tls.clone(), dialler)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => last = error,
            Err(_) => last = DialError::timed_out("connecting"),
        }
    }
    Err(last)
}

/// Connects to the first address that takes us, and no more.
pub(super) async fn pass(route: &Route, dialler: &Dialler) -> Result<Passage, DialError> {
    let mut last = DialError::new(NO_ADDRESS);
    for address in &route.addresses {
        match timeout(limits::CONNECT, connect(*address, dialler)).await {
            Ok(Ok((stream, place))) => return Ok(Passage { stream, _place: place }),
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
) -> Result<Connection, DialError> {
    let (tcp, place) = connect(address, dialler).await?;
    let sender = match tls.filter(|_| route.destination.scheme == Scheme::Https) {
        Some(tls) => start_tls(&route.destination, tls, tcp, place).await?,
        None => start_http1(tcp, place).await?,
    };
    Ok(Connection::new(route.destination.clone(), sender, dialler.wipes.clone()))
}

/// A TCP connection, judged once more now that both ends are known.
async fn connect(address: SocketAddr, dialler: &Dialler) -> Result<(TcpStream, OwnedSemaphorePermit), DialError> {
    let place = dialler.connections.clone().acquire_owned().await.map_err(DialError::new)?;
    let tcp = TcpStream::connect(address).await.map_err(|error| DialError::new(format!("connecting: {error}")))?;
    let ends = tcp.local_addr().and_then(|local| Ok((local, tcp.peer_addr()?)));
    let (local, peer) = ends.map_err(DialError::new)?;
    dialler.reach.judge_connected(local, peer).map_err(DialError::new)?;
    // Without it, small writes wait up to 40 ms for an acknowledgement.
    tcp.set_nodelay(true).map_err(DialError::new)?;
    Ok((tcp, place))
}

/// Verifies the server, then speaks the version that it chose.
async fn start_tls(
    destination: &Destination,
    tls: Arc<ClientConfig>,
    tcp: TcpStream,
    place: OwnedSemaphorePermit,
) -> Result<Sender, DialError> {
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

async fn start_http1<S>(stream: S, place: OwnedSemaphorePermit) -> Result<Sender, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::Builder::new()
        .max_headers(limits::HEAD_FIELDS_MAX * 2)
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

async fn start_http2<S>(stream: S, place: OwnedSemaphorePermit) -> Result<Sender, DialError>
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: &str, address: &str) -> Resolve {
        let host = Host::parse(host).expect("a host");
        Resolve { host, port: 443, address: address.parse().expect("an address"), dialled_port: Some(8443) }
    }

    async fn resolved(target: &str, overrides: &[Resolve]) -> Result<Vec<String>, String> {
        let destination = Destination::from_connect(target).expect("a destination");
        let dialler = Dialler {
            reach: Arc::default(),
            connections: Arc::new(Semaphore::new(1)),
            lookups: Arc::new(Semaphore::new(1)),
            wipes: Wipes::default(),
            listed: watch::Sender::default().subscribe(),
        };
        match resolve(&destination, overrides, &dialler).await {
            Ok(addresses) => Ok(addresses.iter().map(ToString::to_string).collect()),
            Err(NoRoute::Denied(refusal)) => Err(refusal.to_string()),
            Err(NoRoute::Unresolved(reason)) => Err(reason),
        }
    }

    #[tokio::test]
    async fn an_override_answers_for_its_own_host_and_port_alone() {
        let overrides = [entry("api.example", "192.168.7.7"), entry("local.example", "127.0.0.1")];
        assert_eq!(resolved("api.example:443", &overrides).await, Ok(vec!["192.168.7.7:8443".to_owned()]));
        let denied = "Address 127.0.0.1 of 'local.example' may not be dialled: it is a loopback address";
        assert_eq!(resolved("local.example:443", &overrides).await, Err(denied.to_owned()));
    }

    #[tokio::test]
    async fn literals_and_local_names_are_judged_too() {
        for target in ["127.0.0.1:443", "[::1]:443", "[::ffff:127.0.0.1]:443", "169.254.169.254:80", "localhost:443"] {
            let refused = resolved(target, &[]).await.expect_err("denied");
            assert!(refused.contains("may not be dialled"), "{target}: {refused}");
        }
        assert_eq!(resolved("192.168.7.7:443", &[]).await, Ok(vec!["192.168.7.7:443".to_owned()]));
    }
}
