//! Entries of a `_HOSTS` line that can be used, but are too wide, useless or easily misread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::destination::allowlist::{AllowlistEntry, BadEntry};
use crate::destination::host::{Destination, Host, Scheme};
use crate::destination::reach::{Denied, Reach};
use crate::secrets::lint::severity::Severity;

/// Whether anybody can register a name below this one: `com`, `co.uk`, `github.io`.
pub type PublicSuffixes<'a> = &'a dyn Fn(&str) -> bool;

/// The longest name without a dot that is shown: longer than any computer's name in a Windows
/// network, and shorter than a token that was put here by mistake.
const SHORT_NAME_BYTES: usize = 15;

/// Why an entry is suspicious.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum SuspiciousEntry {
    /// A wildcard under which anybody can have a name.
    #[error("anybody can get a name under this suffix")]
    PublicSuffix,
    /// An address that is never dialled.
    #[error("secret-proxy does not dial it without --allow-net: {0}")]
    NeverDialled(Denied),
    /// TLS on the port of cleartext.
    #[error("it means TLS on port 80")]
    TlsOnPort80,
    /// Cleartext on the port of TLS.
    #[error("it means cleartext on port 443")]
    CleartextOnPort443,
    /// One long label.
    #[error("a long name without a dot")]
    LongName,
    /// Cleartext.
    #[error("the value travels in cleartext")]
    Cleartext,
    /// The same as an earlier entry.
    #[error("it repeats entry {0}")]
    Repeats(usize),
    /// Within another entry.
    #[error("entry {0} covers it")]
    CoveredBy(usize),
    /// Written in other letters than ASCII ones.
    #[error("secret-proxy uses its xn-- form")]
    Unicode,
}

impl SuspiciousEntry {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Cleartext | Self::Repeats(_) | Self::CoveredBy(_) | Self::Unicode => Severity::Note,
            _ => Severity::Warning,
        }
    }

    /// How to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::PublicSuffix => "list your own names, such as *.you.suffix",
            Self::NeverDialled(_) => "remove it, or run with --allow-net for that network",
            Self::TlsOnPort80 => "write http://host if cleartext is meant, else leave the port out",
            Self::CleartextOnPort443 => "leave http:// and the port out if TLS is meant",
            Self::LongName => "check that it is a host and not the secret",
            Self::Cleartext => "leave http:// out if the host speaks TLS",
            Self::Repeats(_) | Self::CoveredBy(_) => "remove it",
            Self::Unicode => "compare that form, listed above, with the name you mean: letters can look alike",
        }
    }
}

/// An entry of a `_HOSTS` line, and where in the line it stands.
pub(super) struct Numbered<'a> {
    /// From 1.
    pub(super) number: usize,
    text: &'a str,
    pub(super) entry: Result<AllowlistEntry, BadEntry>,
}

/// The entries of a `_HOSTS` line.
pub(super) fn read(text: &str) -> Vec<Numbered<'_>> {
    let numbered = |(at, text)| Numbered { number: at + 1, text, entry: AllowlistEntry::parse(text) };
    text.split(',').enumerate().map(numbered).collect()
}

/// Where each entry of a list first stands: a list may have as many entries as the file has room for.
#[derive(Default)]
pub(super) struct Index {
    numbers: HashMap<AllowlistEntry, usize>,
    wildcards: HashMap<u16, HashMap<Arc<str>, usize>>,
}

impl Index {
    pub(super) fn of(list: &[Numbered<'_>]) -> Self {
        let mut index = Self::default();
        for (number, entry) in list.iter().filter_map(|it| Some((it.number, it.entry.as_ref().ok()?))) {
            index.numbers.entry(entry.clone()).or_insert(number);
            if let AllowlistEntry::Wildcard { suffix, port } = entry {
                index.wildcards.entry(*port).or_default().entry(suffix.clone()).or_insert(number);
            }
        }
        index
    }

    /// The first wildcard over a longer name.
    fn covering(&self, name: &str, port: u16) -> Option<usize> {
        let wildcards = self.wildcards.get(&port)?;
        let dots = name.bytes().enumerate().filter(|(_, byte)| *byte == b'.');
        dots.filter_map(|(at, _)| wildcards.get(name.get(at + 1..)?)).copied().min()
    }
}

/// Every reason to suspect one entry of a list.
pub(super) fn suspicions(one: &Numbered<'_>, list: &Index, public: PublicSuffixes<'_>) -> Vec<SuspiciousEntry> {
    let Ok(entry) = &one.entry else { return Vec::new() };
    let by_itself = match entry {
        AllowlistEntry::Exact(destination) => of_destination(destination),
        AllowlistEntry::Wildcard { suffix, .. } => public(suffix).then_some(SuspiciousEntry::PublicSuffix),
    };
    let in_other_letters = (!one.text.is_ascii()).then_some(SuspiciousEntry::Unicode);
    [by_itself, covered(one.number, entry, list), in_other_letters].into_iter().flatten().collect()
}

fn covered(number: usize, entry: &AllowlistEntry, list: &Index) -> Option<SuspiciousEntry> {
    let same = list.numbers.get(entry).copied().filter(|first| *first < number);
    let covers = || match entry {
        AllowlistEntry::Exact(Destination { scheme: Scheme::Https, host: Host::Name(name), port })
        | AllowlistEntry::Wildcard { suffix: name, port } => list.covering(name, *port),
        AllowlistEntry::Exact(_) => None,
    };
    same.map(SuspiciousEntry::Repeats).or_else(|| covers().map(SuspiciousEntry::CoveredBy))
}

fn of_destination(destination: &Destination) -> Option<SuspiciousEntry> {
    let denied = never_dialled(destination).map(SuspiciousEntry::NeverDialled);
    let by_port = match (destination.scheme, destination.port) {
        (Scheme::Https, 80) => Some(SuspiciousEntry::TlsOnPort80),
        (Scheme::Http, 443) => Some(SuspiciousEntry::CleartextOnPort443),
        (Scheme::Http, _) => Some(SuspiciousEntry::Cleartext),
        (Scheme::Https, _) => None,
    };
    denied.or(by_port).or((!is_shown(&destination.host)).then_some(SuspiciousEntry::LongName))
}

/// Why an address, or the one name that always means this computer, is never dialled.
fn never_dialled(destination: &Destination) -> Option<Denied> {
    match &destination.host {
        Host::Ip(ip) => Reach::default().judge(SocketAddr::new(*ip, destination.port), true).err(),
        Host::Name(name) => (**name == *"localhost" || name.ends_with(".localhost")).then_some(Denied::Loopback),
    }
}

/// Whether a host may be printed: a token in its place must not be.
fn is_shown(host: &Host) -> bool {
    host.as_name().is_none_or(|name| name.contains('.') || name.len() <= SHORT_NAME_BYTES)
}

/// Whether an entry may be printed.
pub(super) fn may_be_shown(one: &Numbered<'_>) -> bool {
    !matches!(&one.entry, Ok(AllowlistEntry::Exact(destination)) if !is_shown(&destination.host))
}

/// Whether all entries are names that the Internet can have, or wildcards over such.
pub(super) fn are_internet_names(list: &str, public: PublicSuffixes<'_>) -> bool {
    let is_internet_name = |it: Numbered<'_>| match it.entry {
        Ok(
            AllowlistEntry::Exact(Destination { host: Host::Name(name), .. })
            | AllowlistEntry::Wildcard { suffix: name, .. },
        ) => name.rsplit_once('.').is_some_and(|(_, top)| public(top)),
        _ => false,
    };
    read(list).into_iter().all(is_internet_name)
}
