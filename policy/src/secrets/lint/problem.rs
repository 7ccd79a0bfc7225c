//! A problem of the secrets file in words, and how to fix it.
//!
//! A problem holds a line, a name and numbers, never text of a value or of a list of hosts: so it cannot
//! print any.

use std::borrow::Cow;
use std::fmt;

use crate::destination::allowlist::BadEntry;
use crate::name::Name;
use crate::secrets::companions::{BadHosts, BadRule, Companion};
use crate::secrets::file::{Cause, Malformed};
use crate::secrets::lint::hosts::SuspiciousEntry;
use crate::secrets::lint::severity::Severity;
use crate::secrets::lint::values::SuspiciousValue;
use crate::secrets::table::{Fault, FaultKind};

const HOSTS: &str = Companion::Hosts.suffix();

/// A problem that `check` reports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key on that line; `None` if the line has no certain one.
    pub name: Option<Name>,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ProblemKind {
    /// The line cannot be read, and so nothing of the file is used.
    Malformed(Cause),
    /// The entry cannot be used.
    Fault(FaultKind),
    /// A secret without a `_HOSTS` line, and the line of a name that is nearly that.
    HostsMisnamed(usize),
    /// A secret without a `_HOSTS` line whose own name is nearly that of a list.
    NearlyHosts,
    /// The name stands on that line in other letter case.
    DiffersInCase(usize),
    /// The same name and value stand on that line too.
    Repeats(usize),
    /// The value can be sent, and is suspicious.
    Value(SuspiciousValue),
    /// The numbered entry of a `_HOSTS` line can be used, and is suspicious.
    Host(usize, SuspiciousEntry),
}

impl ProblemKind {
    /// That the numbered entry of a `_HOSTS` line is wrong.
    pub(super) const fn bad_host(number: usize, bad: BadEntry) -> Self {
        Self::Fault(FaultKind::Rule(BadRule::Hosts(BadHosts::Entry(number, bad))))
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        use FaultKind::{CompanionOfCompanion, NoSecret, Rule, Value};
        match self {
            Self::Malformed(_) | Self::Fault(Value(_) | Rule(_)) | Self::HostsMisnamed(_) | Self::NearlyHosts => {
                Severity::Error
            }
            Self::Fault(NoSecret | CompanionOfCompanion) | Self::DiffersInCase(_) | Self::Value(_) => Severity::Warning,
            Self::Repeats(_) => Severity::Note,
            Self::Host(_, suspicious) => suspicious.severity(),
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) => write!(f, "{cause}: nothing of the file is used"),
            Self::Fault(FaultKind::Value(bad)) => write!(f, "{bad}"),
            Self::Fault(FaultKind::Rule(bad)) => write!(f, "{bad}"),
            Self::NearlyHosts => write!(f, "{}", BadHosts::Missing),
            Self::Fault(FaultKind::NoSecret) => f.write_str("there is no such secret"),
            Self::Fault(FaultKind::CompanionOfCompanion) => {
                f.write_str("a companion line has no companions of its own")
            }
            Self::HostsMisnamed(line) => write!(f, "no allowed hosts, and the name on line {line} is nearly right"),
            Self::DiffersInCase(line) => write!(f, "the name on line {line} differs in letter case only"),
            Self::Repeats(line) => write!(f, "the same name and value stand on line {line}"),
            Self::Value(suspicious) => write!(f, "{suspicious}"),
            Self::Host(number, suspicious) => write!(f, "entry {number}: {suspicious}"),
        }
    }
}

impl Problem {
    /// How to fix it.
    pub fn fix(&self) -> Cow<'static, str> {
        let name = self.name.as_ref().map_or("NAME", Name::as_str);
        match self.kind {
            ProblemKind::Malformed(cause) => cause.fix().into(),
            ProblemKind::Fault(fault) => fix_of_fault(fault, name),
            ProblemKind::HostsMisnamed(line) => format!("name line {line} {name}{HOSTS}").into(),
            ProblemKind::NearlyHosts => {
                format!("name it NAME{HOSTS} if it is a list of hosts, else add {name}{HOSTS}").into()
            }
            ProblemKind::DiffersInCase(_) => "placeholders are case-sensitive: rename one, or remove it".into(),
            ProblemKind::Repeats(_) => "remove one".into(),
            ProblemKind::Value(suspicious) => suspicious.fix().into(),
            ProblemKind::Host(_, suspicious) => suspicious.fix().into(),
        }
    }
}

fn fix_of_fault(fault: FaultKind, name: &str) -> Cow<'static, str> {
    match fault {
        FaultKind::Value(bad) => bad.fix().into(),
        FaultKind::Rule(bad) => bad.fix(name),
        FaultKind::NoSecret => match Companion::owner(name) {
            Some("") | None => format!("name it NAME{HOSTS}, after the secret").into(),
            Some(owner) => format!("add {owner}=value, or remove the line").into(),
        },
        FaultKind::CompanionOfCompanion => "remove the line".into(),
    }
}

impl From<Malformed> for Problem {
    fn from(Malformed { line, cause }: Malformed) -> Self {
        Self { line, name: None, kind: ProblemKind::Malformed(cause) }
    }
}

impl From<&Fault> for Problem {
    fn from(Fault { line, name, kind }: &Fault) -> Self {
        Self { line: *line, name: Some(name.clone()), kind: ProblemKind::Fault(*kind) }
    }
}
