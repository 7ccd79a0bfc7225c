//! The reasons why a destination has no connection.

use std::fmt;

use policy::verdict::refusal::Refusal;

/// Why there is no connection. The text is for the host's logs, never for the client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DialError {
    /// Whether a time limit was exceeded.
    pub(crate) timed_out: bool,
    pub(crate) reason: String,
}

impl DialError {
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self { timed_out: false, reason: reason.to_string() }
    }

    pub(super) fn timed_out(what: &str) -> Self {
        Self { timed_out: true, reason: format!("{what} took too long") }
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
