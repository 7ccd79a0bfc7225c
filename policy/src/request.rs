//! The head of a request: its placeholders and its hop-by-hop fields.

pub(crate) mod basic;
pub mod fields;
pub mod hop;
pub mod placeholder;
