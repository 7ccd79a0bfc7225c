//! The reason of a refusal, for the audit record.
//!
//! The client always gets the same answer, and so never learns the reason.

use std::fmt;
use std::net::IpAddr;

use crate::destination::host::Destination;
use crate::destination::reach::Denied;
use crate::name::{Namespace, QualifiedName};
use crate::request::fields::Misplaced;
use crate::secrets::companions::{Companion, Denial};

/// Why a request is refused: one sentence of the audit record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// An address of the destination may not be dialled.
    Address(Destination, IpAddr, Denied),
    /// No header may hold the value, or it is empty.
    BadValue(QualifiedName),
    /// The `_HOSTS` line cannot be read.
    BadHosts(QualifiedName),
    /// The client went away before there was a verdict.
    ClientGone,
    /// The secret may not go to this destination.
    HostNotAllowed(QualifiedName, Destination),
    /// The source of a namespace gives no secrets, for this reason.
    InNamespace(Namespace, Box<Self>),
    /// The source is there, but its owner has not approved a read.
    Locked,
    /// The request is ambiguous or not well-formed.
    Malformed,
    /// The method would echo the request to the client.
    Method,
    /// There is no such namespace.
    NamespaceNotFound(QualifiedName),
    /// The secret has no `_HOSTS` line.
    NoHosts(QualifiedName),
    /// `Host`, `:authority` or `:scheme` names another destination than the one dialled.
    OtherHost(Destination),
    /// The TLS server name differs from the destination.
    OtherServerName(Destination),
    /// A placeholder in a field that routes or frames the request.
    RoutingField(Box<str>),
    /// There is no secret of that name.
    SecretNotFound(QualifiedName),
    /// More placeholders than a request may hold.
    TooMany,
    /// An owner did not answer. While an owner is down, requests are refused.
    Unavailable(&'static str),
    /// The source has changed, and a second read has not confirmed it yet.
    Unconfirmed,
    /// The source cannot be used, for this reason.
    Unreadable(Box<str>),
}

impl Refusal {
    pub(crate) fn by_rules(denial: Denial, name: QualifiedName, destination: &Destination) -> Self {
        match denial {
            Denial::NoHosts => Self::NoHosts(name),
            Denial::UnreadableHosts => Self::BadHosts(name),
            Denial::OtherHost => Self::HostNotAllowed(name, destination.clone()),
        }
    }
}

impl Refusal {
    /// The same, as the reason of that namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &Namespace) -> Self {
        if namespace.is_default() { self } else { Self::InNamespace(namespace.clone(), Box::new(self)) }
    }
}

impl From<Misplaced> for Refusal {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::TooMany => Self::TooMany,
            Misplaced::RoutingField(field) => Self::RoutingField(field.as_str().into()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(to, ip, denied) => write!(f, "Address {ip} of '{to}' may not be dialled: {denied}"),
            Self::BadValue(name) => write!(f, "Value of {name} is empty, too long or not legal in a header"),
            Self::BadHosts(name) => write!(f, "Allowed hosts for {name} cannot be read (run secret-proxy check)"),
            Self::ClientGone => f.write_str("Client went away"),
            Self::HostNotAllowed(name, to) => write!(f, "Host '{to}' not allowed for {name}"),
            Self::InNamespace(namespace, why) => write!(f, "Namespace {namespace}: {why}"),
            Self::Locked => f.write_str("Secrets are locked or not authorized"),
            Self::Malformed => f.write_str("Request is not well-formed"),
            Self::Method => f.write_str("Method would echo the request"),
            Self::NamespaceNotFound(name) => write!(f, "Namespace not found: {} (for {name})", name.namespace),
            Self::NoHosts(name) => {
                let missing = Companion::Hosts.name_beside(&name.name);
                write!(f, "No allowed hosts defined for: {name} (missing {missing})")
            }
            Self::OtherHost(to) => write!(f, "Request names another host than '{to}'"),
            Self::OtherServerName(to) => write!(f, "TLS server name differs from '{to}'"),
            Self::RoutingField(field) => {
                write!(f, "Placeholder in header '{field}', which routes or frames the request")
            }
            Self::SecretNotFound(name) => write!(f, "Secret not found: {name}"),
            Self::TooMany => f.write_str("Too many placeholders"),
            Self::Unavailable(owner) => write!(f, "Not available: {owner}"),
            Self::Unconfirmed => f.write_str("Secrets have changed, which a second read has not confirmed yet"),
            Self::Unreadable(why) => write!(f, "Secrets cannot be read: {why}"),
        }
    }
}
