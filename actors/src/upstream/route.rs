//! The route to a destination: its addresses, each judged.
//!
//! `limits.rs` has the bounds of lookups: `RESOLVE_TIMEOUT`, `LOOKUPS_MAX` and `ADDRESSES_MAX`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use policy::destination::host::{Destination, Host};
use policy::verdict::refusal::Refusal;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::debug;

use super::client::ClientId;
use super::dialler::Dialler;
use super::error::NoRoute;
use crate::limits;
use crate::upstream::settings::Resolve;

/// The HTTP versions that a request can be sent in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Offer {
    /// HTTP/1.1 alone: the client uses it, or asks for an upgrade.
    Http1,
    /// HTTP/2, or HTTP/1.1 if the server has no HTTP/2.
    Http2,
    /// None: the tunnel is passed through.
    Passthrough,
}

/// A destination with addresses that may be dialled.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(super) client: ClientId,
    pub(super) destination: Destination,
    pub(super) offer: Offer,
    pub(super) addresses: Vec<SocketAddr>,
}

impl Route {
    /// The target for another proxy: an address if one is known, else the name.
    pub(super) fn target(&self) -> String {
        let Destination { host, port, .. } = &self.destination;
        self.addresses.first().map_or_else(|| format!("{host}:{port}"), ToString::to_string)
    }
}

/// Resolves a destination and judges every address. Addresses that may not be dialled are left out.
pub(super) async fn resolve(
    destination: &Destination,
    overrides: &[Resolve],
    dialler: &Dialler,
) -> Result<Vec<SocketAddr>, NoRoute> {
    let found = match (fixed(destination, overrides), &destination.host) {
        (Some(address), _) => vec![address],
        (None, Host::Ip(ip)) => vec![SocketAddr::new(*ip, destination.port)],
        // Always this computer (RFC 6761, section 6.3), whichever resolver is asked.
        (None, Host::Name(name)) if dialler.proxy.is_some() && is_localhost(name) => {
            vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), destination.port)]
        }
        // The other proxy resolves it.
        (None, Host::Name(_)) if dialler.proxy.is_some() => Vec::new(),
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

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn fixed(destination: &Destination, overrides: &[Resolve]) -> Option<SocketAddr> {
    let found = overrides.iter().find(|entry| entry.host == destination.host && entry.port == destination.port)?;
    Some(SocketAddr::new(found.address, found.dialled_port.unwrap_or(found.port)))
}

/// Asks the system's resolver, on a thread. The call cannot be cancelled: its permit is held until it returns.
async fn look_up(name: &str, port: u16, lookups: Arc<Semaphore>) -> Result<Vec<SocketAddr>, NoRoute> {
    let unresolved = |reason: String| NoRoute::Unresolved(format!("{name} could not be looked up: {reason}"));
    let owned = name.to_owned();
    let asked = timeout(limits::RESOLVE_TIMEOUT, async move {
        let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
        let ask = move || {
            let _permit = permit;
            (owned.as_str(), port).to_socket_addrs().map(Iterator::collect)
        };
        spawn_blocking(ask).await.map_err(io::Error::other)?
    });
    match asked.await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => {
            debug!(%error, "lookup failed");
            Err(unresolved("no DNS server knows it; check the host, and this computer's network".to_owned()))
        }
        Err(_) => Err(unresolved("it took too long; check this computer's DNS servers".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::upstream::connection::Wipes;
    use crate::upstream::connection_limit::ConnectionLimit;

    fn entry(host: &str, address: &str) -> Resolve {
        let host = Host::parse(host).expect("a host");
        Resolve { host, port: 443, address: address.parse().expect("an address"), dialled_port: Some(8443) }
    }

    async fn resolved(target: &str, overrides: &[Resolve]) -> Result<Vec<String>, String> {
        let destination = Destination::from_connect(target).expect("a destination");
        let dialler = Dialler {
            reach: Arc::default(),
            connections: ConnectionLimit::new(1),
            lookups: Arc::new(Semaphore::new(1)),
            wipes: Wipes::default(),
            listed: watch::Sender::default().subscribe(),
            proxy: None,
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
