//! The destinations that are dialled directly although there is another proxy.

use std::net::IpAddr;

use ipnet::IpNet;
use policy::destination::host::{Destination, Host};

/// A list in the form of `NO_PROXY`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyExcept(Vec<Entry>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    pattern: Pattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Pattern {
    Any,
    /// Subdomains, and the name itself if it was written without a dot in front.
    Domain {
        name: String,
        itself: bool,
    },
    Network(IpNet),
}

impl ProxyExcept {
    /// Parses entries that are separated by commas or blanks: `*`, `NAME` (with its subdomains), `.NAME` or `*.NAME` (its
    /// subdomains alone), an address, or a network; each with or without `:PORT`.
    ///
    /// # Errors
    /// The first entry that has none of these forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        entries.map(|entry| Entry::parse(entry).ok_or_else(|| entry.to_owned())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a destination is dialled directly. `address` is known without a lookup.
    pub(super) fn covers(&self, destination: &Destination, address: Option<IpAddr>) -> bool {
        self.0.iter().any(|entry| entry.covers(destination, address))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if let Some(network) = network(text) {
            return Some(Self { pattern: Pattern::Network(network), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (text, None),
        };
        let pattern = match network(host) {
            Some(network) => Pattern::Network(network),
            None if host == "*" => Pattern::Any,
            None => domain(host)?,
        };
        Some(Self { pattern, port })
    }

    fn covers(&self, destination: &Destination, address: Option<IpAddr>) -> bool {
        let agrees = match (&self.pattern, &destination.host) {
            (Pattern::Any, _) => true,
            (Pattern::Network(network), Host::Ip(ip)) => network.contains(&ip.to_canonical()),
            (Pattern::Network(network), Host::Name(_)) => {
                address.is_some_and(|ip| network.contains(&ip.to_canonical()))
            }
            (Pattern::Domain { name, itself }, Host::Name(host)) => match host.strip_suffix(name.as_str()) {
                Some("") => *itself,
                Some(front) => front.ends_with('.'),
                None => false,
            },
            (Pattern::Domain { .. }, Host::Ip(_)) => false,
        };
        agrees && self.port.is_none_or(|port| port == destination.port)
    }
}

fn network(text: &str) -> Option<IpNet> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from))
}

fn domain(text: &str) -> Option<Pattern> {
    let name = text.strip_prefix("*.").or_else(|| text.strip_prefix('.'));
    match Host::parse(name.unwrap_or(text)).ok()? {
        Host::Name(parsed) => Some(Pattern::Domain { name: parsed.to_string(), itself: name.is_none() }),
        Host::Ip(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_entries_and_destinations() {
        let table = [
            ("*", "a.example:443", true),
            ("", "a.example:443", false),
            ("corp.example", "corp.example:443", true),
            ("corp.example", "git.corp.example:443", true),
            ("Corp.Example.", "GIT.corp.example:443", true),
            ("corp.example", "notcorp.example:443", false),
            ("corp.example", "corp.example.org:443", false),
            (".corp.example", "git.corp.example:443", true),
            (".corp.example", "corp.example:443", false),
            ("*.corp.example", "a.b.corp.example:443", true),
            ("*.corp.example", "corp.example:443", false),
            ("localhost", "localhost:8080", true),
            ("a.example:8443", "a.example:8443", true),
            ("a.example:8443", "a.example:443", false),
            ("*:8443", "a.example:8443", true),
            ("10.0.0.0/8", "10.1.2.3:443", true),
            ("10.0.0.0/8", "11.1.2.3:443", false),
            ("10.0.0.0/8", "a.example:443", false),
            ("192.168.7.7", "192.168.7.7:443", true),
            ("192.168.7.7:80", "192.168.7.7:443", false),
            ("2001:db8::/32", "[2001:db8::1]:443", true),
            ("::1", "[::1]:443", true),
            ("[::1]:443", "[::1]:443", true),
            ("x.example, 10.0.0.0/8 corp.example", "git.corp.example:443", true),
        ];
        for (text, target, expected) in table {
            let destination = Destination::from_connect(target).expect("a destination");
            let except = ProxyExcept::parse(text).expect("legal");
            assert_eq!(except.covers(&destination, None), expected, "{text} {target}");
        }
        let resolved = ProxyExcept::parse("10.0.0.0/8").expect("legal");
        let destination = Destination::from_connect("a.example:443").expect("a destination");
        assert!(resolved.covers(&destination, Some([10, 0, 0, 7].into())), "its address is in --resolve");
    }

    #[test]
    fn what_has_none_of_the_forms_is_an_error() {
        for text in [
            "http://a.example",
            "a.example:0",
            "a.example:http",
            "a b/c",
            "*.*",
            "*a.example",
            "a..example",
            "10.0.0.0/40",
        ] {
            assert!(ProxyExcept::parse(text).is_err(), "{text}");
        }
    }
}
