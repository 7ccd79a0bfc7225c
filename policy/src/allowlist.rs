//! What a `NAME_HOSTS` line allows: exact destinations, and `*.suffix` wildcards.

use std::collections::{HashMap, HashSet};

use crate::host::{Authority, Destination, Host, Scheme};

/// The destinations that one secret may be sent to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Allowlist {
    exact: HashSet<Destination>,
    /// Suffixes by port; always TLS.
    suffixes: HashMap<u16, HashSet<Box<str>>>,
}

/// Why an entry of a `_HOSTS` line is not usable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadEntry {
    /// Nothing between two commas, or nothing at all.
    #[error("it is empty")]
    Empty,
    /// Not a host, or not a port.
    #[error("it is not host, host:port, *.suffix or http://host")]
    NotAHost,
    /// A wildcard over a top-level name, such as `*.com`.
    #[error("a wildcard needs at least two labels after '*.'")]
    WildcardTooWide,
    /// `http://` with a wildcard.
    #[error("http:// takes no wildcard")]
    WildcardCleartext,
    /// Another scheme, or `https://`, which is what an entry without a scheme means.
    #[error("leave the scheme out (only http:// may be written, to allow cleartext)")]
    Scheme,
}

impl Allowlist {
    /// Reads the value of a `_HOSTS` line. One bad entry spoils the whole list.
    ///
    /// # Errors
    /// The number of the bad entry, from 1, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, BadEntry)> {
        let mut list = Self::default();
        for (index, entry) in text.split(',').enumerate() {
            list.add(entry.trim()).map_err(|error| (index + 1, error))?;
        }
        Ok(list)
    }

    /// Whether the secret may go to `destination`.
    pub fn allows(&self, destination: &Destination) -> bool {
        self.exact.contains(destination) || self.allows_by_suffix(destination)
    }

    /// Adds what another list allows.
    pub(crate) fn extend(&mut self, other: &Self) {
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

    fn allows_by_suffix(&self, destination: &Destination) -> bool {
        if destination.scheme != Scheme::Https {
            return false;
        }
        let Some(suffixes) = self.suffixes.get(&destination.port) else { return false };
        let Some(name) = destination.host.as_name() else { return false };
        let dots = name.bytes().enumerate().filter(|(_, byte)| *byte == b'.');
        dots.filter_map(|(at, _)| name.get(at + 1..)).any(|suffix| suffixes.contains(suffix))
    }

    fn add(&mut self, entry: &str) -> Result<(), BadEntry> {
        if entry.is_empty() {
            return Err(BadEntry::Empty);
        }
        let (scheme, rest) = match entry.split_once("://") {
            None => (Scheme::Https, entry),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(_) => return Err(BadEntry::Scheme),
        };
        let Some(suffix) = rest.strip_prefix("*.") else {
            self.exact.insert(authority(rest)?.under(scheme));
            return Ok(());
        };
        if scheme == Scheme::Http {
            return Err(BadEntry::WildcardCleartext);
        }
        let Authority { host: Host::Name(name), port } = authority(suffix)? else {
            return Err(BadEntry::NotAHost);
        };
        if !name.contains('.') {
            return Err(BadEntry::WildcardTooWide);
        }
        let port = port.unwrap_or(scheme.default_port());
        self.suffixes.entry(port).or_default().insert(name.as_ref().into());
        Ok(())
    }
}

/// Reads an entry's host and port; Unicode names are turned into their ASCII form here and only here.
fn authority(text: &str) -> Result<Authority, BadEntry> {
    if text.is_ascii() {
        return Authority::parse(text).map_err(|_| BadEntry::NotAHost);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (text, String::new()),
    };
    let ascii = idna::domain_to_ascii_strict(host).map_err(|_| BadEntry::NotAHost)?;
    Authority::parse(&format!("{ascii}{port}")).map_err(|_| BadEntry::NotAHost)
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
        let table = [
            ("", BadEntry::Empty),
            ("a.example,,b.example", BadEntry::Empty),
            ("*.com", BadEntry::WildcardTooWide),
            ("*", BadEntry::NotAHost),
            ("*example.com", BadEntry::NotAHost),
            ("ex*.com", BadEntry::NotAHost),
            ("*.*.com", BadEntry::NotAHost),
            ("*.0.0.1", BadEntry::NotAHost),
            ("https://a.example", BadEntry::Scheme),
            ("ftp://a.example", BadEntry::Scheme),
            ("http://*.example.com", BadEntry::WildcardCleartext),
            ("a.example/path", BadEntry::NotAHost),
            ("u@a.example", BadEntry::NotAHost),
            ("127.1", BadEntry::NotAHost),
            ("::1", BadEntry::NotAHost),
            ("a.example:0", BadEntry::NotAHost),
            ("a b.example", BadEntry::NotAHost),
        ];
        for (list, expected) in table {
            let error = Allowlist::parse(list).map_err(|(_, error)| error);
            assert_eq!(error, Err(expected), "{list}");
        }
        assert_eq!(Allowlist::parse("a.example,*.com").map_err(|(at, _)| at), Err(2));
    }
}
