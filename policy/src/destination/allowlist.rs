//! The allowlist of a `NAME_HOSTS` line: exact destinations and `*.suffix` wildcards.

use std::collections::{HashMap, HashSet};
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
            Self::NotAHost(_) => "write hosts alone, separated by commas: no user, path, space or underscore",
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
        return Authority::parse(text).map_err(BadEntry::NotAHost);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (text, String::new()),
    };
    let ascii = idna::domain_to_ascii_strict(host).map_err(|_| BadEntry::Unicode)?;
    Authority::parse(&format!("{ascii}{port}")).map_err(BadEntry::NotAHost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(target: &str) -> Destination {
        Destination::from_connect(target).expect("a destination")
    }

    #[test]
    fn table_of_entries() {
        let yes = [
            ("api.example", "api.example:443"),
            ("API.Example.", "api.example:443"),
            ("api.example:8443", "api.example:8443"),
            ("a.example, b.example ,c.example", "b.example:443"),
            ("*.example.com", "a.example.com:443"),
            ("*.example.com", "a.b.example.com:443"),
            ("*.example.com:8443", "a.example.com:8443"),
            ("[::1]:8443", "[::1]:8443"),
            ("192.0.2.7", "192.0.2.7:443"),
            ("bücher.example", "xn--bcher-kva.example:443"),
        ];
        for (list, target) in yes {
            assert!(Allowlist::parse(list).expect(list).allows(&https(target)), "{list} for {target}");
        }
        let no = [
            ("api.example", "evil.example:443"),
            ("api.example", "api.example:8443"),
            ("api.example", "api.example:80"),
            ("api.example", "xapi.example:443"),
            ("api.example", "api.example.evil.com:443"),
            ("api.example:8443", "api.example:443"),
            ("*.example.com", "example.com:443"),
            ("*.example.com", "badexample.com:443"),
            ("*.example.com", "a.example.com:8443"),
            ("http://api.example", "api.example:443"),
            ("http://api.example", "api.example:80"),
        ];
        for (list, target) in no {
            assert!(!Allowlist::parse(list).expect(list).allows(&https(target)), "{list} for {target}");
        }
    }

    #[test]
    fn cleartext_is_allowed_only_when_it_is_written() {
        let clear = https("api.example:80").with_scheme(Scheme::Http);
        assert!(Allowlist::parse("http://api.example").expect("good").allows(&clear));
        assert!(!Allowlist::parse("api.example,api.example:80,*.api.example").expect("good").allows(&clear));
        assert!(
            Allowlist::parse("http://api.example:8080").expect("good").allows(&Destination { port: 8080, ..clear })
        );
    }

    #[test]
    fn one_bad_entry_spoils_the_list() {
        use BadAuthority::{Address, Character, Port};

        let table = [
            ("", BadEntry::Empty),
            ("a.example,,b.example", BadEntry::Empty),
            ("*.com", BadEntry::WildcardTooWide),
            ("*.com:8443", BadEntry::WildcardTooWide),
            ("*", BadEntry::WildcardPlace),
            ("*example.com", BadEntry::WildcardPlace),
            ("ex*.com", BadEntry::WildcardPlace),
            ("*.*.com", BadEntry::WildcardPlace),
            ("*.0.0.1", BadEntry::WildcardAddress),
            ("*.192.0.2.7", BadEntry::WildcardAddress),
            ("*.[::1]", BadEntry::WildcardAddress),
            ("https://a.example", BadEntry::Scheme),
            ("ftp://a.example", BadEntry::Scheme),
            ("http://*.example.com", BadEntry::WildcardCleartext),
            ("a.example/path", BadEntry::NotAHost(Character)),
            ("u@a.example", BadEntry::NotAHost(Character)),
            ("a b.example", BadEntry::NotAHost(Character)),
            ("a.example b.example", BadEntry::NotAHost(Character)),
            ("a_b.example", BadEntry::NotAHost(Character)),
            ("a..example", BadEntry::NotAHost(BadAuthority::Name)),
            ("a.example..", BadEntry::NotAHost(BadAuthority::Name)),
            ("http://", BadEntry::NotAHost(BadAuthority::EmptyHost)),
            ("127.1", BadEntry::NotAHost(Address)),
            ("0x7f.0.0.1", BadEntry::NotAHost(Address)),
            ("010.0.0.1", BadEntry::NotAHost(Address)),
            ("192.0.2.7.", BadEntry::NotAHost(Address)),
            ("[2001:db8:0::7]", BadEntry::NotAHost(Address)),
            ("::1", BadEntry::NotAHost(Port)),
            ("a.example:0", BadEntry::NotAHost(Port)),
            ("a.example:", BadEntry::NotAHost(Port)),
            ("a.example:65536", BadEntry::NotAHost(Port)),
            ("b\u{fc}_cher.example", BadEntry::Unicode),
            ("\u{ad}", BadEntry::Unicode),
            ("b\u{fc}cher.example:0", BadEntry::NotAHost(Port)),
        ];
        for (list, expected) in table {
            let error = Allowlist::parse(list).map_err(|(_, error)| error);
            assert_eq!(error, Err(expected), "{list}");
        }
        assert_eq!(Allowlist::parse("a.example,*.com").map_err(|(at, _)| at), Err(2));
    }
}
