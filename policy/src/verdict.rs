//! Whether a secret may be sent, and why not.

pub mod judge;
pub mod refusal;
pub mod render;
