//! Streams and bodies.

pub(crate) mod activity;
pub(crate) mod prefixed;
pub(crate) mod request_body;
pub(crate) mod tls;
