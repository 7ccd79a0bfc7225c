//! Destinations: where a request goes, and where it may go.

pub mod agreement;
pub mod allowlist;
pub mod host;
pub mod reach;
