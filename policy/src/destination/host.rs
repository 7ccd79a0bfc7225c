//! Hosts, ports and destinations, parsed once and strictly.
//!
//! A text that is not in the usual form is refused, never repaired. The `http` crate's own parser accepts
//! userinfo, empty ports and ports over 65535, so this parser reads its text again before any decision.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The longest name that DNS can hold (RFC 1035, section 2.3.4, as text without the root's dot).
const NAME_BYTES_MAX: usize = 253;
/// The longest label (RFC 1035, section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// How the request travels upstream.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scheme {
    /// Cleartext.
    Http,
    /// TLS, verified for the destination's host.
    Https,
}

impl Scheme {
    /// The scheme's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a destination that names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host in its one canonical form: a lower-case name, or an IP address.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Host {
    /// A DNS name: ASCII letters, digits, hyphens, underscores and dots, lower-case, no dot at the end.
    Name(Arc<str>),
    /// An IP literal.
    Ip(IpAddr),
}

/// Why a text is not a host or an authority.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum BadAuthority {
    /// Nothing where a host should be.
    #[error("the host is empty")]
    EmptyHost,
    /// Something other than letters, digits, hyphens, underscores and dots.
    #[error("the host has a character that no host name has")]
    Character,
    /// A label is empty or too long, or the name is too long; in a `_HOSTS` line also a label that starts or ends with a
    /// hyphen.
    #[error("the host is not a well-formed name")]
    Name,
    /// An unusual spelling that some programs read as an address.
    #[error("the address is not in its usual spelling")]
    Address,
    /// A port that is empty, has other characters than digits, leading zeros, or is not 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A port is needed here and missing.
    #[error("the port is missing")]
    NoPort,
}

impl Host {
    /// Reads a host without port: a name, an IPv4 address, or an IPv6 address in brackets, which may be written in any
    /// legal way. Underscores, and hyphens at the ends of labels, are no host names (RFC 1123, section 2.1), but DNS has
    /// them and servers use them.
    pub fn parse(text: &str) -> Result<Self, BadAuthority> {
        match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => parse_v6(inner),
            None => parse_name_or_v4(text),
        }
    }

    /// Whether no label starts or ends with a hyphen. Certificates cannot be verified for other names.
    pub fn has_plain_labels(&self) -> bool {
        let is_plain = |label: &str| !label.starts_with('-') && !label.ends_with('-');
        self.as_name().is_none_or(|name| name.split('.').all(is_plain))
    }

    /// The name, if it is one.
    pub fn as_name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Ip(_) => None,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

fn parse_v6(inner: &str) -> Result<Host, BadAuthority> {
    let ip: Ipv6Addr = inner.parse().map_err(|_| BadAuthority::Address)?;
    Ok(Host::Ip(ip.into()))
}

fn parse_name_or_v4(text: &str) -> Result<Host, BadAuthority> {
    if text.is_empty() {
        return Err(BadAuthority::EmptyHost);
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err(BadAuthority::Character);
    }
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(ip.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return Err(BadAuthority::Name);
    }
    // `127.1`, `0x7f.1`, `2130706433` and `127.0.0.1.`: C libraries read these as addresses.
    if name.rsplit('.').next().is_some_and(looks_numeric) {
        return Err(BadAuthority::Address);
    }
    Ok(Host::Name(name.into()))
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
}

fn looks_numeric(label: &str) -> bool {
    let hex = label.strip_prefix("0x");
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A host with an optional port, as `Host`, `:authority`, CONNECT and URIs write it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authority {
    /// The host.
    pub host: Host,
    /// The port, if one was written.
    pub port: Option<u16>,
}

impl Authority {
    /// Reads `host` or `host:port`; anything else (userinfo, paths, spaces) is an error.
    pub fn parse(text: &str) -> Result<Self, BadAuthority> {
        let after_bracket = text.find(']').map_or(0, |at| at + 1);
        let (host, port) = match text.get(after_bracket..).and_then(|rest| rest.find(':')) {
            Some(colon) => {
                let (host, port) = text.split_at(after_bracket + colon);
                (host, Some(parse_port(&port[1..])?))
            }
            None => (text, None),
        };
        Ok(Self { host: Host::parse(host)?, port })
    }

    /// The destination that this names under a scheme.
    pub fn under(self, scheme: Scheme) -> Destination {
        let port = self.port.unwrap_or(scheme.default_port());
        Destination { scheme, host: self.host, port }
    }
}

fn parse_port(text: &str) -> Result<u16, BadAuthority> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(port) if plain && port != 0 => Ok(port),
        _ => Err(BadAuthority::Port),
    }
}

/// Where a request goes: what is judged, dialled, verified and recorded.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Destination {
    /// Cleartext or TLS.
    pub scheme: Scheme,
    /// The host.
    pub host: Host,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl Destination {
    /// The target of a CONNECT request: `host:port`, the port being required.
    /// Its first byte shows later whether the tunnel carries TLS or cleartext; until then it counts as TLS.
    pub fn from_connect(target: &str) -> Result<Self, BadAuthority> {
        let authority = Authority::parse(target)?;
        if authority.port.is_none() {
            return Err(BadAuthority::NoPort);
        }
        Ok(authority.under(Scheme::Https))
    }

    /// The same host and port under another scheme.
    #[must_use]
    pub fn with_scheme(&self, scheme: Scheme) -> Self {
        Self { scheme, ..self.clone() }
    }

    /// The value of `Host` and `:authority`: with the port only if it is not the scheme's default.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Http {
            f.write_str("http://")?;
        }
        f.write_str(&self.authority())
    }
}

#[cfg(test)]
mod tests;
