//! Where a request goes, where it may go, and which addresses are never dialled.

pub mod agreement;
pub mod allowlist;
pub mod host;
pub mod reach;
