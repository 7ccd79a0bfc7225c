//! What can be wrong with an entry of the secrets file, in words, and what to do about it.
//!
//! A problem holds a line, a name and numbers, never text of a value or of a list of hosts: what is
//! not in it cannot be printed.

use std::borrow::Cow;
use std::fmt;

use crate::destination::allowlist::BadEntry;
use crate::secrets::file::{Cause, Malformed};
use crate::secrets::lint::{Look, Odd};
use crate::secrets::secret::Name;
use crate::secrets::table::{BadValue, HOSTS_SUFFIX};

/// Something that `check` tells the owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key on that line; `None` if the line has no certain one.
    pub name: Option<Name>,
    /// What is wrong.
    pub what: What,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// A secret cannot be used, or none can.
    Error,
    /// It is used as it stands, and is probably not what was meant, or is wider than is wise.
    Warning,
    /// Good to know.
    Note,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    /// The line cannot be read, and so nothing of the file is used.
    Malformed(Cause),
    /// The value cannot be sent.
    Value(BadValue),
    /// A secret without a `_HOSTS` line.
    NoHosts,
    /// A secret without a `_HOSTS` line, and the line of a name that is nearly that.
    HostsMisnamed(usize),
    /// A secret without a `_HOSTS` line whose own name is nearly that of a list.
    NearlyHosts,
    /// The numbered entry of a `_HOSTS` line is wrong.
    Entry(usize, BadEntry),
    /// A `_HOSTS` line that is not text.
    HostsNotText,
    /// A `_HOSTS` line without its secret.
    NoSecret,
    /// A `_HOSTS` line for another `_HOSTS` line.
    HostsOfHosts,
    /// The name stands on that line in other letter case.
    DiffersInCase(usize),
    /// The same name and value stand on that line too.
    Repeats(usize),
    /// The value does not look like a secret.
    Looks(Look),
    /// The numbered entry of a `_HOSTS` line can be used, and is odd.
    Odd(usize, Odd),
}

impl What {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::NoSecret | Self::HostsOfHosts | Self::DiffersInCase(_) | Self::Looks(_) => Severity::Warning,
            Self::Repeats(_) => Severity::Note,
            Self::Odd(_, odd) => odd.severity(),
            _ => Severity::Error,
        }
    }
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) => write!(f, "{cause}: nothing of the file is used"),
            Self::Value(bad) => write!(f, "{bad}"),
            Self::NoHosts | Self::NearlyHosts => f.write_str("no allowed hosts"),
            Self::HostsMisnamed(line) => write!(f, "no allowed hosts, and the name on line {line} is nearly right"),
            Self::Entry(at, bad) => write!(f, "entry {at}: {bad}"),
            Self::HostsNotText => f.write_str("the list of hosts is not text"),
            Self::NoSecret => f.write_str("there is no such secret"),
            Self::HostsOfHosts => f.write_str("a list of hosts has no hosts of its own"),
            Self::DiffersInCase(line) => write!(f, "the name on line {line} differs in letter case only"),
            Self::Repeats(line) => write!(f, "the same name and value stand on line {line}"),
            Self::Looks(look) => write!(f, "{look}"),
            Self::Odd(at, odd) => write!(f, "entry {at}: {odd}"),
        }
    }
}

impl Problem {
    /// What to do about it.
    pub fn fix(&self) -> Cow<'static, str> {
        let name = self.name.as_ref().map_or("NAME", Name::as_str);
        let owner = name.strip_suffix(HOSTS_SUFFIX).unwrap_or(name);
        match self.what {
            What::Malformed(cause) => cause.fix().into(),
            What::Value(bad) => bad.fix().into(),
            What::NoHosts => format!("add {name}{HOSTS_SUFFIX}=host[,host...]").into(),
            What::HostsMisnamed(line) => format!("name line {line} {name}{HOSTS_SUFFIX}").into(),
            What::NearlyHosts => {
                format!("name it NAME{HOSTS_SUFFIX} if it is a list of hosts, else add {name}{HOSTS_SUFFIX}").into()
            }
            What::Entry(_, bad) => bad.fix().into(),
            What::HostsNotText => "write it in UTF-8".into(),
            What::NoSecret if owner.is_empty() => format!("name it NAME{HOSTS_SUFFIX}, after the secret").into(),
            What::NoSecret => format!("add {owner}=value, or remove the line").into(),
            What::HostsOfHosts => "remove the line".into(),
            What::DiffersInCase(_) => "placeholders tell them apart: rename one, or remove it".into(),
            What::Repeats(_) => "remove one".into(),
            What::Looks(look) => look.fix().into(),
            What::Odd(_, odd) => odd.fix().into(),
        }
    }
}

impl From<Malformed> for Problem {
    fn from(Malformed { line, cause }: Malformed) -> Self {
        Self { line, name: None, what: What::Malformed(cause) }
    }
}
