//! What the head of a request holds, and where it may stand.

pub mod hop;
pub mod placeholder;
