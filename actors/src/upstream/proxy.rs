//! Tunnels through another HTTP proxy, such as a company's.
//!
//! The proxy sees the destinations and nothing else: the certificate is verified for the destination, inside the
//! proxy's tunnel. The proxy resolves names, so that only addresses known here can be judged.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use httparse::{EMPTY_HEADER, Response, Status};
use policy::destination::host::{Destination, Host, Scheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::dialler::Dialler;
use super::error::DialError;
use super::race::{interleave, race};
use super::tcp::Tcp;
use crate::limits;
use crate::upstream::settings::UpstreamProxy;
use crate::wire::prefixed::Prefixed;

/// Opens a tunnel to `target`, which is `host:port`. The proxy's own address is not judged: it was set by the
/// person who runs the daemon.
pub(super) async fn tunnel(proxy: &UpstreamProxy, target: &str, dialler: &Dialler) -> Result<Prefixed<Tcp>, DialError> {
    let failed = |error| DialError::new(format!("upstream proxy: {error}"));
    let mut tcp = connect(proxy, dialler).await?;
    tcp.write_all(&request(proxy, target)).await.map_err(failed)?;
    let mut read = Vec::new();
    loop {
        match answer(&read).map_err(|error| DialError::new(format!("upstream proxy: {error}")))? {
            // Any of them means that the tunnel is open (RFC 9110, section 9.3.6).
            Some((200..=299, length)) => return Ok(Prefixed::new(read.get(length..).unwrap_or_default(), tcp)),
            // An interim response: the answer follows.
            Some((100..=199, length)) => drop(read.drain(..length)),
            Some((status, _)) => {
                return Err(DialError::new(format!("the upstream proxy answered {status} to CONNECT")));
            }
            None if read.len() > limits::HEAD_BYTES_MAX => {
                return Err(DialError::new("upstream proxy: the head of its answer is too large"));
            }
            None if tcp.read_buf(&mut read).await.map_err(failed)? == 0 => {
                return Err(DialError::new("upstream proxy: it closed the connection before it answered CONNECT"));
            }
            None => {}
        }
    }
}

/// Connects to the proxy by the first of its addresses that accepts.
async fn connect(proxy: &UpstreamProxy, dialler: &Dialler) -> Result<Tcp, DialError> {
    let failed = |error: String| DialError::new(format!("the upstream proxy: {error}"));
    let host = Host::parse(&proxy.host).map_err(|error| failed(error.to_string()))?;
    let found: Vec<IpAddr> = match &host {
        Host::Ip(ip) => vec![*ip],
        Host::Name(name) => dialler.lookups.look_up(name, true).await.map_err(failed)?,
    };
    let destination = Destination { scheme: Scheme::Http, host, port: proxy.port };
    let addresses = interleave(found.into_iter().map(|ip| SocketAddr::new(ip, proxy.port)).collect());
    let addresses = dialler.worked.first(&destination, addresses, Instant::now());
    let connecting =
        race(&addresses, async |address| TcpStream::connect(address).await.map_err(|error| DialError::connect(&error)));
    let (address, tcp) =
        connecting.await.map_err(|error| DialError { reason: failed(error.reason).reason, ..error })?;
    dialler.worked.note(&destination, address, Instant::now());
    Tcp::new(tcp).map_err(DialError::new)
}

/// The head of a CONNECT. It may hold the proxy's password.
fn request(proxy: &UpstreamProxy, target: &str) -> Zeroizing<Vec<u8>> {
    let mut head = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes());
    if let Some(authorization) = &proxy.authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(authorization.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The status of an answer and the length of its head, once all of it is there.
fn answer(read: &[u8]) -> Result<Option<(u16, usize)>, httparse::Error> {
    let mut fields = [EMPTY_HEADER; limits::HEAD_FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    Ok(match response.parse(read)? {
        Status::Complete(length) => response.code.map(|code| (code, length)),
        Status::Partial => None,
    })
}
