//! The reasons why a destination has no connection.

use std::{fmt, io};

use policy::verdict::refusal::Refusal;

use super::words;

/// Why there is no connection. The text is for the host's logs, never for the client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DialError {
    /// Whether a time limit was exceeded.
    pub(crate) timed_out: bool,
    pub(crate) reason: String,
    pub(crate) cause: DialCause,
}

/// The kind of failure, with what a library said of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum DialCause {
    /// The server could not be connected to.
    Connect(io::ErrorKind),
    /// The TLS handshake failed.
    Tls(rustls::Error),
    #[default]
    Other,
}

impl DialError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self { timed_out: false, reason: reason.to_string(), cause: DialCause::Other }
    }

    pub(super) fn timed_out(what: &str) -> Self {
        Self { timed_out: true, ..Self::new(format_args!("{what} took too long")) }
    }

    pub(super) fn connect(error: &io::Error) -> Self {
        Self { cause: DialCause::Connect(error.kind()), ..Self::new(words::connecting(error)) }
    }

    pub(super) fn tls(error: &io::Error) -> Self {
        let said = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let cause = said.map_or(DialCause::Other, |said| DialCause::Tls(said.clone()));
        Self { cause, ..Self::new(words::tls(error)) }
    }
}

/// Why there is no route.
#[derive(Clone, Debug)]
pub(crate) enum NoRoute {
    /// No address of the destination may be dialled.
    Denied(Refusal),
    /// The name has no address.
    Unresolved(String),
}
