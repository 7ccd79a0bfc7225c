//! Streams and bodies.

pub(crate) mod activity;
pub(crate) mod body;
pub(crate) mod prefixed;
pub(crate) mod tls;
