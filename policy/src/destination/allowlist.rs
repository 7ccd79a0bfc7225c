//! The allowlist of a `NAME_HOSTS` line: exact destinations and `*.suffix` wildcards.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::destination::host::{Authority, BadAuthority, Destination, Host, Scheme};

/// The destinations that one secret may be sent to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Allowlist {
    exact: HashSet<Destination>,
    /// Suffixes by port; always TLS.
    suffixes: HashMap<u16, HashSet<Arc<str>>>,
}

/// One entry of a `_HOSTS` line.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum AllowlistEntry {
    /// One destination.
    Exact(Destination),
    /// Every name below a suffix, by TLS.
    Wildcard {
        /// The suffix, without `*.`.
        suffix: Arc<str>,
        /// The port.
        port: u16,
    },
}

/// Why an entry of a `_HOSTS` line is not usable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum BadEntry {
    /// Nothing between two commas, or nothing at all.
    #[error("it is empty")]
    Empty,
    /// Not a host, or not a port.
    #[error("{0}")]
    NotAHost(BadAuthority),
    /// A name with other letters than ASCII ones that has no ASCII form.
    #[error("its letters have no form that DNS knows")]
    Unicode,
    /// A wildcard over a top-level name, such as `*.com`.
    #[error("a wildcard needs at least two labels after '*.'")]
    WildcardTooWide,
    /// A `*` that is not the whole first label.
    #[error("'*' may stand only before the first dot")]
    WildcardPlace,
    /// `*.` before an IP address.
    #[error("a wildcard stands before an address")]
    WildcardAddress,
    /// `http://` with a wildcard.
    #[error("http:// takes no wildcard")]
    WildcardCleartext,
    /// Another scheme, or `https://`, which is what an entry without a scheme means.
    #[error("leave the scheme out (only http:// may be written, to allow cleartext)")]
    Scheme,
}

impl BadEntry {
    /// How to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Empty => "write host, host:port, *.suffix or http://host, separated by single commas",
            Self::NotAHost(BadAuthority::Port) => "write a port from 1 to 65535, and an IPv6 address in brackets",
            Self::NotAHost(BadAuthority::Address) => "write 192.0.2.7 or [2001:db8::7], in its shortest form",
            Self::NotAHost(_) => "write hosts alone, separated by commas: no user, path or space",
            Self::Unicode => "write its xn-- form",
            Self::WildcardTooWide | Self::WildcardPlace => "write *.suffix, such as *.example.com",
            Self::WildcardAddress => "write each address",
            Self::WildcardCleartext => "write each host that may be sent cleartext",
            Self::Scheme => "write the host alone",
        }
    }
}

impl Allowlist {
    /// Reads the value of a `_HOSTS` line. One bad entry makes the whole list unusable.
    ///
    /// # Errors
    /// The number of the bad entry, from 1, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, BadEntry)> {
        let mut list = Self::default();
        for (index, entry) in text.split(',').enumerate() {
            list.add(AllowlistEntry::parse(entry).map_err(|error| (index + 1, error))?);
        }
        Ok(list)
    }

    /// Whether the secret may go to `destination`.
    pub fn allows(&self, destination: &Destination) -> bool {
        self.allows_by(destination, &self.matching_wildcards(destination))
    }

    /// The same, with the wildcards that match the destination. They may come from a union of lists.
    pub(crate) fn allows_by(&self, destination: &Destination, wildcards: &[&str]) -> bool {
        let suffixes = self.suffixes.get(&destination.port);
        let by_suffix = suffixes.is_some_and(|suffixes| wildcards.iter().any(|suffix| suffixes.contains(*suffix)));
        by_suffix || self.exact.contains(destination)
    }

    /// The suffixes of the destination's name that this list has a wildcard for. A name may have 127 labels, so
    /// they are looked up once for a request, however many secrets it asks for.
    pub(crate) fn matching_wildcards<'d>(&self, destination: &'d Destination) -> Vec<&'d str> {
        let suffixes = self.suffixes.get(&destination.port).filter(|_| destination.scheme == Scheme::Https);
        let (Some(suffixes), Some(name)) = (suffixes, destination.host.as_name()) else { return Vec::new() };
        let dots = name.bytes().enumerate().filter(|(_, byte)| *byte == b'.');
        dots.filter_map(|(at, _)| name.get(at + 1..)).filter(|suffix| suffixes.contains(*suffix)).collect()
    }

    /// Adds what another list allows.
    pub fn extend(&mut self, other: &Self) {
        self.exact.extend(other.exact.iter().cloned());
        for (port, suffixes) in &other.suffixes {
            self.suffixes.entry(*port).or_default().extend(suffixes.iter().cloned());
        }
    }

    /// The entries as text, sorted, for `check` and for the set of listed hosts.
    pub fn entries(&self) -> Vec<String> {
        let exact = self.exact.iter().map(ToString::to_string);
        let suffixes = self.suffixes.iter().flat_map(|(port, suffixes)| {
            suffixes.iter().map(move |suffix| match port {
                443 => format!("*.{suffix}"),
                port => format!("*.{suffix}:{port}"),
            })
        });
        let mut entries: Vec<String> = exact.chain(suffixes).collect();
        entries.sort();
        entries
    }

    fn add(&mut self, entry: AllowlistEntry) {
        match entry {
            AllowlistEntry::Exact(destination) => drop(self.exact.insert(destination)),
            AllowlistEntry::Wildcard { suffix, port } => drop(self.suffixes.entry(port).or_default().insert(suffix)),
        }
    }
}

impl AllowlistEntry {
    /// Reads one entry, which may have spaces around it.
    pub(crate) fn parse(entry: &str) -> Result<Self, BadEntry> {
        let entry = entry.trim();
        if entry.is_empty() {
            return Err(BadEntry::Empty);
        }
        let (scheme, rest) = match entry.split_once("://") {
            None => (Scheme::Https, entry),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(_) => return Err(BadEntry::Scheme),
        };
        match rest.strip_prefix("*.") {
            Some(_) if scheme == Scheme::Http => Err(BadEntry::WildcardCleartext),
            Some(suffix) => Self::wildcard(suffix),
            None => Ok(Self::Exact(authority(rest)?.under(scheme))),
        }
    }

    fn wildcard(suffix: &str) -> Result<Self, BadEntry> {
        let port = Scheme::Https.default_port();
        match authority(suffix) {
            Ok(Authority { host: Host::Name(name), .. }) if !name.contains('.') => Err(BadEntry::WildcardTooWide),
            Ok(Authority { host: Host::Name(suffix), port: own }) => {
                Ok(Self::Wildcard { suffix, port: own.unwrap_or(port) })
            }
            Ok(_) | Err(BadEntry::NotAHost(BadAuthority::Address)) => Err(BadEntry::WildcardAddress),
            Err(bad) => Err(bad),
        }
    }
}

/// Reads an entry's host and port. No other code converts Unicode names to their ASCII form.
fn authority(text: &str) -> Result<Authority, BadEntry> {
    if text.contains('*') {
        return Err(BadEntry::WildcardPlace);
    }
    if text.is_ascii() {
        return strict(text);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (text, String::new()),
    };
    let ascii = idna::domain_to_ascii_strict(host).map_err(|_| BadEntry::Unicode)?;
    strict(&format!("{ascii}{port}"))
}

/// A list is written by hand: an unusual form is more often a mistake than meant.
fn strict(text: &str) -> Result<Authority, BadEntry> {
    let authority = Authority::parse(text).map_err(BadEntry::NotAHost)?;
    if !authority.host.has_plain_labels() {
        return Err(BadEntry::NotAHost(BadAuthority::Name));
    }
    let is_shortest = |ip: &IpAddr| text.to_ascii_lowercase().starts_with(&Host::Ip(*ip).to_string());
    match &authority.host {
        Host::Ip(ip) if !is_shortest(ip) => Err(BadEntry::NotAHost(BadAuthority::Address)),
        _ => Ok(authority),
    }
}

#[cfg(test)]
mod tests;
