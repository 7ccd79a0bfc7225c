//! Companion lines: the lines beside a secret, and the rules they give it.
//!
//! A companion is a row of [`Companion`], a field of [`Rules`] and a reason in [`BadRule`] and
//! `Denial`. Parsing, comparing and judging go through them and know no companion by name.

use std::borrow::Cow;
use std::fmt;

use crate::destination::allowlist::{Allowlist, BadEntry};
use crate::destination::host::Destination;
use crate::name::Name;
use crate::secrets::file::Entry;

/// A line beside a secret. Its name is the secret's with a suffix, and it is never injected itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Companion {
    /// `NAME_HOSTS`: the destinations of the secret.
    Hosts,
}

impl Companion {
    const ALL: [Self; 1] = [Self::Hosts];

    /// What its name ends in.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Hosts => "_HOSTS",
        }
    }

    /// Its name beside that secret.
    pub(crate) fn name_beside(self, secret: &Name) -> String {
        format!("{secret}{}", self.suffix())
    }

    /// The name of the secret that a companion line belongs to; `None` if `name` is not a companion's.
    pub fn owner(name: &str) -> Option<&str> {
        Self::ALL.iter().find_map(|companion| name.strip_suffix(companion.suffix()))
    }
}

/// What the companion lines of a secret say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Where the secret may go.
    pub hosts: Result<Allowlist, BadHosts>,
}

/// Why a rule cannot be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BadRule {
    /// The `_HOSTS` line.
    Hosts(BadHosts),
}

/// Why a `_HOSTS` line cannot be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum BadHosts {
    /// There is none.
    #[error("no allowed hosts")]
    Missing,
    /// It is not text.
    #[error("the list of hosts is not text")]
    NotText,
    /// The numbered entry is wrong.
    #[error("entry {0}: {1}")]
    Entry(usize, BadEntry),
}

impl fmt::Display for BadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(bad) => bad.fmt(f),
        }
    }
}

impl BadRule {
    /// How to fix it, on the line of this name.
    pub(crate) fn fix(self, name: &str) -> Cow<'static, str> {
        match self {
            Self::Hosts(BadHosts::Missing) => format!("add {name}{}=host[,host...]", Companion::Hosts.suffix()).into(),
            Self::Hosts(BadHosts::NotText) => "write it in UTF-8".into(),
            Self::Hosts(BadHosts::Entry(_, bad)) => bad.fix().into(),
        }
    }
}

/// Why the rules of a secret do not allow a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Denial {
    NoHosts,
    UnreadableHosts,
    OtherHost,
}

impl Rules {
    /// Reads the companion lines of a secret, which `line` finds.
    pub(crate) fn read<'a>(line: impl Fn(Companion) -> Option<&'a Entry>) -> Self {
        Self { hosts: line(Companion::Hosts).ok_or(BadHosts::Missing).and_then(read_hosts) }
    }

    /// The rules that cannot be used, and why.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (Companion, BadRule)> {
        self.hosts.as_ref().err().map(|bad| (Companion::Hosts, BadRule::Hosts(*bad))).into_iter()
    }

    /// Whether they can be used and allow a request to this destination. `wildcards` are those of its
    /// table that match the destination.
    ///
    /// # Errors
    /// Why they do not.
    pub(crate) fn check(&self, destination: &Destination, wildcards: &[&str]) -> Result<(), Denial> {
        match &self.hosts {
            Ok(hosts) if hosts.allows_by(destination, wildcards) => Ok(()),
            Ok(_) => Err(Denial::OtherHost),
            Err(BadHosts::Missing) => Err(Denial::NoHosts),
            Err(BadHosts::NotText | BadHosts::Entry(..)) => Err(Denial::UnreadableHosts),
        }
    }

    /// The same, without the wildcards of a table at hand.
    pub(crate) fn allow(&self, destination: &Destination) -> bool {
        let wildcards = self.hosts.as_ref().map(|hosts| hosts.matching_wildcards(destination)).unwrap_or_default();
        self.check(destination, &wildcards).is_ok()
    }
}

fn read_hosts(line: &Entry) -> Result<Allowlist, BadHosts> {
    Allowlist::parse(text(line).ok_or(BadHosts::NotText)?).map_err(|(at, bad)| BadHosts::Entry(at, bad))
}

/// The text of a companion line, which is not a secret; `None` if it is not UTF-8, or the line is not a companion.
pub(crate) fn text(line: &Entry) -> Option<&str> {
    Companion::owner(line.name.as_str())?;
    std::str::from_utf8(line.value.expose()).ok()
}
