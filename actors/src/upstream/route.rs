//! The route to a destination: its addresses, each judged.
//!
//! `limits.rs` has the bounds of lookups: `RESOLVE_TIMEOUT`, `LOOKUPS_MAX` and `ADDRESSES_MAX`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use policy::destination::host::{Destination, Host};
use policy::verdict::refusal::Refusal;

use super::client::ClientId;
use super::dialler::Dialler;
use super::error::NoRoute;
use super::race;
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

/// What a request needs of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) offer: Offer,
    /// Whether the request may be sent twice (RFC 9110, section 9.2.2).
    pub(crate) is_idempotent: bool,
    /// A connection failed at this moment: those made before it may be dead as well.
    pub(crate) made_after: Option<Instant>,
}

/// A destination with addresses that may be dialled.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(super) client: ClientId,
    pub(super) destination: Destination,
    pub(super) need: Need,
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether it leads through another proxy.
    pub(super) by_proxy: bool,
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
    client: ClientId,
    destination: Destination,
    need: Need,
    overrides: &[Resolve],
    dialler: &Dialler,
) -> Result<Route, NoRoute> {
    let fixed = fixed(&destination, overrides);
    let address = fixed.first().map(SocketAddr::ip);
    let by_proxy = dialler.proxy.is_some() && !dialler.except.covers(&destination, address);
    let is_listed = dialler.listed.borrow().as_ref().is_some_and(|listed| listed.allows(&destination));
    let found = match &destination.host {
        _ if !fixed.is_empty() => fixed,
        Host::Ip(ip) => vec![SocketAddr::new(*ip, destination.port)],
        // Always this computer (RFC 6761, section 6.3), whichever resolver is asked.
        Host::Name(name) if by_proxy && is_localhost(name) => {
            vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), destination.port)]
        }
        // The other proxy resolves it.
        Host::Name(_) if by_proxy => Vec::new(),
        Host::Name(name) => {
            let found = dialler.lookups.look_up(name, is_listed).await;
            let found = found.map_err(|why| NoRoute::Unresolved(format!("{name} could not be looked up: {why}")))?;
            found.into_iter().map(|ip| SocketAddr::new(ip, destination.port)).collect()
        }
    };
    let addresses = judged(&destination, found, is_listed, dialler)?;
    Ok(Route { client, destination, need, addresses, by_proxy })
}

/// The addresses that may be dialled, in the order in which they are tried.
fn judged(
    destination: &Destination,
    found: Vec<SocketAddr>,
    is_listed: bool,
    dialler: &Dialler,
) -> Result<Vec<SocketAddr>, NoRoute> {
    let mut denied = None;
    let mut allowed = Vec::new();
    for address in found {
        match dialler.reach.judge(address, is_listed) {
            Ok(()) => allowed.push(address),
            Err(why) => denied = denied.or(Some((address.ip(), why))),
        }
    }
    let mut allowed = race::interleave(allowed);
    allowed.truncate(limits::ADDRESSES_MAX);
    match denied {
        Some((ip, why)) if allowed.is_empty() => Err(NoRoute::Denied(Refusal::Address(destination.clone(), ip, why))),
        _ => Ok(allowed),
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn fixed(destination: &Destination, overrides: &[Resolve]) -> Vec<SocketAddr> {
    let entries = overrides.iter().filter(|entry| entry.host == destination.host && entry.port == destination.port);
    entries.map(|entry| SocketAddr::new(entry.address, entry.dialled_port.unwrap_or(entry.port))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;

    use super::*;
    use crate::upstream::connection::Wipes;
    use crate::upstream::connection_limit::ConnectionLimit;
    use crate::upstream::lookups::Lookups;

    fn entry(host: &str, address: &str) -> Resolve {
        let host = Host::parse(host).expect("a host");
        Resolve { host, port: 443, address: address.parse().expect("an address"), dialled_port: Some(8443) }
    }

    async fn resolved(target: &str, overrides: &[Resolve]) -> Result<Vec<String>, String> {
        let destination = Destination::from_connect(target).expect("a destination");
        let dialler = Dialler {
            reach: Arc::default(),
            connections: ConnectionLimit::new(1),
            lookups: Lookups::default(),
            worked: Arc::default(),
            wipes: Wipes::default(),
            listed: watch::Sender::default().subscribe(),
            proxy: None,
            except: Arc::default(),
        };
        let need = Need { offer: Offer::Http1, is_idempotent: true, made_after: None };
        match resolve(ClientId::next(), destination, need, overrides, &dialler).await {
            Ok(route) => Ok(route.addresses.iter().map(ToString::to_string).collect()),
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
