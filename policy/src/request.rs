//! What the head of a request holds, and where it may stand.

pub(crate) mod basic;
pub mod fields;
pub mod hop;
pub mod placeholder;
