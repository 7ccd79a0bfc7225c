//! Settings of upstream connections.

use std::net::IpAddr;
use std::path::PathBuf;

use http::HeaderValue;
use ipnet::IpNet;
use policy::destination::host::Host;

pub use super::except::ProxyExcept;

/// Settings of upstream connections.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// PEM roots trusted for upstreams besides the system's.
    pub ca: Option<PathBuf>,
    /// Networks that may be dialled although they are denied.
    pub allow_net: Vec<IpNet>,
    /// Whether private networks are denied.
    pub deny_private: bool,
    /// Names that are resolved before the system's resolver is asked.
    pub resolve: Vec<Resolve>,
    /// A proxy that upstream connections go through.
    pub proxy: Option<UpstreamProxy>,
    /// The destinations that are dialled directly all the same.
    pub proxy_except: ProxyExcept,
}

/// An HTTP proxy that upstream connections go through.
#[derive(Clone, Debug)]
pub struct UpstreamProxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`; marked as sensitive, so that it is never printed.
    pub authorization: Option<HeaderValue>,
}

/// `NAME:PORT:ADDRESS[:PORT]`: the address to dial for a destination. Certificates are still verified for the name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolve {
    /// The destination's host.
    pub host: Host,
    /// The destination's port.
    pub port: u16,
    /// The address to dial.
    pub address: IpAddr,
    /// The port to dial, if it differs.
    pub dialled_port: Option<u16>,
}
